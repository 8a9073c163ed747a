//! Regions of an account: those that accept findings, and the remediation for the others.

use asff::RegionName;
use exporter::connection::{Connection, Problem, RegionConnection, RegionStatus};
use jiff::Timestamp;

use super::parts::{Number, Remediation, State};
use super::region_sums::RegionSums;
use super::text::{sentence, time};

/// The row of a Region, with the results of its checks.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) status: State,
    pub(crate) checks: [Check; 4],
    pub(crate) since: String,
    pub(crate) is_stale: bool,
    /// Active findings, and findings sent.
    pub(crate) numbers: [Number; 2],
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// The check passed.
    Yes,
    /// The check failed.
    No(State),
    /// The check was not made, because an earlier one failed.
    NotChecked,
}

impl Check {
    /// The state to show, if the check failed.
    pub(crate) fn state(&self) -> Option<&State> {
        if let Self::No(state) = self { Some(state) } else { None }
    }

    /// Whether the check passed.
    pub(crate) fn is_yes(&self) -> bool {
        *self == Self::Yes
    }
}

/// A problem of an account or a Region, with its remediation.
pub(crate) struct Fix {
    pub(crate) state: State,
    pub(crate) text: String,
    pub(crate) remediation: Option<Remediation>,
}

/// A status as text.
pub(crate) fn words(status: RegionStatus) -> &'static str {
    match status {
        RegionStatus::Enabled => "accepts findings",
        RegionStatus::HubNotEnabled => "hub not enabled",
        RegionStatus::ProductNotAccepted => "product not accepted",
        RegionStatus::RegionNotOptedIn => "Region not enabled",
        RegionStatus::AccessDenied => "access denied",
        RegionStatus::Unreachable => "unreachable",
    }
}

/// Whether a Region should accept findings but doesn't. A Region that the account never enabled needs no action.
fn is_missing(region: &RegionConnection) -> bool {
    match region.status {
        RegionStatus::Enabled => false,
        RegionStatus::RegionNotOptedIn => region.unavailable_since.is_some(),
        _ => true,
    }
}

fn tone(region: &RegionConnection) -> &'static str {
    if region.unavailable_since.is_some() { "bad" } else { "warn" }
}

/// Sort key, worst first: Regions that became unavailable, others that need action, Regions that accept findings, Regions that
/// were never enabled.
fn rank(region: &RegionConnection) -> u8 {
    match (region.status, region.unavailable_since) {
        (_, Some(_)) => 0,
        (RegionStatus::Enabled, None) => 2,
        (RegionStatus::RegionNotOptedIn, None) => 3,
        _ => 1,
    }
}

fn sorted(connection: &Connection) -> Vec<(&RegionName, &RegionConnection)> {
    let mut regions: Vec<_> = connection.regions.iter().collect();
    regions.sort_by_key(|(name, region)| (rank(region), **name));
    regions
}

/// The Regions that should accept findings but don't, as text and CSS class of a chip.
pub(crate) fn unavailable(connection: &Connection) -> Vec<(String, &'static str)> {
    let missing = sorted(connection).into_iter().filter(|(_, region)| is_missing(region));
    missing
        .map(|(name, region)| {
            let lost = if region.unavailable_since.is_some() { "unavailable, " } else { "" };
            (format!("{name}: {lost}{}", words(region.status)), tone(region))
        })
        .collect()
}

/// The most severe problem of an account.
pub(crate) fn worst_problem(connection: &Connection) -> Option<&Problem> {
    let lost =
        sorted(connection).into_iter().filter(|(_, region)| region.unavailable_since.is_some() && is_missing(region));
    connection.problem.as_ref().or_else(|| lost.filter_map(|(_, region)| region.problem.as_ref()).next())
}

/// The rows of an account, worst first, and the number of Regions that are omitted because they were never enabled.
pub(crate) fn rows(connection: &Connection, sums: &RegionSums, with_all: bool, now: Timestamp) -> (Vec<Row>, usize) {
    let all = sorted(connection);
    let hidden = |region: &RegionConnection| !with_all && rank(region) == 3;
    let left_out = all.iter().filter(|(_, region)| hidden(region)).count();
    let shown = all.into_iter().filter(|(_, region)| !hidden(region));
    (shown.map(|(name, region)| row(name, region, sums, now)).collect(), left_out)
}

fn row(name: &RegionName, region: &RegionConnection, sums: &RegionSums, now: Timestamp) -> Row {
    let tone = if region.status == RegionStatus::Enabled { "good" } else { tone(region) };
    let no = |word: &str| Check::No(State::new(tone, word));
    let (yes, not) = (Check::Yes, Check::NotChecked);
    let checks = match region.status {
        RegionStatus::Enabled => [yes.clone(), yes.clone(), yes.clone(), yes],
        RegionStatus::RegionNotOptedIn => [no("no"), not.clone(), not.clone(), not],
        RegionStatus::HubNotEnabled => [yes, no("no"), not.clone(), not],
        RegionStatus::ProductNotAccepted => [yes.clone(), yes, no("no"), not],
        RegionStatus::AccessDenied => [yes, not.clone(), not, no("denied")],
        RegionStatus::Unreachable => [not.clone(), not.clone(), not.clone(), not],
    };
    let never = rank(region) == 3;
    let status = if never { State::new("plain", words(region.status)) } else { State::new(tone, words(region.status)) };
    Row {
        name: name.to_string(),
        status,
        checks,
        since: time(region.since, now),
        is_stale: region.stale_since.is_some(),
        numbers: sums.cells(name, now),
    }
}

/// The fixes of an account, one per problem, worst first.
pub(crate) fn fixes(connection: &Connection) -> Vec<Fix> {
    let mut fixes: Vec<Fix> = connection
        .problem
        .iter()
        .map(|problem| ("bad", "The account", problem))
        .chain(connection.risks.iter().map(|risk| ("warn", "Risk", risk)))
        .map(|(tone, name, problem)| Fix {
            state: State::new(tone, format!("{name}:")),
            text: sentence(&problem.message),
            remediation: problem.remediation.as_ref().map(Remediation::new),
        })
        .collect();
    for (name, region) in sorted(connection).into_iter().filter(|(_, region)| is_missing(region)) {
        let Some(problem) = &region.problem else { continue };
        fixes.push(Fix {
            state: State::new(tone(region), format!("{name}:")),
            text: sentence(&problem.message),
            remediation: problem.remediation.as_ref().map(Remediation::new),
        });
    }
    fixes
}
