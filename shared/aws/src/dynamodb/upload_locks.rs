//! Upload locks: one item per upload, with conditional writes, so that exactly one of two concurrent runs acquires it.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use exporter::ports::{Claim, PortError};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::Cloud;
use crate::dynamodb::item::{Item, get_text, number, text};
use crate::errors::{is_written, port_error};

/// Retention of claims. No event is delivered later than that: SQS retains messages for at most 14 days.
const CLAIM_RETENTION: SignedDuration = SignedDuration::from_hours(14 * 24);
/// The sort key of a claim.
const SORT_KEY: &str = "claim";
/// A run exports the upload.
const IN_PROGRESS: &str = "in_progress";
/// A run exported the upload.
const COMPLETED: &str = "completed";

/// Condition: the upload was never locked, or the claim expired or was released, or the upload is exported again on request.
const NOT_LOCKED: &str = "attribute_not_exists(pk) OR expires_at <= :now_s OR (#state = :in_progress AND locked_until <= :now) \
                    OR (#state = :completed AND :again = :yes)";

/// Partition key of an upload's claim: a hash, since the length of keys is limited.
fn key(identity: &str) -> String {
    let digest: String = Sha256::digest(identity.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("upload#{digest}")
}

impl Cloud {
    pub(crate) async fn acquire_claim(
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
            .condition_expression(NOT_LOCKED)
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
            Some(ConditionalCheckFailedException(taken)) => Ok(existing_claim(taken.item(), run_id)),
            _ => Err(port_error(format!("claim {identity}"), &error)),
        }
    }

    /// Renews the lock; false if the run no longer has it.
    pub(crate) async fn extend_claim(&self, identity: &str, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
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

    pub(crate) async fn complete_or_release_claim(
        &self,
        identity: &str,
        run_id: &str,
        done: bool,
    ) -> Result<(), PortError> {
        if done { self.complete_claim(identity, run_id).await } else { self.release(identity, run_id).await }
    }

    async fn complete_claim(&self, identity: &str, run_id: &str) -> Result<(), PortError> {
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
        // If the condition fails, the lease expired and another run locked the upload: only that run may complete the claim.
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
        // The lease expired and another run locked the upload; or the response to a first attempt was lost.
        is_written(request.send().await, || format!("release the upload lock of {identity}")).map(drop)
    }
}

/// Reads the existing claim.
fn existing_claim(item: Option<&Item>, run_id: &str) -> Claim {
    let locked_by = item.and_then(|item| get_text(item, "run_id")).unwrap_or_default();
    match item.and_then(|item| get_text(item, "state")) {
        Some(COMPLETED) => Claim::Completed { run_id: locked_by.to_owned() },
        // The claim is of this run: the SDK retried because the response to the first attempt was lost.
        Some(IN_PROGRESS) if locked_by == run_id => Claim::Granted,
        _ => Claim::InProgress { run_id: locked_by.to_owned() },
    }
}
