//! The outcome of a connection test, over all accounts and expected Regions of the integration.

use exporter::connection::{Connection, ConnectionStatus, Problem, RegionStatus};
use exporter::integration::Integration;

use crate::ports::Tested;
use crate::wire::TestOutcome;
use crate::wire::{Test, TestedAccounts};

/// Regions that a sentence names.
const REGIONS_NAMED_MAX: usize = 5;
/// Accounts that a sentence names.
const ACCOUNTS_NAMED_MAX: usize = 3;
/// Accounts that an answer holds: 100 with 34 Regions each are about 1 MB, and a function may answer 6 MB (Lambda quotas).
const CONNECTIONS_MAX: usize = 100;

/// Outcome of an account, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AccountOutcome {
    /// Disconnected.
    Disconnected,
    /// Connected, but an expected Region is unavailable.
    Degraded,
    /// It, or a Region that took findings before, did not respond.
    Unanswered,
    /// Connected in every expected Region.
    Connected,
}

/// Evaluates a test. It passed only if every account was checked, responded, and accepts findings in every expected Region.
pub(super) fn judged(integration: &Integration, tested: Tested) -> Test {
    let Tested { connections, mut unchecked, problems } = tested;
    unchecked.sort_unstable();
    let standing = |connection: &Connection| standing(connection, integration);
    let mut each: Vec<_> = connections.into_iter().map(|connection| (standing(&connection), connection)).collect();
    each.sort_by_key(|(standing, connection)| (*standing, connection.account));
    let accounts = TestedAccounts {
        total: (each.len() + unchecked.len()) as u64,
        connected: count(&each, AccountOutcome::Connected),
        degraded: count(&each, AccountOutcome::Degraded),
        disconnected: count(&each, AccountOutcome::Disconnected),
        unanswered: count(&each, AccountOutcome::Unanswered),
        unchecked: unchecked.len() as u64,
        unchecked_ids: unchecked.iter().take(CONNECTIONS_MAX).copied().collect(),
    };
    let outcome = outcome(&accounts, &problems);
    let said = match each.as_slice() {
        [] if accounts.total == 0 && problems.is_empty() => {
            "no accounts of the organization discovered yet; they are discovered from the first scan or the next check"
                .to_owned()
        }
        [(standing, one)] if accounts.total == 1 => of_account(*standing, one, integration),
        all => of_many(&accounts, all, integration),
    };
    let message = [said].into_iter().chain(problems).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let connections = each.into_iter().take(CONNECTIONS_MAX).map(|(_, connection)| connection).collect();
    Test { outcome, message, accounts, connections }
}

fn standing(connection: &Connection, integration: &Integration) -> AccountOutcome {
    match connection.status {
        _ if connection.is_unanswered() && connection.stale_since.is_some() => AccountOutcome::Unanswered,
        ConnectionStatus::Disconnected if connection.is_unanswered() => AccountOutcome::Unanswered,
        ConnectionStatus::Disconnected => AccountOutcome::Disconnected,
        _ if !connection.missing_regions(integration).is_empty() => AccountOutcome::Degraded,
        _ if connection.is_unanswered() => AccountOutcome::Unanswered,
        ConnectionStatus::Connected | ConnectionStatus::Degraded => AccountOutcome::Connected,
    }
}

fn count(each: &[(AccountOutcome, Connection)], wanted: AccountOutcome) -> u64 {
    each.iter().filter(|(standing, _)| *standing == wanted).count() as u64
}

fn outcome(accounts: &TestedAccounts, problems: &[String]) -> TestOutcome {
    let TestedAccounts { total, connected, degraded, disconnected, .. } = *accounts;
    match () {
        () if total == 0 => TestOutcome::NotRun,
        () if disconnected == total => TestOutcome::Failed,
        () if disconnected + degraded > 0 => TestOutcome::Partial,
        () if connected == total && problems.is_empty() => TestOutcome::Passed,
        () => TestOutcome::NotRun,
    }
}

