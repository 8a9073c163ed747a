//! Determines the outcome of a connection test from all accounts and expected Regions of the integration.

use exporter::connection::{Connection, ConnectionStatus, Problem, RegionStatus};
use exporter::model::integration::Integration;

use crate::ports::ConnectionTestResult;
use crate::wire::TestOutcome;
use crate::wire::{Test, TestedAccounts};

/// Maximum number of Regions that a message names.
const REGIONS_NAMED_MAX: usize = 5;
/// Maximum number of accounts that a message names.
const ACCOUNTS_NAMED_MAX: usize = 3;
/// Maximum number of accounts in a response: 100 with 34 Regions each have about 1 MB; the Lambda quota is 6 MB.
const CONNECTIONS_MAX: usize = 100;

/// Outcome of an account, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AccountOutcome {
    /// Disconnected.
    Disconnected,
    /// Connected, but an expected Region is unavailable.
    Degraded,
    /// The account, or a Region that accepted findings before, did not respond.
    Unanswered,
    /// Connected in every expected Region.
    Connected,
}

/// Evaluates a test. It passes only if every account was checked, responded, and accepts findings in every expected Region.
pub(super) fn evaluate(integration: &Integration, tested: ConnectionTestResult) -> Test {
    let ConnectionTestResult { connections, mut unchecked, problems } = tested;
    unchecked.sort_unstable();
    let account_outcome = |connection: &Connection| account_outcome(connection, integration);
    let mut results: Vec<_> =
        connections.into_iter().map(|connection| (account_outcome(&connection), connection)).collect();
    results.sort_by_key(|(account_outcome, connection)| (*account_outcome, connection.account));
    let accounts = TestedAccounts {
        total: (results.len() + unchecked.len()) as u64,
        connected: count(&results, AccountOutcome::Connected),
        degraded: count(&results, AccountOutcome::Degraded),
        disconnected: count(&results, AccountOutcome::Disconnected),
        unanswered: count(&results, AccountOutcome::Unanswered),
        unchecked: unchecked.len() as u64,
        unchecked_ids: unchecked.iter().take(CONNECTIONS_MAX).copied().collect(),
    };
    let outcome = outcome(&accounts, &problems);
    let summary = match results.as_slice() {
        [] if accounts.total == 0 && problems.is_empty() => {
            "no accounts of the organization discovered yet; they are discovered from the first scan or the next check"
                .to_owned()
        }
        [(account_outcome, connection)] if accounts.total == 1 => {
            describe_account(*account_outcome, connection, integration)
        }
        all => describe_accounts(&accounts, all, integration),
    };
    let message = [summary].into_iter().chain(problems).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    let connections = results.into_iter().take(CONNECTIONS_MAX).map(|(_, connection)| connection).collect();
    Test { outcome, message, accounts, connections }
}

fn account_outcome(connection: &Connection, integration: &Integration) -> AccountOutcome {
    match connection.status {
        _ if connection.is_unanswered() && connection.stale_since.is_some() => AccountOutcome::Unanswered,
        ConnectionStatus::Disconnected if connection.is_unanswered() => AccountOutcome::Unanswered,
        ConnectionStatus::Disconnected => AccountOutcome::Disconnected,
        _ if !connection.missing_regions(integration).is_empty() => AccountOutcome::Degraded,
        _ if connection.is_unanswered() => AccountOutcome::Unanswered,
        ConnectionStatus::Connected | ConnectionStatus::Degraded => AccountOutcome::Connected,
    }
}

fn count(results: &[(AccountOutcome, Connection)], expected: AccountOutcome) -> u64 {
    results.iter().filter(|(account_outcome, _)| *account_outcome == expected).count() as u64
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
fn describe_account(account_outcome: AccountOutcome, connection: &Connection, integration: &Integration) -> String {
    match account_outcome {
        AccountOutcome::Connected => describe_regions(connection),
        AccountOutcome::Disconnected => describe_problem(connection),
        AccountOutcome::Degraded => {
            format!("{}; not in {}", describe_regions(connection), describe_missing_regions(connection, integration))
        }
        AccountOutcome::Unanswered => format!("no response: {}", describe_problem(connection)),
    }
}

/// Describes many accounts: the number of accounts per outcome, then the most severe outcomes with their reasons.
fn describe_accounts(
    accounts: &TestedAccounts,
    all: &[(AccountOutcome, Connection)],
    integration: &Integration,
) -> String {
    let TestedAccounts { total, degraded, disconnected, unanswered, unchecked, .. } = *accounts;
    let failing: Vec<_> =
        all.iter().filter(|(account_outcome, _)| *account_outcome != AccountOutcome::Connected).collect();
    let mut parts = Vec::new();
    if unchecked > 0 {
        let ids = accounts.unchecked_ids.iter().take(ACCOUNTS_NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>();
        let more = if unchecked > ids.len() as u64 { " and others" } else { "" };
        let checked = total - unchecked;
        parts.push(format!("{checked} of {total} accounts were checked, not {}{more}", ids.join(", ")));
    } else if failing.is_empty() && total > 0 {
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
    for (account_outcome, connection) in failing.iter().take(ACCOUNTS_NAMED_MAX) {
        parts.push(format!("{}: {}", connection.account, describe_account(*account_outcome, connection, integration)));
    }
    if failing.len() > ACCOUNTS_NAMED_MAX {
        parts.push(format!("and {} more", failing.len() - ACCOUNTS_NAMED_MAX));
    }
    parts.join("; ")
}

/// Describes why an account is disconnected or did not respond, and its remediation.
fn describe_problem(connection: &Connection) -> String {
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

/// Describes the expected Regions that are unavailable, each with its problem and remediation.
fn describe_missing_regions(connection: &Connection, integration: &Integration) -> String {
    let missing = connection.missing_regions(integration);
    let results = missing.iter().take(REGIONS_NAMED_MAX).map(|name| {
        let problem = connection.regions.get(name).and_then(|region| region.problem.as_ref());
        problem.map_or_else(|| name.to_string(), |problem| format!("{name}: {}", describe(problem)))
    });
    let mut parts: Vec<_> = results.collect();
    if missing.len() > REGIONS_NAMED_MAX {
        parts.push(format!("and in {} more", missing.len() - REGIONS_NAMED_MAX));
    }
    parts.join("; ")
}

fn describe(problem: &Problem) -> String {
    let Problem { message, remediation, .. } = problem;
    remediation.as_ref().map_or_else(|| message.clone(), |remediation| format!("{message}. To fix: {remediation}"))
}

fn describe_regions(connection: &Connection) -> String {
    let on = connection.regions.iter().filter(|(_, region)| region.status == RegionStatus::Enabled);
    let names: Vec<&str> = on.map(|(name, _)| name.as_str()).collect();
    let shown = names.iter().take(REGIONS_NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        1 => format!("connected in 1 Region: {shown}"),
        count if count > REGIONS_NAMED_MAX => format!("connected in {count} Regions: {shown} and others"),
        count => format!("connected in {count} Regions: {shown}"),
    }
}
