//! Waits until the deployment has run a job, and all that go on with it.

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

/// Time to the second look: a job of a few findings takes about a second.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Time between two looks at most.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How long a job is waited for: two invocations of 15 minutes, the default timeout. It goes on without us.
const WAIT_MAX: Duration = Duration::from_secs(30 * 60);

/// Waits until nothing more comes of a job.
pub(super) async fn settled(management: &Management, job: JobView, output: &Output) -> Result<Outcome> {
    let id = job.id.clone();
    let said = Arc::new(Mutex::new("waiting".to_owned()));
    let shown = said.clone();
    let watch = Watch::saying(output.err_style, move || shown.lock().unwrap_or_else(PoisonError::into_inner).clone());
    let left_alone = |why: &str| {
        let hint = format!("the deployment goes on with it: hubctl job show {id} --wait");
        Failure::new(Exit::Error, why.to_owned()).hint(hint)
    };
    let waited = tokio::select! {
        waited = tokio::time::timeout(WAIT_MAX, all(management, job, &said)) => waited,
        _ = tokio::signal::ctrl_c() => return Err(left_alone("interrupted").into()),
    };
    drop(watch);
    waited.map_err(|_| left_alone("the job is not complete yet"))?
}

/// The job and those that it places, one after the other.
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
            let why = job.message.as_deref().unwrap_or("no reason is known");
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
    tracing::debug!(job.id = job.id, waited_ms = begun.elapsed().as_millis(), "job is settled");
    Ok(job)
}
