//! Requeues uploads as EventBridge events, and enqueues jobs. Both contain the chain of invocations that they belong to.
//!
//! The messages carry the trace header of the sending invocation, with which Lambda counts the invocations of a chain (decision
//! 30).

use std::time::Duration;

use exporter::jobs::Queue;
use exporter::jobs::{JobMessage, Round};
use exporter::model::upload::Upload;
use exporter::ports::PortError;
use serde_json::json;

use crate::Cloud;
use crate::errors::{failure, port_error};

/// Maximum delay of SQS.
const DELAY_SECONDS_MAX: i32 = 900;

impl Queue for Cloud {
    async fn requeue(&self, upload: &Upload, round: &Round) -> Result<bool, PortError> {
        let mut object = json!({ "key": upload.key });
        if let Some(version) = &upload.version {
            object["version-id"] = version.as_str().into();
        }
        if let Some(etag) = &upload.etag {
            object["etag"] = etag.as_str().into();
        }
        let mut detail = json!({ "bucket": { "name": upload.bucket }, "object": object });
        if let Some(requester) = &upload.requester {
            detail["requester"] = requester.as_str().into();
        }
        let event =
            json!({ "source": "aws.s3", "detail-type": "Object Created", "detail": detail, "chain": round.chain });
        self.put(event.to_string(), round.delay, || format!("requeue {}", upload.url())).await
    }

    async fn enqueue_job(&self, job: &JobMessage, after: Duration) -> Result<bool, PortError> {
        let action = || format!("enqueue the job {}", job.job);
        let body = serde_json::to_string(job).map_err(|error| failure(action(), error))?;
        self.put(body, after, action).await
    }
}

impl Cloud {
    async fn put(&self, body: String, after: Duration, action: impl Fn() -> String) -> Result<bool, PortError> {
        let Some(queue_url) = &self.names.queue_url else { return Ok(false) };
        let delay = i32::try_from(after.as_secs()).unwrap_or(DELAY_SECONDS_MAX).min(DELAY_SECONDS_MAX);
        let request = self.sqs.send_message().queue_url(queue_url).delay_seconds(delay).message_body(escaped(body));
        request.send().await.map(|_| true).map_err(|error| port_error(action(), &error))
    }
}

/// Escapes the two characters that JSON allows and SQS rejects (API reference, `SendMessage`): object keys may contain them. They
/// occur only in strings.
fn escaped(json: String) -> String {
    if json.contains(['\u{fffe}', '\u{ffff}']) {
        json.replace('\u{fffe}', "\\ufffe").replace('\u{ffff}', "\\uffff")
    } else {
        json
    }
}
