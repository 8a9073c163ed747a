//! What a person may order the deployment to do, as a message of its queue or the payload of an invocation, and the one place
//! that carries it out.
//!
//! Promise: an order may come twice; the second time finds it done.

mod again;
mod approvable;
mod chain;
mod delivery;
mod ended;
mod error;
mod fulfil;
mod place;
mod record;

use std::fmt;
use std::sync::Arc;

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::again::again;
pub use self::approvable::{approvable, ensure_approvable, newer_run};
pub use self::chain::{Chain, RETRY_DELAY, Round, is_busy};
pub use self::delivery::Delivery;
pub use self::ended::end_run;
pub use self::error::OrderError;
pub use self::fulfil::{Fulfilled, fulfil};
pub use self::place::{place, retry};
pub use self::record::{OrderLog, OrderRecord, OrderState, Placed};
use crate::approval::Approval;
use crate::mend::{MendError, Mender, Options, Reconcile, Redrive, report_of};
use crate::ports::{PortError, Ports, Scans};
use crate::provider::ProviderId;
use crate::report::{RunReport, RunStatus};
use crate::settings::Settings;

/// An order. As JSON: `{"order": "undo_archive", "run_id": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// Export the upload of a run once more.
    Replay {
        /// The run.
        run_id: String,
        /// Runs whose uploads follow, each when the one before it is done: the oldest scan first, since a newer one makes it
        /// void.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        then: Vec<String>,
    },
    /// The same, and archive what is pending. By itself it approves what is more than the limit.
    Approve {
        /// The run.
        run_id: String,
        /// Archive what the scan shows to be resolved, however much it is. Meant, too, where neither is set.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pending: bool,
        /// Archive what the scan proves nothing about.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unproven: bool,
    },
    /// Make active again what a run archived.
    UndoArchive {
        /// The run.
        run_id: String,
    },
    /// Send what lies in quarantine.
    Redrive {
        /// The run that left it there. None: every run that did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_id: Option<String>,
        /// Only what lies there under this code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Compare what Security Hub holds with the state, and mend the difference.
    Reconcile {
        /// The account, or the organisation: then every account that is exported by its integration. None: every account
        /// that has a state.
        #[serde(default, alias = "account", skip_serializing_if = "Option::is_none")]
        provider: Option<ProviderId>,
        /// Only these Regions. None: all of the integration.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        regions: Vec<RegionName>,
        /// Compare only.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry_run: bool,
    },
    /// Archive everything that was sent for a provider.
    Withdraw {
        /// The account, or the organisation: then every account that is exported by its integration.
        #[serde(alias = "account")]
        provider: ProviderId,
        /// Since when its integration is being removed, and then delete it (`Integrations::delete_withdrawn`) if all is
        /// archived. Any other integration, made or called back since, is left alone. None: it stays.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removing_since: Option<Timestamp>,
    },
}

impl Order {
    /// Replays of runs, one after the other. None of none.
    pub fn replays(run_ids: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut run_ids = run_ids.into_iter();
        Some(Self::Replay { run_id: run_ids.next()?, then: run_ids.collect() })
    }

    /// The word that it has in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Replay { .. } => "replay",
            Self::Approve { .. } => "approve",
            Self::UndoArchive { .. } => "undo_archive",
            Self::Redrive { .. } => "redrive",
            Self::Reconcile { .. } => "reconcile",
            Self::Withdraw { .. } => "withdraw",
        }
    }

    /// The run, the account or the organisation that it is about. None: all there are.
    pub fn about(&self) -> Option<String> {
        match self {
            Self::Replay { run_id, .. } | Self::Approve { run_id, .. } | Self::UndoArchive { run_id } => {
                Some(run_id.clone())
            }
            Self::Redrive { run_id, .. } => run_id.clone(),
            Self::Reconcile { provider, .. } => provider.as_ref().map(ToString::to_string),
            Self::Withdraw { provider, .. } => Some(provider.to_string()),
        }
    }

    /// Whether each attempt at it is one run.
    fn has_one_run(&self) -> bool {
        matches!(
            self,
            Self::Replay { .. }
                | Self::Approve { .. }
                | Self::UndoArchive { .. }
                | Self::Redrive { run_id: Some(_), .. }
        )
    }

    /// The order that follows when this one is done, or can't be.
    pub fn next(&self) -> Option<Self> {
        match self {
            Self::Replay { then, .. } => Self::replays(then.iter().cloned()),
            _ => None,
        }
    }
}

