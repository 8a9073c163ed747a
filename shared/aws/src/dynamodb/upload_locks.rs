//! Who works on which upload: one item for each upload, taken by a conditional write, so that of two callers at once
//! exactly one gets it.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use exporter::ports::{Claim, PortError};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::Cloud;
use crate::dynamodb::item::{Item, get_text, number, text};
use crate::errors::{is_written, port_error};

/// How long an upload stays known. Its event can't come again later: a queue keeps it for 14 days at most.
const CLAIM_RETENTION: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The sort key of a claim.
const SORT_KEY: &str = "claim";
/// A run works on the upload.
const IN_PROGRESS: &str = "in_progress";
/// A run exported the upload.
const COMPLETED: &str = "completed";

/// Free: never locked, expired, released, or completed and to be repeated.
const FREE: &str = "attribute_not_exists(pk) OR expires_at <= :now_s OR (#state = :in_progress AND locked_until <= :now) \
                    OR (#state = :completed AND :again = :yes)";

/// The key of an upload's claim. The identity has no bounded length, a key has.
fn key(identity: &str) -> String {
    let digest: String = Sha256::digest(identity.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("upload#{digest}")
}

impl Cloud {
    pub(crate) async fn take_claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim, PortError> {
        let expires_at = until.saturating_add(CLAIM_RETENTION).unwrap_or(until);
        let request = self
            .dynamodb
            .put_item()
            .table_name(&self.names.table)
            .item("pk", text(key(identity)))
            .item("sk", text(SORT_KEY))
            .item("identity", text(identity))
            .item("run_id", text(run_id))
            .item("state", text(IN_PROGRESS))
            .item("claimed_at", text(now.to_string()))
            .item("locked_until", number(until.as_millisecond()))
            .item("expires_at", number(expires_at.as_second()))
            .condition_expression(FREE)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":in_progress", text(IN_PROGRESS))
            .expression_attribute_values(":completed", text(COMPLETED))
            .expression_attribute_values(":yes", text("yes"))
            .expression_attribute_values(":again", text(if again { "yes" } else { "no" }))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":now_s", number(now.as_second()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let error = match request.send().await {
            Ok(_) => return Ok(Claim::Granted),
            Err(error) => error,
        };
        use aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException;
        match error.as_service_error() {
            Some(ConditionalCheckFailedException(taken)) => Ok(taken_by(taken.item(), run_id)),
            _ => Err(port_error(format!("claim {identity}"), &error)),
        }
    }

    /// Holds an upload for longer; false, where it is not the run's any more.
    pub(crate) async fn keep_claim(&self, identity: &str, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        let expires_at = until.saturating_add(CLAIM_RETENTION).unwrap_or(until);
        let request = self
            .dynamodb
            .update_item()
            .table_name(&self.names.table)
            .key("pk", text(key(identity)))
            .key("sk", text(SORT_KEY))
            .update_expression("SET locked_until = :until, expires_at = :expires_at")
            .condition_expression("run_id = :run_id AND #state = :in_progress")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":in_progress", text(IN_PROGRESS))
            .expression_attribute_values(":run_id", text(run_id))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":expires_at", number(expires_at.as_second()));
        is_written(request.send().await, || format!("renew the upload lock of {identity}"))
    }

    pub(crate) async fn close_claim(&self, identity: &str, run_id: &str, done: bool) -> Result<(), PortError> {
        if done { self.mark_done(identity, run_id).await } else { self.release(identity, run_id).await }
    }

    async fn mark_done(&self, identity: &str, run_id: &str) -> Result<(), PortError> {
        let expires_at = Timestamp::now().saturating_add(CLAIM_RETENTION).unwrap_or(Timestamp::MAX);
        let request = self
            .dynamodb
            .update_item()
            .table_name(&self.names.table)
            .key("pk", text(key(identity)))
            .key("sk", text(SORT_KEY))
            .update_expression("SET #state = :completed, expires_at = :expires_at")
            .condition_expression("run_id = :run_id")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":completed", text(COMPLETED))
            .expression_attribute_values(":expires_at", number(expires_at.as_second()))
            .expression_attribute_values(":run_id", text(run_id));
        // Our time was over and another run took the upload: its claim is not ours to settle.
        is_written(request.send().await, || format!("complete the upload lock of {identity}")).map(drop)
    }

    async fn release(&self, identity: &str, run_id: &str) -> Result<(), PortError> {
        let request = self
            .dynamodb
            .delete_item()
            .table_name(&self.names.table)
            .key("pk", text(key(identity)))
            .key("sk", text(SORT_KEY))
            .condition_expression("run_id = :run_id")
            .expression_attribute_values(":run_id", text(run_id));
        // As above; or the answer to a first try was lost.
        is_written(request.send().await, || format!("release the upload lock of {identity}")).map(drop)
    }
}

/// Reads a claim that stood in our way.
fn taken_by(item: Option<&Item>, run_id: &str) -> Claim {
    let holder = item.and_then(|item| get_text(item, "run_id")).unwrap_or_default();
    match item.and_then(|item| get_text(item, "state")) {
        Some(COMPLETED) => Claim::Completed { run_id: holder.to_owned() },
        // Ours: the answer to our first try was lost, and the SDK tried again.
        Some(IN_PROGRESS) if holder == run_id => Claim::Granted,
        _ => Claim::InProgress { run_id: holder.to_owned() },
    }
}
