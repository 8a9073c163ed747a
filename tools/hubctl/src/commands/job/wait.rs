//! Waits until the deployment has completed a job and its following jobs.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use exporter::jobs::JobState;
use management::wire::JobView;
use tokio::time::Instant;

use super::outcome::{Outcome, rejection};
use crate::client::{Management, read, segment};
use crate::exit::{Exit, Failure};
use crate::progress::Watch;
use crate::render::{Output, text};

/// Time until the second poll: a job with a few findings takes about a second.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Maximum number of Regions in a progress message: those with the most findings.
const REGIONS_SHOWN: usize = 3;
/// Maximum time between two polls.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Maximum time to wait: two invocations of 15 minutes, the default timeout. The job continues afterwards.
const WAIT_MAX: Duration = Duration::from_secs(30 * 60);

/// The progress shown while waiting: the numbers of processed and of all findings, and a message.
type Said = (Option<(u64, u64)>, String);

/// Waits until a job and its following jobs are complete.
pub(super) async fn completed(management: &Management, job: JobView, output: &Output) -> Result<Outcome> {
    let id = job.id.clone();
    watched(&id, output, async |said| all(management, job, said).await).await
}

/// Waits until a job that reports is complete, and returns the job with its report.
pub(crate) async fn reported(management: &Management, job: JobView, output: &Output) -> Result<JobView> {
    let id = job.id.clone();
    let job = watched(&id, output, async |said| one(management, job, said).await).await?;
    if job.state == JobState::Succeeded {
        return Ok(job);
    }
    let why = job.message.as_deref().unwrap_or("unknown reason");
    Err(rejection(&text::harmless(why)).into())
}

/// Waits while the progress of the job is shown.
async fn watched<T>(id: &str, output: &Output, wait: impl AsyncFnOnce(&Mutex<Said>) -> Result<T>) -> Result<T> {
    let said = Arc::new(Mutex::new((None, "waiting".to_owned())));
    let shown = said.clone();
    let watch = Watch::waiting(output.err_style, move || shown.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let stopped_waiting = |why: &str| {
        let hint = format!("the job continues; to wait for it: hubctl job show {id} --wait");
        Failure::new(Exit::Error, why.to_owned()).hint(hint)
    };
    let waited = tokio::select! {
        waited = tokio::time::timeout(WAIT_MAX, wait(&said)) => waited,
        _ = tokio::signal::ctrl_c() => return Err(stopped_waiting("interrupted").into()),
    };
    drop(watch);
    waited.map_err(|_| stopped_waiting("the job is not complete yet"))?
}

/// The job and the jobs that it submits, one after another.
async fn all(management: &Management, job: JobView, said: &Mutex<Said>) -> Result<Outcome> {
    let mut settled = Outcome::default();
    let mut jobs = VecDeque::from([job]);
    while let Some(job) = jobs.pop_front() {
        let job = one(management, job, said).await?;
        for run_id in &job.runs {
            let answer = management.get(format!("/runs/{}", segment(run_id))).await?;
            settled.runs.push(read(&answer.body)?);
        }
        if job.state != JobState::Succeeded {
            let why = job.message.as_deref().unwrap_or("unknown reason");
            let verb = if job.state == JobState::Failed { "" } else { "was " };
            settled.refused.push(format!("the job {verb}{}: {}", job.state.as_str(), text::harmless(why)));
        }
        for next in &job.next_job_ids {
            let answer = management.get(format!("/jobs/{}", segment(next))).await?;
            jobs.push_back(read(&answer.body)?);
        }
    }
    Ok(settled)
}

async fn one(management: &Management, mut job: JobView, said: &Mutex<Said>) -> Result<JobView> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    while !job.state.is_finished() {
        *said.lock().unwrap_or_else(PoisonError::into_inner) = describe(&job);
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
        job = read(&management.get(format!("/jobs/{}", segment(&job.id))).await?.body)?;
    }
    tracing::debug!(job.id = job.id, waited_ms = begun.elapsed().as_millis(), "job is complete");
    Ok(job)
}

/// The progress of a pending job.
fn describe(job: &JobView) -> Said {
    let Some(progress) = &job.progress else {
        let message = job.message.as_deref().map_or(String::new(), |message| format!(": {}", text::harmless(message)));
        return (None, format!("waiting for the deployment{message}"));
    };
    let mut regions: Vec<_> = progress.regions.iter().filter(|(_, region)| region.done > 0).collect();
    regions.sort_by_key(|(_, region)| Reverse(region.done));
    let shown = regions.iter().take(REGIONS_SHOWN).map(|(name, region)| format!("{name} {}", text::count(region.done)));
    let mut words = vec!["findings".to_owned()];
    words.extend(shown);
    if regions.len() > REGIONS_SHOWN {
        words.push(format!("and {} more", regions.len() - REGIONS_SHOWN));
    }
    let words = words.join("  ");
    match progress.total {
        Some(total) => (Some((progress.done, total)), words),
        None => (None, format!("{} {words}", text::count(progress.done))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn job_progress_is_shown_as_a_bar_with_its_regions() {
        let job = |progress: serde_json::Value| -> JobView {
            let mut job = json!({
                "id": "7", "job": "approve", "target": "r", "state": "pending", "message": "wait\u{1b}[2J", "runs": [],
                "next_job_ids": [], "submitted_at": "2026-11-23T09:00:00Z", "submitted_by": "ada",
            });
            if !progress.is_null() {
                job["progress"] = progress;
            }
            serde_json::from_value(job).unwrap()
        };
        assert_eq!(describe(&job(json!(null))), (None, "waiting for the deployment: wait\\u{1b}[2J".to_owned()));
        let regions = json!({
            "eu-west-1": { "done": 1204, "total": 2410 }, "us-east-1": { "done": 1300 }, "eu-north-1": { "done": 0 },
            "eu-west-2": { "done": 2 }, "eu-west-3": { "done": 1 },
        });
        let at = "2026-11-23T09:00:02Z";
        let known = describe(&job(json!({ "done": 2507, "total": 5210, "regions": regions, "updated_at": at })));
        let words = "findings  us-east-1 1,300  eu-west-1 1,204  eu-west-2 2  and 1 more";
        assert_eq!(known, (Some((2507, 5210)), words.to_owned()));
        let unknown = describe(&job(json!({ "done": 2507, "regions": {}, "updated_at": at })));
        assert_eq!(unknown, (None, "2,507 findings".to_owned()));
    }
}
