//! A job under its id: how it travels, and the outcome of it.
//!
//! Promise: whoever submitted a job can find out what came of it, also that it could not be done.

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

/// The longest that an invocation of Lambda takes.
const INVOCATION_MAX: SignedDuration = SignedDuration::from_mins(15);
/// The field of a message that has its chain.
const CHAIN: &str = "chain";

/// A job as a message: what [`Job`] says, and an `id` beside it. A user who writes one by hand may leave the id
/// out; then nothing is kept of what becomes of it. A message that continues a job has its `chain`, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobMessage {
    /// Under which its record is kept. Time-ordered, unique.
    pub id: Option<String>,
    /// What is asked for.
    pub job: Job,
    /// The rounds of the job so far.
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
            Some(_) => return Err(D::Error::custom("the id is no text")),
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
    /// It is on the queue, or at work.
    Pending,
    /// It was run; its runs say with what result.
    Succeeded,
    /// It can't be run, for the reason given.
    Rejected,
    /// Its last attempt failed, and its message is in the dead-letter queue. It runs again when it is retried
    /// ([`retry`](super::retry)), or when that message is moved back to the queue.
    Failed,
    /// What it did was undone by a later job; it is not tried again.
    Canceled,
}

impl JobState {
    /// Whether nothing more comes of it, even if its message comes again.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Failed)
    }

    /// Whether nothing more comes of it by itself.
    pub fn is_finished(self) -> bool {
        self != Self::Pending
    }

    /// The word that tables show.
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

/// The outcome of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Time-ordered, unique.
    pub id: String,
    /// What was asked for.
    pub job: Job,
    /// Its state.
    pub state: JobState,
    /// Why it is rejected, failed or undone, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The runs of its last attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// jobs that it placed, and that continue with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next_job_ids: Vec<String>,
    /// When it was placed.
    pub submitted_at: Timestamp,
    /// Who placed it.
    pub submitted_by: String,
    /// Why it was submitted, if that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// It has no message of its own: the invocation that completed the job before it runs it, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
    /// When its last attempt began: after that its message is in the dead-letter queue, even if the attempt was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
    /// How far it is, if it is pending and that was written ([`JobStore::record_progress`]). It is stored beside the record.
    #[serde(skip)]
    pub progress: Option<JobProgress>,
}

impl JobRecord {
    /// A job that is about to be placed.
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

    /// The same with the reason for which it is submitted.
    #[must_use]
    pub fn with_reason(self, reason: Option<String>) -> Self {
        Self { reason, ..self }
    }

    /// As it travels.
    pub fn message(&self) -> JobMessage {
        JobMessage::new(Some(self.id.clone()), self.job.clone())
    }

    /// Whether it failed, or its last attempt was aborted: nothing comes of it unless it is retried.
    pub fn is_failed(&self, now: Timestamp) -> bool {
        let is_over = |begun: Timestamp| now.duration_since(begun) > INVOCATION_MAX;
        match self.state {
            JobState::Failed => true,
            JobState::Pending => self.last_attempt_at.is_some_and(is_over),
            JobState::Succeeded | JobState::Rejected | JobState::Canceled => false,
        }
    }

    /// The record of a failed job that is submitted again: pending, as before. None, if it has not failed.
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

    /// A job that continues with this one. Its id follows from what it is about, so that a second one is the same.
    #[must_use]
    pub fn child(&self, about: &str, job: Job, now: Timestamp) -> Self {
        let root = self.id.split('.').next().unwrap_or_default();
        Self::new(format!("{root}.{about}"), job, now, &self.submitted_by).with_reason(self.reason.clone())
    }

    /// The same, completed.
    #[must_use]
    pub fn completed(self, state: JobState, message: Option<String>, now: Timestamp) -> Self {
        Self { state, message, completed_at: Some(now), progress: None, ..self }
    }
}

/// Remembers jobs.
pub trait JobStore {
    /// The record of a job, read consistently. None: it is unknown, or so old that it is forgotten.
    fn job_record(&self, id: &str) -> impl Future<Output = Result<Option<JobRecord>, PortError>> + Send;

    /// Writes the record of a job, in one atomic step with making sure that the one of the same id, if there is one, is not
    /// completed. False, and nothing written, if it is: what a user undid stays undone.
    fn record_job(&self, record: &JobRecord) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Writes how far a job is, in one atomic step with making sure that it is pending. False, and nothing written, if it is not:
    /// it has ended, or there is no record of it. The next [`JobStore::record_job`] removes the progress.
    fn record_progress(&self, id: &str, progress: &JobProgress)
    -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Writes the record of a job that is canceled, whatever the one of the same id says.
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
        // A word that is misspelt must not widen what is asked for, with an id or without.
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
        assert_eq!(second.child("run3", first.job, now).id, "7.run3", "ids do not grow");
    }
}
