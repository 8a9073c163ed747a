//! The verdict: the result of a check, combined with the previous connection.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName};
use jiff::{SignedDuration, Timestamp};

use super::external_id::ExternalId;
use super::identity::credentials_unknown;
use super::model::{Connection, ConnectionStatus, NO_REGION_RESPONDS, RegionConnection, RegionStatus};
use super::region::CheckOutcome;
use crate::model::integration::Integration;
use crate::model::problem::Problem;
use crate::report::reasons::unavailable::WRONG_PARTITION;

/// How long a lost Region makes a connection degraded: a week, so that it is noticed after a weekend. After that, the Region
/// is assumed to be disabled on purpose.
const DEGRADED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The result of a check.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The credentials don't work.
    Rejected(Problem),
    /// The check failed for a transient reason before the Regions were checked.
    Transient(Problem),
    /// The Regions were checked.
    RegionsChecked {
        /// The caller's ARN.
        identity: String,
        /// Whether the role can be assumed without its External ID.
        external_id: ExternalId,
        /// Each Region that was checked.
        regions: BTreeMap<RegionName, CheckOutcome>,
    },
}

/// Combines the result of a check with the previous connection.
pub(super) fn verdict(
    account: AccountId,
    integration: &Integration,
    before: Option<&Connection>,
    found: Found,
    now: Timestamp,
) -> Connection {
    let mut connection = Connection {
        account,
        provider: integration.provider.clone(),
        status: ConnectionStatus::Disconnected,
        checked_at: now,
        stale_since: None,
        identity: None,
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: BTreeMap::new(),
    };
    let (identity, external_id, regions) = match found {
        Found::Rejected(problem) => {
            return with_previous_regions(connection, before, problem, ConnectionStatus::Disconnected);
        }
        Found::Transient(problem) => {
            let status = before.map_or(ConnectionStatus::Disconnected, |before| before.status);
            return with_previous_regions(connection, before, problem, status);
        }
        Found::RegionsChecked { identity, external_id, regions } => (identity, external_id, regions),
    };
    connection.identity = Some(identity);
    (connection.external_id_check, connection.risks) = external_id.conclude(before);
    if let Some(message) = unrecognized_everywhere(&regions) {
        return with_previous_regions(
            connection,
            before,
            credentials_unknown(account, integration, message),
            ConnectionStatus::Disconnected,
        );
    }
    if let (Some(before), Some(problem)) = (before, unreachable_everywhere(&regions)) {
        return with_previous_regions(connection, Some(before), problem, before.status);
    }
    for (region, outcome) in regions {
        let known = before.and_then(|before| before.regions.get(&region).map(|known| (known, before)));
        if let CheckOutcome::AcceptsInvalid(risk) = &outcome {
            connection.risks.push(risk.clone());
        }
        connection.regions.insert(region, judge_region(outcome, known, now));
    }
    judge_account(connection, integration)
}

/// Keeps the previous Regions, since this check has no result about them.
fn with_previous_regions(
    mut connection: Connection,
    before: Option<&Connection>,
    problem: Problem,
    status: ConnectionStatus,
) -> Connection {
    connection.status = status;
    connection.problem = Some(problem);
    if let Some(before) = before {
        connection.stale_since = Some(before.stale_since.unwrap_or(before.checked_at));
        connection.regions.clone_from(&before.regions);
        connection.identity = connection.identity.or_else(|| before.identity.clone());
        if connection.risks.is_empty() {
            connection.risks.clone_from(&before.risks);
        }
        if connection.external_id_check.is_none() {
            connection.external_id_check.clone_from(&before.external_id_check);
        }
    }
    connection
}

