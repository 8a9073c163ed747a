//! Waits until the deployment has completed a job and the jobs that follow it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use exporter::jobs::JobState;
use management::wire::JobView;
use tokio::time::Instant;

use super::outcome::Outcome;
use crate::client::{Management, read, segment};
use crate::exit::{Exit, Failure};
use crate::progress::Watch;
use crate::render::{Output, text};

/// Time until the second poll: a job with a few findings takes about a second.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Maximum time between two polls.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Maximum time to wait: two invocations of 15 minutes, the default timeout. The job continues afterwards.
const WAIT_MAX: Duration = Duration::from_secs(30 * 60);

/// Waits until a job and the jobs that follow it are complete.
pub(super) async fn completed(management: &Management, job: JobView, output: &Output) -> Result<Outcome> {
    let id = job.id.clone();
    let said = Arc::new(Mutex::new("waiting".to_owned()));
    let shown = said.clone();
    let watch =
        Watch::message_only(output.err_style, move || shown.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let stopped_waiting = |why: &str| {
        let hint = format!("the job continues; to wait for it: hubctl job show {id} --wait");
        Failure::new(Exit::Error, why.to_owned()).hint(hint)
    };
    let waited = tokio::select! {
        waited = tokio::time::timeout(WAIT_MAX, all(management, job, &said)) => waited,
        _ = tokio::signal::ctrl_c() => return Err(stopped_waiting("interrupted").into()),
    };
    drop(watch);
    waited.map_err(|_| stopped_waiting("the job is not complete yet"))?
}

/// The job and the jobs that it submits, one after another.
async fn all(management: &Management, job: JobView, said: &Mutex<String>) -> Result<Outcome> {
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

async fn one(management: &Management, mut job: JobView, said: &Mutex<String>) -> Result<JobView> {
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    while !job.state.is_finished() {
        let message = job.message.as_deref().map_or(String::new(), |message| format!(": {}", text::harmless(message)));
        *said.lock().unwrap_or_else(PoisonError::into_inner) = format!("waiting for the deployment{message}");
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(PAUSE_MAX);
        job = read(&management.get(format!("/jobs/{}", segment(&job.id))).await?.body)?;
    }
    tracing::debug!(job.id = job.id, waited_ms = begun.elapsed().as_millis(), "job is complete");
    Ok(job)
}