impl fmt::Display for Order {
    /// What it asks for, after "to".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replay { run_id, .. } => write!(formatter, "replay run {run_id}"),
            Self::Approve { run_id, .. } => write!(formatter, "approve run {run_id}"),
            Self::UndoArchive { run_id } => write!(formatter, "undo the archive of run {run_id}"),
            Self::Redrive { run_id: Some(run_id), .. } => write!(formatter, "redrive the quarantine of run {run_id}"),
            Self::Redrive { run_id: None, .. } => write!(formatter, "redrive all quarantines"),
            Self::Reconcile { provider: Some(provider), .. } => write!(formatter, "reconcile {provider}"),
            Self::Reconcile { provider: None, .. } => write!(formatter, "reconcile all accounts"),
            Self::Withdraw { provider, .. } => write!(formatter, "withdraw the findings of {provider}"),
        }
    }
}

/// Carries out an order. Its runs; one that wants another try asks for the same order again.
///
/// # Errors
///
/// When it can't be carried out, or came to no report.
pub async fn carry_out<P: Ports + Scans + OrderLog>(
    ports: &Arc<P>,
    settings: &Settings,
    order: &Order,
    options: &Options,
) -> Result<Vec<RunReport>, OrderError> {
    let mender = Mender::new(ports.clone(), settings.clone());
    // Only what has one run may continue the record of one.
    let several = Options { run_id: None, ..options.clone() };
    let options = if order.has_one_run() { options } else { &several };
    Ok(match order {
        Order::Replay { run_id, .. } => vec![again(ports, settings, run_id, Approval::default(), options).await?],
        Order::Approve { run_id, pending, unproven } => {
            approvable(ports.as_ref(), run_id, Approval::of(*pending, *unproven)).await?;
            vec![again(ports, settings, run_id, Approval::of(*pending, *unproven), options).await?]
        }
        Order::UndoArchive { run_id } => {
            call_off(ports.as_ref(), run_id).await?;
            vec![mender.undo_archive(run_id, options).await?]
        }
        Order::Redrive { run_id, code } => {
            mender.redrive(&Redrive { run_id: run_id.clone(), code: code.clone() }, options).await?
        }
        Order::Reconcile { provider, regions, dry_run } => {
            let what = Reconcile { regions: regions.clone(), dry_run: *dry_run };
            let accounts = match provider {
                Some(provider) => accounts_of(ports.as_ref(), provider).await?,
                None => accounts_with_state(ports.as_ref()).await?,
            };
            let mut runs = Vec::new();
            for account in accounts {
                runs.push(mender.reconcile(account, &what, options).await?);
            }
            runs
        }
        Order::Withdraw { provider, removing_since } => {
            withdraw(ports.as_ref(), &mender, provider, *removing_since, options).await?
        }
    })
}

async fn withdraw<P: Ports>(
    ports: &P,
    mender: &Mender<P>,
    provider: &ProviderId,
    removing_since: Option<Timestamp>,
    options: &Options,
) -> Result<Vec<RunReport>, OrderError> {
    let mut runs = Vec::new();
    let mut refused = Vec::new();
    let mut passing = None;
    for account in accounts_of(ports, provider).await? {
        match mender.withdraw(account, provider, removing_since, options).await {
            Ok(run) => {
                let is_out_of_time = run.status == RunStatus::Unfinished;
                runs.push(run);
                if is_out_of_time {
                    break;
                }
            }
            // One account that can't be reached keeps no other from being withdrawn.
            Err(MendError::Refused(message)) => refused.push(message),
            Err(error) => passing = passing.or(Some(error)),
        }
    }
    if let Some(error) = passing {
        return Err(error.into());
    }
    // The next try finds again what is refused.
    if runs.iter().any(|run| run.status.wants_another_try()) {
        return Ok(runs);
    }
    let Some(since) = removing_since else {
        return if refused.is_empty() { Ok(runs) } else { Err(left_over(refused.join("; "), runs)) };
    };
    // What Security Hub refuses to archive, or a Region denies, stays active whatever is tried: a degraded run says so.
    let left = runs.iter().filter(|run| !matches!(run.status, RunStatus::Succeeded | RunStatus::Degraded));
    refused.extend(left.map(|run| format!("run {} is {}", run.run_id, run.status.as_str())));
    if refused.is_empty() && !ports.delete_withdrawn(provider, since).await? {
        refused.push("its removal was called off, or is left to others".to_owned());
    }
    if refused.is_empty() {
        return Ok(runs);
    }
    let why = format!(
        "the integration of {provider} is not deleted: {}; when that is mended, hubctl integration delete {provider} \
         --archive goes on",
        refused.join("; ")
    );
    Err(left_over(why, runs))
}

