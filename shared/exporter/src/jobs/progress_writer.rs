//! Writes the progress of a job to its record while it runs.
//!
//! Guarantees: progress is written at most every [`INTERVAL`], and only if it changed; writing it never delays the job,
//! makes it fail, or changes the record of a job that has ended.

use std::convert::Infallible;
use std::time::Duration;

use super::job::Job;
use super::progress::JobProgress;
use super::record::JobStore;
use crate::ports::Clock;
use crate::progress::Progress;

/// Time between two writes of a job's progress. A job that ends sooner writes none; one that needs the 15 minutes of an
/// invocation writes at most 450 times.
pub const INTERVAL: Duration = Duration::from_secs(2);

/// Runs the work of a job, and at the same time writes its progress if the job has a record.
pub(super) async fn with_progress<P: JobStore + Clock, T>(
    ports: &P,
    id: Option<&str>,
    job: &Job,
    progress: &Progress,
    work: impl Future<Output = T>,
) -> T {
    let Some(id) = id else { return work.await };
    tokio::select! {
        biased;
        done = work => done,
        never = write_progress(ports, id, job, progress) => match never {},
    }
}

/// Writes the progress of a job until the future is dropped. If a write in flight still arrives after that, its
/// condition fails, since the job has ended.
async fn write_progress<P: JobStore + Clock>(ports: &P, id: &str, job: &Job, progress: &Progress) -> Infallible {
    let mut written: Option<JobProgress> = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        let now = JobProgress::new(job, progress, ports.now());
        if written.as_ref().is_some_and(|written| now.is_as_far_as(written)) {
            continue;
        }
        match tokio::time::timeout(INTERVAL, ports.record_progress(id, &now)).await {
            Ok(Ok(true)) => written = Some(now),
            // The job has ended, was canceled in the meantime, or has no record.
            Ok(Ok(false)) => return std::future::pending().await,
            Ok(Err(error)) => tracing::debug!(job.id = id, %error, "progress not recorded"),
            Err(_) => tracing::debug!(job.id = id, "progress not recorded in time"),
        }
    }
}
