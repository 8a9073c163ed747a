//! A job with its ID: its message and its record.
//!
//! Guarantee: a user who submitted a job can find out its outcome, even if it could not be run.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::chain::Chain;
use super::job::Job;
use super::progress::JobProgress;
use crate::ports::PortError;

/// The maximum duration of a Lambda invocation.
const INVOCATION_MAX: SignedDuration = SignedDuration::from_mins(15);
/// The field of a message for its chain.
const CHAIN: &str = "chain";

/// A job as a message: the fields of [`Job`], and an `id`. A user who writes a message by hand may omit the ID; then no
/// record of the job is stored. A message that continues a job also has its `chain`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobMessage {
    /// The ID of the job's record. Time-ordered and unique.
    pub id: Option<String>,
    /// The job.
    pub job: Job,
    /// The chain of the rounds so far.
    pub chain: Chain,
}

impl JobMessage {
    /// The first message of a job.
    pub fn new(id: Option<String>, job: Job) -> Self {
        Self { id, job, chain: Chain::default() }
    }
}

impl Serialize for JobMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(&self.job).map_err(S::Error::custom)?;
        if let (Some(id), Some(fields)) = (&self.id, value.as_object_mut()) {
            fields.insert("id".to_owned(), id.as_str().into());
        }
        if let (false, Some(fields)) = (self.chain.is_first(), value.as_object_mut()) {
            fields.insert(CHAIN.to_owned(), serde_json::to_value(&self.chain).map_err(S::Error::custom)?);
        }
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JobMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let id = match fields.remove("id") {
            None => None,
            Some(Value::String(id)) => Some(id),
            Some(_) => return Err(D::Error::custom("the id is not a string")),
        };
        let chain = fields.remove(CHAIN).map(Chain::deserialize).transpose().map_err(D::Error::custom)?;
        let job = Job::deserialize(Value::Object(fields)).map_err(D::Error::custom)?;
        Ok(Self { id, job, chain: chain.unwrap_or_default() })
    }
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// The job is in the queue, or running.
    Pending,
    /// The job was run; the statuses of its runs show the result.
    Succeeded,
    /// The job can't be run, for the given reason.
    Rejected,
    /// The last attempt failed, and the job's message is in the dead-letter queue. It runs again when it is retried
    /// ([`retry`](super::retry)), or when that message is moved back to the queue.
    Failed,
    /// A later job reverted the effect of this one; it is not retried.
    Canceled,
}

impl JobState {
    /// Whether the job never runs again, even if its message is delivered again.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Failed)
    }

    /// Whether the job does not run again unless it is retried.
    pub fn is_finished(self) -> bool {
        self != Self::Pending
    }

    /// The name that tables show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

/// The record of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Time-ordered and unique.
    pub id: String,
    /// The job.
    pub job: Job,
    /// Its state.
    pub state: JobState,
    /// Why it was rejected, failed, or was canceled, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The runs of its last attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// Jobs that it submitted, and that continue it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_job_ids: Vec<String>,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// The principal that submitted it.
    pub submitted_by: String,
    /// The reason for which it was submitted. `None` if none was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// The job has no message: the invocation that completed the previous job also runs this one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
    /// When its last attempt began. After that attempt, its message is in the dead-letter queue, even if the attempt
    /// was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
    /// The progress, if the job is pending and progress was recorded ([`JobStore::record_progress`]). It is stored
    /// separately.
    #[serde(skip)]
    pub progress: Option<JobProgress>,
}

impl JobRecord {
    /// The record of a job that is about to be submitted.
    pub fn new(id: String, job: Job, now: Timestamp, by: &str) -> Self {
        Self {
            id,
            job,
            state: JobState::Pending,
            message: None,
            runs: Vec::new(),
            next_job_ids: Vec::new(),
            submitted_at: now,
            submitted_by: by.to_owned(),
            reason: None,
            completed_at: None,
            inline: false,
            last_attempt_at: None,
            progress: None,
        }
    }

    /// Returns the record with the reason for which the job is submitted.
    #[must_use]
    pub fn with_reason(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }

    /// The message of the job.
    pub fn message(&self) -> JobMessage {
        JobMessage::new(Some(self.id.clone()), self.job.clone())
    }