/// What can't be carried out: all of it, where nothing was done.
fn left_over(why: String, runs: Vec<RunReport>) -> OrderError {
    if runs.is_empty() { OrderError::Refused(why) } else { OrderError::Partly { why, runs } }
}

/// Sees to it that the order which a run belongs to is not tried again, when what the run archived is about to be undone:
/// it would archive that once more.
async fn call_off<P: Ports + OrderLog>(ports: &P, run_id: &str) -> Result<(), PortError> {
    let Some(run) = report_of(ports, run_id).await?.filter(|run| run.counts.archived > 0) else { return Ok(()) };
    let Some(id) = &run.order else { return Ok(()) };
    let Some(record) = ports.order_record(id).await? else { return Ok(()) };
    // A removal is called off by enabling the integration; until then nothing of it is made active again.
    if matches!(record.order, Order::Withdraw { .. }) {
        return Ok(());
    }
    let why = format!("a person had what its run {run_id} archived made active again");
    ports.call_off_order(&record.settled(OrderState::Undone, Some(why), ports.now())).await
}

/// All accounts that have a state.
///
/// # Errors
///
/// When the state bucket does not answer.
pub async fn accounts_with_state<P: Ports>(ports: &P) -> Result<Vec<AccountId>, PortError> {
    let account = |key: String| key.strip_prefix("state/")?.split('/').next()?.parse().ok();
    let mut accounts: Vec<AccountId> = ports.keys("state/").await?.into_iter().filter_map(account).collect();
    accounts.sort_unstable();
    accounts.dedup();
    Ok(accounts)
}

/// The account, or the accounts of an organisation of which anything was sent.
async fn accounts_of<P: Ports>(ports: &P, provider: &ProviderId) -> Result<Vec<AccountId>, PortError> {
    if let ProviderId::Account(account) = provider {
        return Ok(vec![*account]);
    }
    let mut accounts = Vec::new();
    for account in accounts_with_state(ports).await? {
        let integration = ports.integration(&account).await?;
        if integration.is_some_and(|integration| integration.provider == *provider) {
            accounts.push(account);
        }
    }
    Ok(accounts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_what_their_json_says() {
        let read = |text: &str| serde_json::from_str::<Order>(text);
        let undo = Order::UndoArchive { run_id: "r".to_owned() };
        assert_eq!(read(r#"{"order":"undo_archive","run_id":"r"}"#).unwrap(), undo);
        assert_eq!(serde_json::to_string(&undo).unwrap(), r#"{"order":"undo_archive","run_id":"r"}"#);
        for (name, about) in [
            ("replay", r#""run_id":"r""#),
            ("approve", r#""run_id":"r""#),
            ("undo_archive", r#""run_id":"r""#),
            ("redrive", r#""run_id":"r""#),
            ("reconcile", r#""provider":"123456789012""#),
            ("withdraw", r#""provider":"123456789012""#),
        ] {
            let order = read(&format!(r#"{{"order":"{name}",{about}}}"#)).unwrap();
            assert_eq!(order.name(), name);
            assert!(about.ends_with(&format!(r#""{}""#, order.about().unwrap())), "{name}");
        }
        let account = "123456789012".parse().unwrap();
        let removing_since = Some("2026-11-23T09:00:00Z".parse().unwrap());
        let withdraw = Order::Withdraw { provider: ProviderId::Account(account), removing_since };
        for name in ["account", "provider"] {
            let text =
                format!(r#"{{"order":"withdraw","{name}":"{account}","removing_since":"2026-11-23T09:00:00Z"}}"#);
            assert_eq!(read(&text).unwrap(), withdraw);
        }
        let all = Order::Reconcile { provider: None, regions: Vec::new(), dry_run: false };
        assert_eq!(read(r#"{"order":"reconcile"}"#).unwrap(), all);
        assert_eq!(read(r#"{"order":"redrive"}"#).unwrap(), Order::Redrive { run_id: None, code: None });
        // A word that is misspelt must not widen what is asked for.
        assert!(read(r#"{"order":"reconcile","regoins":["eu-west-1"]}"#).is_err());
        assert!(read(r#"{"order":"dance"}"#).is_err());
    }
}
