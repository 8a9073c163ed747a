//! Commits a change as one transaction: all writes with their conditions, and the audit log entry, or nothing.

use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem};
use aws_smithy_types::error::operation::BuildError;
use backon::{ExponentialBuilder, Retryable as _};
use exporter::ports::PortError;
use exporter::ports::settings_store::{AuditEntry, CommitError, ExpectedVersion, Revision, Write};
use jiff::Timestamp;

use super::audit;
use super::items::{INTEGRATIONS, PROVIDERS, idempotency_item, to_item};
use crate::Cloud;
use crate::dynamodb::item::{Item, ItemError, number, text};
use crate::errors::{CallFailure, failure, port_error};

/// Partition of all connections.
pub(crate) const CONNECTIONS: &str = "connection";
/// Maximum number of items of a transaction (API reference, `TransactWriteItems`).
const TRANSACTION_ITEMS_MAX: usize = 100;
/// Retries of a transaction that was canceled for a reason in [`TRANSIENT`].
const RETRIES_MAX: usize = 4;
/// Delay before the first retry; it doubles.
const PAUSE: Duration = Duration::from_millis(40);

/// Transient reasons of a canceled transaction (API reference, `TransactWriteItems`, "Errors"). The SDK does not retry these.
const TRANSIENT: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

const ABSENT: &str = "attribute_not_exists(pk)";
const PRESENT: &str = "attribute_exists(pk)";
const UNCHANGED: &str = "version = :version AND created_at = :created";
/// Condition: no item, or an expired one that DynamoDB has not deleted yet.
const ABSENT_OR_EXPIRED: &str = "attribute_not_exists(pk) OR expires_at <= :now";

impl Cloud {
    pub(crate) async fn transact(&self, writes: &[Write], entry: &AuditEntry) -> Result<(), CommitError> {
        let action = || format!("write the change {} of {}", entry.action, entry.target);
        let mut steps = Vec::with_capacity(writes.len() + 1);
        for write in writes {
            steps.push(self.step(write, entry.at).map_err(|error| failure(action(), error))?);
        }
        let audit_item = audit::to_item(entry).map_err(|error| failure(action(), error))?;
        steps.push(put(self.put_of(audit_item)).map_err(|error| failure(action(), error))?);
        self.transact_steps(steps).await.map_err(|error| match failed_step(&error) {
            Some(step) => CommitError::Conflict { step },
            None => port_error(action(), &error).into(),
        })
    }

    /// Writes all of these items or none of them, and replaces existing items with the same keys. Items that exceed one
    /// transaction are written in several, in this order.
    pub(crate) async fn put_together(
        &self,
        items: impl IntoIterator<Item = Item>,
        action: &str,
    ) -> Result<(), PortError> {
        let steps: Result<Vec<_>, StepError> = items.into_iter().map(|item| put(self.put_of(item))).collect();
        let steps = steps.map_err(|error| failure(action, error))?;
        for steps in steps.chunks(TRANSACTION_ITEMS_MAX) {
            self.transact_steps(steps.to_vec()).await.map_err(|error| port_error(action, &error))?;
        }
        Ok(())
    }

    /// Runs one transaction. It is retried if it conflicted with another one or was throttled.
    async fn transact_steps(&self, steps: Vec<TransactWriteItem>) -> Result<(), CallFailure<TransactWriteItemsError>> {
        let backoff = ExponentialBuilder::new().with_min_delay(PAUSE).with_max_times(RETRIES_MAX);
        let attempt = || self.dynamodb.transact_write_items().set_transact_items(Some(steps.clone())).send();
        let should_retry = |error: &_| failed_step(error).is_none() && is_transient(error);
        attempt.retry(backoff).when(should_retry).await.map(drop)
    }