/// Describes one account.
fn of_account(standing: AccountOutcome, connection: &Connection, integration: &Integration) -> String {
    match standing {
        AccountOutcome::Connected => regions(connection),
        AccountOutcome::Disconnected => reason(connection),
        AccountOutcome::Degraded => format!("{}; not in {}", regions(connection), gaps(connection, integration)),
        AccountOutcome::Unanswered => format!("no response: {}", reason(connection)),
    }
}

/// Describes many accounts: the number with each outcome, and the most severe with their reasons.
fn of_many(accounts: &TestedAccounts, all: &[(AccountOutcome, Connection)], integration: &Integration) -> String {
    let TestedAccounts { total, degraded, disconnected, unanswered, unchecked, .. } = *accounts;
    let bad: Vec<_> = all.iter().filter(|(standing, _)| *standing != AccountOutcome::Connected).collect();
    let mut parts = Vec::new();
    if unchecked > 0 {
        let ids = accounts.unchecked_ids.iter().take(ACCOUNTS_NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>();
        let more = if unchecked > ids.len() as u64 { " and others" } else { "" };
        let checked = total - unchecked;
        parts.push(format!("{checked} of {total} accounts were checked, not {}{more}", ids.join(", ")));
    } else if bad.is_empty() && total > 0 {
        parts.push(format!("all {total} accounts are connected"));
    }
    for (number, what) in [
        (disconnected, "are not connected"),
        (degraded, "don't accept findings in every expected Region"),
        (unanswered, "did not respond"),
    ] {
        if number > 0 {
            parts.push(format!("{number} of {total} accounts {what}"));
        }
    }
    for (standing, one) in bad.iter().take(ACCOUNTS_NAMED_MAX) {
        parts.push(format!("{}: {}", one.account, of_account(*standing, one, integration)));
    }
    if bad.len() > ACCOUNTS_NAMED_MAX {
        parts.push(format!("and {} more", bad.len() - ACCOUNTS_NAMED_MAX));
    }
    parts.join("; ")
}

/// Why an account is not connected, or did not respond, and how to fix it.
fn reason(connection: &Connection) -> String {
    let stale = |stale: bool| {
        let mut all = connection.regions.iter().filter(move |(_, region)| region.stale_since.is_some() == stale);
        all.find_map(|(name, region)| Some((name, region.problem.as_ref()?)))
    };
    match (&connection.problem, stale(connection.is_unanswered()).or_else(|| stale(false))) {
        (Some(problem), _) => describe(problem),
        (None, Some((name, problem))) => format!("{name}: {}", describe(problem)),
        (None, None) => "no Region accepts findings".to_owned(),
    }
}

/// The Regions that take no findings and should, each with why and how to fix it.
fn gaps(connection: &Connection, integration: &Integration) -> String {
    let gaps = connection.missing_regions(integration);
    let each = gaps.iter().take(REGIONS_NAMED_MAX).map(|name| {
        let problem = connection.regions.get(name).and_then(|region| region.problem.as_ref());
        problem.map_or_else(|| name.to_string(), |problem| format!("{name}: {}", describe(problem)))
    });
    let mut parts: Vec<_> = each.collect();
    if gaps.len() > REGIONS_NAMED_MAX {
        parts.push(format!("and in {} more", gaps.len() - REGIONS_NAMED_MAX));
    }
    parts.join("; ")
}

fn describe(problem: &Problem) -> String {
    let Problem { message, remediation, .. } = problem;
    remediation.as_ref().map_or_else(|| message.clone(), |remediation| format!("{message}. To fix: {remediation}"))
}

fn regions(connection: &Connection) -> String {
    let on = connection.regions.iter().filter(|(_, region)| region.status == RegionStatus::Enabled);
    let names: Vec<&str> = on.map(|(name, _)| name.as_str()).collect();
    let shown = names.iter().take(REGIONS_NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        1 => format!("connected in 1 Region: {shown}"),
        count if count > REGIONS_NAMED_MAX => format!("connected in {count} Regions: {shown} and others"),
        count => format!("connected in {count} Regions: {shown}"),
    }
}
