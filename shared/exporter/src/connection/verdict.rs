//! The verdict: what a check found, beside what was known before.

use std::collections::BTreeMap;

use asff::{AccountId, RegionName};
use jiff::{SignedDuration, Timestamp};

use super::external_id::ExternalId;
use super::identity::credentials_unknown;
use super::model::{Connection, ConnectionStatus, NO_REGION_ANSWERS, RegionConnection, RegionStatus};
use super::region::CheckOutcome;
use crate::integration::Integration;
use crate::problem::Problem;
use crate::report::reasons::unavailable::WRONG_PARTITION;

/// How long a Region that was lost makes a connection degraded: a week, so that a weekend does not hide it. Whoever switched
/// it off on purpose has peace then.
const DEGRADED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a check found.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// The credentials don't work.
    Rejected(Problem),
    /// Nothing, for a transient reason.
    Transient(Problem),
    /// The Regions.
    RegionsChecked {
        /// The caller's ARN.
        identity: String,
        /// Whether the role can be assumed without its External ID.
        external_id: ExternalId,
        /// Each Region that was checked.
        regions: BTreeMap<RegionName, CheckOutcome>,
    },
}

/// Judges.
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
    for (region, look) in regions {
        let known = before.and_then(|before| before.regions.get(&region).map(|known| (known, before)));
        if let CheckOutcome::AcceptsInvalid(risk) = &look {
            connection.risks.push(risk.clone());
        }
        connection.regions.insert(region, judge_region(look, known, now));
    }
    judge_account(connection, integration)
}

/// The Regions as they were known, of which this check learned nothing.
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

/// One Region, beside what was known of it.
fn judge_region(
    look: CheckOutcome,
    known: Option<(&RegionConnection, &Connection)>,
    now: Timestamp,
) -> RegionConnection {
    let (status, problem) = match (look, known) {
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

/// The verdict over all Regions.
fn judge_account(mut connection: Connection, integration: &Integration) -> Connection {
    if !connection.regions.values().any(|region| region.status == RegionStatus::Enabled) {
        connection.problem = Some(no_region_accepts(connection.account, &connection.regions));
        return connection;
    }
    let is_whole = connection.missing_regions(integration).is_empty();
    connection.status = if is_whole { ConnectionStatus::Connected } else { ConnectionStatus::Degraded };
    connection
}

/// No Region accepts findings: how many have which status, and what brings the first one nearest.
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
        message: format!("no Region of account {account} takes findings ({}){detail}", counts.join(", ")),
        remediation: nearest.and_then(|problem| problem.remediation.clone()),
    }
}

/// What the Regions say, if none of those that were asked knows the credentials, and one at least should.
fn unrecognized_everywhere(regions: &BTreeMap<RegionName, CheckOutcome>) -> Option<&str> {
    let mut first_message = None;
    let mut is_expected = false;
    for look in regions.values() {
        match look {
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

/// Why, if no Region answered at all: then it is more likely us than all of them.
fn unreachable_everywhere(regions: &BTreeMap<RegionName, CheckOutcome>) -> Option<Problem> {
    let asked =
        || regions.values().filter(|look| !matches!(look, CheckOutcome::Found(RegionStatus::RegionNotOptedIn, _)));
    let silence = |look: &CheckOutcome| match look {
        // Of a Region in another partition it is certain, without a question.
        CheckOutcome::Found(_, Some(problem)) if problem.reason == WRONG_PARTITION => None,
        CheckOutcome::Found(RegionStatus::Unreachable, Some(problem)) | CheckOutcome::Transient(problem) => {
            Some(problem.clone())
        }
        _ => None,
    };
    let first = asked().find_map(silence)?;
    asked().all(|look| silence(look).is_some()).then(|| Problem {
        reason: NO_REGION_ANSWERS.to_owned(),
        message: format!("no Region answered: {}", first.message),
        remediation: first.remediation.clone(),
    })
}