    fn step(&self, write: &Write, now: Timestamp) -> Result<TransactWriteItem, StepError> {
        match write {
            Write::PutProvider(stored, expected) => {
                put(expect_version(self.put_of(to_item(PROVIDERS, stored.value.id.as_str(), stored)?), *expected))
            }
            Write::PutIntegration(stored, expected) => put(expect_version(
                self.put_of(to_item(INTEGRATIONS, stored.value.provider.as_str(), stored)?),
                *expected,
            )),
            Write::DeleteProvider(id, revision) => delete(unchanged(self.delete_of(PROVIDERS, id.as_str()), *revision)),
            Write::DeleteIntegration(id, revision) => {
                delete(unchanged(self.delete_of(INTEGRATIONS, id.as_str()), *revision))
            }
            Write::RequireProvider(id) => check(self.check_of(PROVIDERS, id.as_str()).condition_expression(PRESENT)),
            Write::RequireNoIntegration(id) => {
                check(self.check_of(INTEGRATIONS, id.as_str()).condition_expression(ABSENT))
            }
            Write::DeleteConnection(account) => delete(self.delete_of(CONNECTIONS, account.as_str())),
            Write::SaveIdempotencyRecord(idempotency_record) => {
                let request = self.put_of(idempotency_item(idempotency_record)).condition_expression(ABSENT_OR_EXPIRED);
                put(request.expression_attribute_values(":now", number(now.as_second())))
            }
        }
    }

    fn put_of(&self, item: Item) -> PutBuilder {
        Put::builder().table_name(&self.names.table).set_item(Some(item))
    }

    fn delete_of(&self, partition: &str, key: &str) -> DeleteBuilder {
        Delete::builder().table_name(&self.names.table).key("pk", text(partition)).key("sk", text(key))
    }

    fn check_of(&self, partition: &str, key: &str) -> ConditionCheckBuilder {
        ConditionCheck::builder().table_name(&self.names.table).key("pk", text(partition)).key("sk", text(key))
    }
}

/// Why a write could not be built.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Item(#[from] ItemError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

fn put(request: PutBuilder) -> Result<TransactWriteItem, StepError> {
    Ok(TransactWriteItem::builder().put(request.build()?).build())
}

fn delete(request: DeleteBuilder) -> Result<TransactWriteItem, StepError> {
    Ok(TransactWriteItem::builder().delete(request.build()?).build())
}

fn check(request: ConditionCheckBuilder) -> Result<TransactWriteItem, StepError> {
    Ok(TransactWriteItem::builder().condition_check(request.build()?).build())
}

fn expect_version(request: PutBuilder, expected: ExpectedVersion) -> PutBuilder {
    match expected {
        ExpectedVersion::Nothing => request.condition_expression(ABSENT),
        ExpectedVersion::This(Revision { version, created_at }) => request
            .condition_expression(UNCHANGED)
            .expression_attribute_values(":version", number(i64::try_from(version).unwrap_or(i64::MAX)))
            .expression_attribute_values(":created", text(created_at.to_string())),
    }
}

fn unchanged(request: DeleteBuilder, Revision { version, created_at }: Revision) -> DeleteBuilder {
    request
        .condition_expression(UNCHANGED)
        .expression_attribute_values(":version", number(i64::try_from(version).unwrap_or(i64::MAX)))
        .expression_attribute_values(":created", text(created_at.to_string()))
}

/// Index of the first write whose condition failed.
fn failed_step(error: &CallFailure<TransactWriteItemsError>) -> Option<usize> {
    cancellation_reasons(error).iter().position(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

/// Whether the transaction conflicted with another one, or was throttled.
fn is_transient(error: &CallFailure<TransactWriteItemsError>) -> bool {
    let mut codes = cancellation_reasons(error).iter().filter_map(CancellationReason::code);
    codes.any(|code| TRANSIENT.contains(&code))
}

/// Cancellation reason of each write. Empty if the transaction failed for another reason.
fn cancellation_reasons(error: &CallFailure<TransactWriteItemsError>) -> &[CancellationReason] {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => canceled.cancellation_reasons(),
        _ => &[],
    }
}
