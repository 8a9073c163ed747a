//! Parses events: an S3 event, an "Object Created" event of EventBridge, a job, or any of these in the messages of a queue.
//! Upload events may be delivered through an SNS topic.
//!
//! The object key is form-encoded in an S3 event, and plain in an EventBridge event (contract 6.4).

use std::borrow::Cow;

use aws_lambda_events::eventbridge::EventBridgeEvent;
use aws_lambda_events::s3::S3Entity;
use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use exporter::jobs::{Chain, JobMessage};
use exporter::model::upload::Upload;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Attribute of an SQS message: the number of receives.
const RECEIVES: &str = "ApproximateReceiveCount";

/// The parsed payload of an invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invocation {
    /// Messages of a queue. Each succeeds or fails separately.
    Queue(Vec<Message>),
    /// An event of a direct invocation.
    Direct(Task),
}

/// What an event requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Export these uploads. The chain has the earlier invocations for them.
    Uploads(Vec<Upload>, Chain),
    /// Run a job.
    Job(JobMessage),
}

/// A message of an SQS queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// ID of the message, which identifies it in the response if it failed.
    pub id: String,
    /// Number of receives, including this one.
    pub receives: u32,
    /// The task in the body of the message.
    pub task: Result<Task, EventError>,
}

/// An unknown or invalid event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The message is not JSON.
    #[error("the message is not JSON: {0}")]
    NotJson(String),
    /// The kind of event is unknown.
    #[error("the event is neither an S3 event, nor an \"Object Created\" event of EventBridge, nor a job")]
    Unknown,
    /// The job is unknown or incomplete.
    #[error("failed to parse the job: {0}")]
    UnknownJob(String),
    /// A required field is missing.
    #[error("incomplete event: {0}")]
    Incomplete(String),
}

/// Parses the payload of an invocation.
///
/// # Errors
///
/// If the event is unknown. An invalid message of a queue is an error of this message only.
pub fn parse(payload: &Value) -> Result<Invocation, EventError> {
    match queue_messages(payload) {
        Some(messages) => Ok(Invocation::Queue(messages?.into_iter().map(Message::from).collect())),
        None => parse_task(payload).map(Invocation::Direct),
    }
}

impl From<SqsMessage> for Message {
    fn from(message: SqsMessage) -> Self {
        let body = message.body.unwrap_or_default();
        let body = serde_json::from_str(&body).map_err(|error| EventError::NotJson(error.to_string()));
        let receives = message.attributes.get(RECEIVES).and_then(|count| count.parse().ok()).unwrap_or(1);
        Self { id: message.message_id.unwrap_or_default(), receives, task: body.and_then(|body| parse_task(&body)) }
    }
}

/// The messages, if an SQS queue invoked the function.
fn queue_messages(payload: &Value) -> Option<Result<Vec<SqsMessage>, EventError>> {
    let from_queue = payload.get("Records")?.get(0)?.get("eventSource")? == "aws:sqs";
    from_queue.then(|| complete::<SqsEvent>(payload).map(|event| event.records))
}

fn parse_task(event: &Value) -> Result<Task, EventError> {
    if event.get("job").is_some() {
        let job = JobMessage::deserialize(event).map_err(|error| EventError::UnknownJob(error.to_string()))?;
        return Ok(Task::Job(job));
    }
    let chain = event.get("chain").map_or(Ok(Chain::default()), complete)?;
    // More principals may be allowed to publish to the topic than to
    // send to the queue, so that jobs are not accepted from a topic.
    match published(event) {
        Some(message) => {
            // For the same reason, the uploader that the message states is not trusted.
            let anonymous = |upload| Upload { requester: None, ..upload };
            let uploads = uploads(&message?)?.into_iter().map(anonymous).collect();
            Ok(Task::Uploads(uploads, Chain::default()))
        }
        None => uploads(event).map(|uploads| Task::Uploads(uploads, chain)),
    }
}

