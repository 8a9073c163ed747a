//! Account locks: serialize the exports of an account and keep its scans in order. One item per account, with conditional writes.

use std::collections::BTreeSet;

use asff::{AccountId, RegionName};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use exporter::ports::{AccountLocks, Acquired, InDoubt, Newest, PortError};
use jiff::Timestamp;

use crate::Cloud;
use crate::dynamodb::item::{Item, get_number, get_text, number, text};
use crate::errors::{failure, is_written, port_error};

/// Partition of all accounts.
const PARTITION: &str = "account";

/// Condition: the account is not locked.
const NOT_LOCKED: &str = "(attribute_not_exists(locked_by) OR locked_until <= :now OR locked_by = :run_id)";

/// Locks the account, and sets everything in it as in doubt. The response has the previous values.
const ACQUIRE: &str = "SET latest_scan_at = :newest, latest_scan_content = :newest_of, previous_scan_at = :newest_before, \
                    locked_by = :run_id, locked_until = :until, in_doubt = :yes";

/// Maximum number of attempts if other runs lock the account concurrently.
const TRIES_MAX: u32 = 4;

impl AccountLocks for Cloud {
    async fn acquire(
        &self,
        account: AccountId,
        run_id: &str,
        content: &str,
        scanned_at: Timestamp,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Acquired, PortError> {
        let action = || format!("lock account {account}");
        let mut tries = 0;
        loop {
            let item = self.item(PARTITION, account.as_str(), action).await?;
            let known = item.as_ref().and_then(newest_of);
            let newest = match Newest::with_scan(known.clone(), content, scanned_at) {
                Ok(newest) => newest,
                Err(newest) => return Ok(Acquired::Superseded { newest }),
            };
            tries += 1;
            if let Some(acquired) = self.acquire_lock(account, run_id, (known, newest), now, until).await? {
                return Ok(acquired);
            }
            if tries >= TRIES_MAX {
                return Err(failure(action(), "too many concurrent changes"));
            }
        }
    }

    async fn renew(&self, account: AccountId, run_id: &str, until: Timestamp) -> Result<bool, PortError> {
        let request = self
            .dynamodb
            .update_item()
            .table_name(&self.names.table)
            .key("pk", text(PARTITION))
            .key("sk", text(account.as_str()))
            .update_expression("SET locked_until = :until")
            .condition_expression("locked_by = :run_id")
            .expression_attribute_values(":run_id", text(run_id))
            .expression_attribute_values(":until", number(until.as_millisecond()));
        is_written(request.send().await, || format!("renew the lock on account {account}"))
    }

    async fn lock_status(&self, account: AccountId) -> Result<Option<(Newest, InDoubt)>, PortError> {
        let item =
            self.item(PARTITION, account.as_str(), || format!("read the lock status of account {account}")).await?;
        Ok(item.as_ref().and_then(newest_of).map(|newest| (newest, in_doubt_of(item.as_ref()))))
    }

    async fn locked_by(&self, account: AccountId, now: Timestamp) -> Result<Option<String>, PortError> {
        let item =
            self.item(PARTITION, account.as_str(), || format!("read the lock owner of account {account}")).await?;
        let Some(item) = item else { return Ok(None) };
        let is_locked = get_number(&item, "locked_until").is_some_and(|until| until > now.as_millisecond());
        Ok(get_text(&item, "locked_by").filter(|_| is_locked).map(str::to_owned))
    }

    async fn release(
        &self,
        account: AccountId,
        run_id: &str,
        in_doubt: InDoubt,
        exported_at: Option<Timestamp>,
    ) -> Result<(), PortError> {
        let mut request = self
            .dynamodb
            .update_item()
            .table_name(&self.names.table)
            .key("pk", text(PARTITION))
            .key("sk", text(account.as_str()))
            .condition_expression("locked_by = :run_id")
            .expression_attribute_values(":run_id", text(run_id))
            .expression_attribute_values(":doubt", AttributeValue::Bool(in_doubt.everywhere));
        let (mut set, mut remove) = (vec!["in_doubt = :doubt"], vec!["locked_by", "locked_until"]);
        if in_doubt.regions.is_empty() {
            remove.push("in_doubt_regions");
        } else {
            let regions = in_doubt.regions.iter().map(ToString::to_string).collect();
            set.push("in_doubt_regions = :regions");
            request = request.expression_attribute_values(":regions", AttributeValue::Ss(regions));
        }
        if let Some(at) = exported_at {
            set.push("exported_at = :exported_at");
            request = request.expression_attribute_values(":exported_at", number(at.as_millisecond()));
        }
        request = request.update_expression(format!("SET {} REMOVE {}", set.join(", "), remove.join(", ")));
        // If the condition fails, the lease expired and another run locked the account; or the response to a first attempt was
        // lost.
        is_written(request.send().await, || format!("unlock account {account}")).map(drop)
    }
}

impl Cloud {
    /// Locks an account if its newest scan is unchanged since it was read. `None` if it has changed.
    async fn acquire_lock(
        &self,
        account: AccountId,
        run_id: &str,
        (known, newest): (Option<Newest>, Newest),
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Acquired>, PortError> {
        let scan_condition =
            if known.is_some() { "latest_scan_at = :known" } else { "attribute_not_exists(latest_scan_at)" };
        let before_ms = newest.newest_before.map_or(0, Timestamp::as_millisecond);
        let mut request = self
            .dynamodb
            .update_item()
            .table_name(&self.names.table)
            .key("pk", text(PARTITION))
            .key("sk", text(account.as_str()))
            .update_expression(ACQUIRE)
            .condition_expression(format!("{scan_condition} AND {NOT_LOCKED}"))
            .expression_attribute_values(":newest", number(newest.newest.as_millisecond()))
            .expression_attribute_values(":newest_of", text(newest.newest_of.unwrap_or_default()))
            .expression_attribute_values(":newest_before", number(before_ms))
            .expression_attribute_values(":run_id", text(run_id))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":yes", AttributeValue::Bool(true))
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let known_ms = known.map(|known| known.newest.as_millisecond());
        if let Some(known_ms) = known_ms {
            request = request.expression_attribute_values(":known", number(known_ms));
        }
        let error = match request.send().await {
            Ok(conflict) => return Ok(Some(Acquired::Granted { in_doubt: in_doubt_of(conflict.attributes()) })),
            Err(error) => error,
        };
        use aws_sdk_dynamodb::operation::update_item::UpdateItemError::ConditionalCheckFailedException;
        match error.as_service_error() {
            Some(ConditionalCheckFailedException(conflict)) => {
                let item = conflict.item();
                let is_as_read = item.and_then(|item| get_number(item, "latest_scan_at")) == known_ms;
                let locked_by = item.and_then(|item| get_text(item, "locked_by")).unwrap_or_default();
                Ok(is_as_read.then(|| Acquired::Locked { run_id: locked_by.to_owned() }))
            }
            _ => Err(port_error(format!("lock account {account}"), &error)),
        }
    }
}

/// The newest scan in an account's item. Older items have no content hash.
fn newest_of(item: &Item) -> Option<Newest> {
    let time = |name| get_number(item, name).and_then(|at| Timestamp::from_millisecond(at).ok());
    Some(Newest {
        newest: time("latest_scan_at")?,
        newest_of: get_text(item, "latest_scan_content").filter(|content| !content.is_empty()).map(str::to_owned),
        newest_before: time("previous_scan_at").filter(|before| *before > Timestamp::UNIX_EPOCH),
        exported_at: time("exported_at"),
    })
}

/// The findings that the previous run left in doubt.
fn in_doubt_of(item: Option<&Item>) -> InDoubt {
    let Some(item) = item else { return InDoubt::default() };
    let everywhere = item.get("in_doubt").is_some_and(|value| value.as_bool().is_ok_and(|in_doubt| *in_doubt));
    let regions = item.get("in_doubt_regions").and_then(|value| value.as_ss().ok());
    let regions: BTreeSet<RegionName> = regions.into_iter().flatten().filter_map(|name| name.parse().ok()).collect();
    InDoubt { everywhere, regions }
}
