//! The queue, and the records of jobs. Messages stay on the queue until the test removes them.

use std::time::Duration;

use super::contents::Contents;
use super::faults::Operation;
use super::memory::InMemory;
use crate::jobs::{JobMessage, JobProgress, JobRecord, JobState, JobStore, Queue, Round};
use crate::model::upload::Upload;
use crate::ports::PortError;

impl<H: Sync> Queue for InMemory<H> {
    async fn requeue(&self, upload: &Upload, round: &Round) -> Result<bool, PortError> {
        if self.contents().queue.rejects_uploads {
            return Ok(false);
        }
        self.call(Operation::EnqueueUpload, &upload.key, |contents| {
            contents.queue.uploads.push((upload.clone(), round.clone()));
            Ok(true)
        })
        .await
    }

    async fn enqueue_job(&self, job: &JobMessage, after: Duration) -> Result<bool, PortError> {
        self.call(Operation::EnqueueJob, job.id.as_deref().unwrap_or_default(), |contents| {
            contents.queue.jobs.push((job.clone(), after));
            Ok(true)
        })
        .await
    }
}

impl<H: Sync> JobStore for InMemory<H> {
    async fn job_record(&self, id: &str) -> Result<Option<JobRecord>, PortError> {
        self.call(Operation::ReadJob, id, |contents| Ok(contents.job(id).cloned())).await
    }

    async fn record_job(&self, record: &JobRecord) -> Result<bool, PortError> {
        self.call(Operation::WriteJob, &record.id, |contents| {
            let is_open = contents.job(&record.id).is_none_or(|known| !known.state.is_final());
            if is_open {
                contents.replace_job(&JobRecord { progress: None, ..record.clone() });
            }
            Ok(is_open)
        })
        .await
    }

    async fn record_progress(&self, id: &str, progress: &JobProgress) -> Result<bool, PortError> {
        self.call(Operation::WriteJobProgress, id, |contents| {
            let known = contents.jobs.iter_mut().find(|known| known.id == id && known.state == JobState::Pending);
            let is_pending = known.is_some();
            if let Some(known) = known {
                known.progress = Some(progress.clone());
                contents.progress.push(progress.clone());
            }
            Ok(is_pending)
        })
        .await
    }

    async fn cancel_job(&self, record: &JobRecord) -> Result<(), PortError> {
        self.call(Operation::WriteJob, &record.id, |contents| {
            contents.replace_job(record);
            Ok(())
        })
        .await
    }
}

impl Contents {
    fn replace_job(&mut self, record: &JobRecord) {
        self.jobs.retain(|known| known.id != record.id);
        self.jobs.push(record.clone());
    }
}
