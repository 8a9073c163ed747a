//! A change as one transaction: all of its steps under their conditions, and its entry in the audit log, or nothing.

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::{ConditionCheckBuilder, DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem};
use aws_smithy_types::error::operation::BuildError;
use exporter::ports::PortError;
use exporter::registry::{AuditEntry, CommitError, Revision, Seen, Write};
use jiff::Timestamp;

use super::audit;
use super::items::{INTEGRATIONS, PROVIDERS, of_remembered, to_item};
use crate::Cloud;
use crate::errors::{CallFailure, port_error};
use crate::item::{Item, ItemError, number, text};

/// The partition of all connections.
pub(super) const CONNECTIONS: &str = "connection";
/// Tries of a transaction that was canceled for a reason in [`TRANSIENT`].
const TRIES_MAX: u32 = 5;
/// The pause before the second try; it doubles from try to try.
const PAUSE: Duration = Duration::from_millis(40);

/// Reasons of a canceled transaction that pass (API reference, `TransactWriteItems`, "Errors"). The SDK does not retry these.
const TRANSIENT: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

const ABSENT: &str = "attribute_not_exists(pk)";
const PRESENT: &str = "attribute_exists(pk)";
const UNCHANGED: &str = "version = :version AND created_at = :created";
/// What is forgotten but still there, since the table forgets at its leisure.
const ABSENT_OR_OVER: &str = "attribute_not_exists(pk) OR expires_at <= :now";

impl Cloud {
    pub(super) async fn transact(&self, writes: &[Write], entry: &AuditEntry) -> Result<(), CommitError> {
        let action = || format!("write the change {} of {}", entry.action, entry.target);
        let failed = |message: String| PortError { action: action(), message };
        let mut steps = Vec::with_capacity(writes.len() + 1);
        for write in writes {
            steps.push(self.step(write, entry.at).map_err(|error| failed(error.to_string()))?);
        }
        let trail = audit::to_item(entry).map_err(|error| failed(error.to_string()))?;
        steps.push(put(self.put_of(trail)).map_err(|error| failed(error.to_string()))?);
        let mut pause = PAUSE;
        for attempt in 1..=TRIES_MAX {
            let request = self.dynamodb.transact_write_items().set_transact_items(Some(steps.clone()));
            let error = match request.send().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            match cancelled(&error) {
                Cancelled::ByCondition(step) => return Err(CommitError::Conflict { step }),
                Cancelled::ByAnother if attempt < TRIES_MAX => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                _ => return Err(port_error(action(), &error).into()),
            }
        }
        Err(failed("others change the same items all the time".to_owned()).into())
    }

    fn step(&self, write: &Write, now: Timestamp) -> Result<TransactWriteItem, StepError> {
        match write {
            Write::PutProvider(stored, seen) => {
                put(seen_by(self.put_of(to_item(PROVIDERS, stored.value.id.as_str(), stored)?), *seen))
            }
            Write::PutIntegration(stored, seen) => {
                put(seen_by(self.put_of(to_item(INTEGRATIONS, stored.value.provider.as_str(), stored)?), *seen))
            }
            Write::DeleteProvider(id, revision) => delete(unchanged(self.delete_of(PROVIDERS, id.as_str()), *revision)),
            Write::DeleteIntegration(id, revision) => {
                delete(unchanged(self.delete_of(INTEGRATIONS, id.as_str()), *revision))
            }
            Write::NeedProvider(id) => check(self.check_of(PROVIDERS, id.as_str()).condition_expression(PRESENT)),
            Write::NeedNoIntegration(id) => {
                check(self.check_of(INTEGRATIONS, id.as_str()).condition_expression(ABSENT))
            }
            Write::ForgetConnection(account) => delete(self.delete_of(CONNECTIONS, account.as_str())),
            Write::Remember(remembered) => {
                let request = self.put_of(of_remembered(remembered)).condition_expression(ABSENT_OR_OVER);
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

/// Why a step could not be written down.
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

fn seen_by(request: PutBuilder, seen: Seen) -> PutBuilder {
    match seen {
        Seen::Nothing => request.condition_expression(ABSENT),
        Seen::This(Revision { version, created_at }) => request
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

/// Why a transaction was not run.
enum Cancelled {
    /// A step's condition does not hold.
    ByCondition(usize),
    /// Another transaction was at one of the items, or the table is throttled.
    ByAnother,
    /// Something else.
    Otherwise,
}

fn cancelled(error: &CallFailure<TransactWriteItemsError>) -> Cancelled {
    let SdkError::ServiceError(answer) = error else { return Cancelled::Otherwise };
    let TransactWriteItemsError::TransactionCanceledException(answer) = answer.err() else {
        return Cancelled::Otherwise;
    };
    let place = |code: &str| {
        let is = |reason: &CancellationReason| reason.code() == Some(code);
        answer.cancellation_reasons().iter().position(is)
    };
    match place("ConditionalCheckFailed") {
        Some(step) => Cancelled::ByCondition(step),
        None if TRANSIENT.iter().any(|code| place(code).is_some()) => Cancelled::ByAnother,
        None => Cancelled::Otherwise,
    }
}