/// The event in an SNS envelope, which a topic without raw message delivery adds.
fn published(event: &Value) -> Option<Result<Value, EventError>> {
    let is_envelope = event.get("Type")? == "Notification" && event.get("TopicArn").is_some();
    let message = event.get("Message")?.as_str().filter(|_| is_envelope)?;
    Some(serde_json::from_str(message).map_err(|error| EventError::NotJson(error.to_string())))
}

/// The uploads of an event. Empty for notifications about something else.
fn uploads(event: &Value) -> Result<Vec<Upload>, EventError> {
    if event.get("Event").is_some_and(|event| event == "s3:TestEvent") {
        return Ok(Vec::new());
    }
    if let Some(records) = event.get("Records") {
        let records: Vec<S3Record> = complete(records)?;
        return records.into_iter().filter(S3Record::is_creation).map(Upload::try_from).collect();
    }
    match (event.get("source").and_then(Value::as_str), event.get("detail-type").and_then(Value::as_str)) {
        (Some("aws.s3"), Some("Object Created")) => {
            let EventBridgeEvent { detail, .. } = complete::<EventBridgeEvent<Detail>>(event)?;
            let (bucket, key) = (named(Some(detail.bucket.name), "bucket")?, named(Some(detail.object.key), "key")?);
            Ok(vec![Upload {
                version: not_empty(detail.object.version_id),
                requester: not_empty(detail.requester),
                etag: not_empty(detail.object.etag),
                ..Upload::new(bucket, key)
            }])
        }
        (Some("aws.s3"), Some(_)) => Ok(Vec::new()),
        _ => Err(EventError::Unknown),
    }
}

fn complete<'de, T: Deserialize<'de>>(value: &'de Value) -> Result<T, EventError> {
    T::deserialize(value).map_err(|error| EventError::Incomplete(error.to_string()))
}

/// The fields of an S3 event record that are used. The type of `aws_lambda_events` also requires the sender's identity and IP
/// address, which senders other than S3 omit.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Record {
    event_name: String,
    s3: S3Entity,
}

#[derive(Deserialize, Serialize)]
struct Bucket {
    name: String,
}

/// The detail of an EventBridge event.
#[derive(Deserialize, Serialize)]
struct Detail {
    bucket: Bucket,
    object: DetailObject,
    /// An account ID, or the name of a service (S3 User Guide, "EventBridge event message structure").
    requester: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
struct DetailObject {
    key: String,
    version_id: Option<String>,
    etag: Option<String>,
}

impl S3Record {
    /// Whether the record is of a created object. Some senders prefix the event name with `s3:`.
    fn is_creation(&self) -> bool {
        self.event_name.trim_start_matches("s3:").starts_with("ObjectCreated")
    }
}

impl TryFrom<S3Record> for Upload {
    type Error = EventError;

    fn try_from(record: S3Record) -> Result<Self, EventError> {
        let S3Entity { bucket, object, .. } = record.s3;
        let bucket = named(bucket.name, "bucket")?;
        let key = decode(&named(object.key, "key")?)?;
        // An S3 event has a principal ID instead of the uploader's account.
        Ok(Self { version: not_empty(object.version_id), ..Self::new(bucket, key) })
    }
}

/// Requires a name that is not empty.
fn named(name: Option<String>, what: &str) -> Result<String, EventError> {
    not_empty(name).ok_or_else(|| EventError::Incomplete(format!("a record has no {what}")))
}

/// Treats an empty string as missing, because S3 rejects an empty version ID.
fn not_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Decodes a form-encoded key: `+` is a space, and `%XX` is a byte.
fn decode(key: &str) -> Result<String, EventError> {
    let spaced = key.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map(Cow::into_owned);
    decoded.map_err(|_| EventError::Incomplete(format!("the key {key:?} is not UTF-8")))
}

#[cfg(test)]
mod tests;