    /// Whether the job failed, or its last attempt was aborted: it does not run again unless it is retried.
    pub fn is_failed(&self, now: Timestamp) -> bool {
        let is_over = |begun: Timestamp| now.duration_since(begun) > INVOCATION_MAX;
        match self.state {
            JobState::Failed => true,
            JobState::Pending => self.last_attempt_at.is_some_and(is_over),
            JobState::Succeeded | JobState::Rejected | JobState::Canceled => false,
        }
    }

    /// The record of a failed job that is submitted again: pending, as before. `None` if the job has not failed.
    pub fn retried(&self, now: Timestamp) -> Option<Self> {
        self.is_failed(now).then(|| Self {
            state: JobState::Pending,
            message: Some("it was submitted again".to_owned()),
            completed_at: None,
            inline: false,
            last_attempt_at: None,
            progress: None,
            ..self.clone()
        })
    }

    /// A job that continues this one. Its ID is derived from `about`, so that the same job always has the same ID.
    #[must_use]
    pub fn child(&self, about: &str, job: Job, now: Timestamp) -> Self {
        let root = self.id.split('.').next().unwrap_or_default();
        Self::new(format!("{root}.{about}"), job, now, &self.submitted_by).with_reason(self.reason.clone())
    }

    /// Returns the record as completed.
    #[must_use]
    pub fn completed(self, state: JobState, message: Option<String>, now: Timestamp) -> Self {
        Self { state, message, completed_at: Some(now), progress: None, ..self }
    }
}

/// Stores the records of jobs.
pub trait JobStore {
    /// The record of a job, read consistently. `None` if it is unknown, or has expired.
    fn job_record(&self, id: &str) -> impl Future<Output = Result<Option<JobRecord>, PortError>> + Send;

    /// Writes the record of a job, in one atomic step with the condition that the stored record of the same ID, if
    /// there is one, is not complete. If it is, returns false and writes nothing: a canceled job stays canceled.
    fn record_job(&self, record: &JobRecord) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Writes the progress of a job, in one atomic step with the condition that the job is pending. If it has ended or
    /// has no record, returns false and writes nothing. The next [`JobStore::record_job`] removes the progress.
    fn record_progress(&self, id: &str, progress: &JobProgress)
    -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Writes the record of a canceled job, whatever the state of the stored record.
    fn cancel_job(&self, record: &JobRecord) -> impl Future<Output = Result<(), PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_job_with_an_id() {
        let job = Job::Approve { run_id: "r".to_owned(), pending: false, unproven: false };
        let text = r#"{"id":"7","job":"approve","run_id":"r"}"#;
        let message = JobMessage::new(Some("7".to_owned()), job.clone());
        assert_eq!(serde_json::from_str::<JobMessage>(text).unwrap(), message);
        assert_eq!(serde_json::to_value(&message).unwrap(), serde_json::from_str::<Value>(text).unwrap());

        let by_hand = JobMessage::new(None, job);
        assert_eq!(serde_json::from_str::<JobMessage>(r#"{"job":"approve","run_id":"r"}"#).unwrap(), by_hand);
        // A misspelled field must not widen the scope of a job, with an ID or without.
        serde_json::from_str::<JobMessage>(r#"{"id":"7","job":"redrive","code_":"x"}"#).unwrap_err();
        serde_json::from_str::<JobMessage>(r#"{"id":7,"job":"redrive"}"#).unwrap_err();

        let chain = Chain { rounds: 2, idle_rounds: 1, ..Chain::default() };
        let continued = JobMessage { chain, ..message };
        let text = r#"{"id":"7","job":"approve","run_id":"r","chain":{"rounds":2,"idle_rounds":1,"completed":0}}"#;
        assert_eq!(serde_json::to_value(&continued).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(serde_json::from_str::<JobMessage>(text).unwrap(), continued);
    }

    #[test]
    fn a_follow_up_job_has_the_same_id_each_time() {
        let now = Timestamp::UNIX_EPOCH;
        let first = JobRecord::new("7".to_owned(), Job::Redrive { run_id: None, code: None }, now, "me");
        let first = first.with_reason(Some("SEC-42".to_owned()));
        let second = first.child("run2", first.job.clone(), now);
        assert_eq!((second.id.as_str(), second.submitted_by.as_str()), ("7.run2", "me"));
        assert_eq!(second.reason.as_deref(), Some("SEC-42"));
        assert_eq!(second.child("run3", first.job, now).id, "7.run3", "IDs do not grow");
    }
}