/// Combines the result of one Region with its previous connection.
fn judge_region(
    outcome: CheckOutcome,
    known: Option<(&RegionConnection, &Connection)>,
    now: Timestamp,
) -> RegionConnection {
    let (status, problem) = match (outcome, known) {
        (CheckOutcome::Found(status, problem), _) => (status, problem),
        (CheckOutcome::Unknown { problem, .. }, _) => (RegionStatus::RegionNotOptedIn, Some(problem)),
        (CheckOutcome::AcceptsInvalid(_), _) => (RegionStatus::Enabled, None),
        (CheckOutcome::Transient(problem), Some((known, before))) => {
            let seen_at = before.stale_since.unwrap_or(before.checked_at);
            let stale_since = Some(known.stale_since.unwrap_or(seen_at));
            return RegionConnection { problem: Some(problem), stale_since, ..known.clone() };
        }
        (CheckOutcome::Transient(problem), None) => (RegionStatus::Unreachable, Some(problem)),
    };
    let known = known.map(|(known, _)| known);
    let since = known.filter(|known| known.status == status).map_or(now, |known| known.since);
    let unavailable_since = match known {
        _ if status == RegionStatus::Enabled => None,
        Some(known) if known.status == RegionStatus::Enabled => Some(now),
        Some(known) => {
            known.unavailable_since.filter(|unavailable_since| now.duration_since(*unavailable_since) < DEGRADED_FOR)
        }
        None => None,
    };
    RegionConnection { status, since, problem, unavailable_since, stale_since: None }
}

/// Determines the status of the account from all Regions.
fn judge_account(mut connection: Connection, integration: &Integration) -> Connection {
    if !connection.regions.values().any(|region| region.status == RegionStatus::Enabled) {
        connection.problem = Some(no_region_accepts(connection.account, &connection.regions));
        return connection;
    }
    let is_whole = connection.missing_regions(integration).is_empty();
    connection.status = if is_whole { ConnectionStatus::Connected } else { ConnectionStatus::Degraded };
    connection
}

/// The problem that no Region accepts findings: the number of Regions per reason, and the fix for the Region that is easiest
/// to fix.
fn no_region_accepts(account: AccountId, regions: &BTreeMap<RegionName, RegionConnection>) -> Problem {
    const NEAREST: [RegionStatus; 5] = [
        RegionStatus::ProductNotAccepted,
        RegionStatus::AccessDenied,
        RegionStatus::HubNotEnabled,
        RegionStatus::Unreachable,
        RegionStatus::RegionNotOptedIn,
    ];
    let mut counts = BTreeMap::<&str, usize>::new();
    for problem in regions.values().filter_map(|region| region.problem.as_ref()) {
        *counts.entry(&problem.reason).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    let of = |status| regions.values().find(|region| region.status == status);
    let nearest = NEAREST.into_iter().find_map(of).and_then(|region| region.problem.as_ref());
    let detail = nearest.map(|problem| format!("; {}", problem.message)).unwrap_or_default();
    Problem {
        reason: "no_region_enabled".to_owned(),
        message: format!("no Region of account {account} accepts findings ({}){detail}", counts.join(", ")),
        remediation: nearest.and_then(|problem| problem.remediation.clone()),
    }
}

/// An error message of the Regions if none of the checked Regions recognizes the credentials, and at least one should.
/// Otherwise `None`.
fn unrecognized_everywhere(regions: &BTreeMap<RegionName, CheckOutcome>) -> Option<&str> {
    let mut first_message = None;
    let mut is_expected = false;
    for outcome in regions.values() {
        match outcome {
            CheckOutcome::Found(RegionStatus::RegionNotOptedIn, _) => {}
            CheckOutcome::Unknown { message, is_expected: had, .. } => {
                first_message.get_or_insert(message.as_str());
                is_expected |= had;
            }
            _ => return None,
        }
    }
    first_message.filter(|_| is_expected)
}

/// The problem if no Region responded: the cause is then more likely the exporter's network than all Regions.
fn unreachable_everywhere(regions: &BTreeMap<RegionName, CheckOutcome>) -> Option<Problem> {
    let checked = || {
        regions.values().filter(|outcome| !matches!(outcome, CheckOutcome::Found(RegionStatus::RegionNotOptedIn, _)))
    };
    let no_response = |outcome: &CheckOutcome| match outcome {
        // For a Region in another partition, the problem is known without a call.
        CheckOutcome::Found(_, Some(problem)) if problem.reason == WRONG_PARTITION => None,
        CheckOutcome::Found(RegionStatus::Unreachable, Some(problem)) | CheckOutcome::Transient(problem) => {
            Some(problem.clone())
        }
        _ => None,
    };
    let first = checked().find_map(no_response)?;
    checked().all(|outcome| no_response(outcome).is_some()).then(|| Problem {
        reason: NO_REGION_RESPONDS.to_owned(),
        message: format!("no Region responded: {}", first.message),
        remediation: first.remediation.clone(),
    })
}
