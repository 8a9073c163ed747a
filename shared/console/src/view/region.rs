//! Regions of an account: which accept findings, and the remediation of the others.

use asff::RegionName;
use exporter::connection::{Connection, Problem, RegionConnection, RegionStatus};
use jiff::Timestamp;

use super::parts::{Remediation, State};
use super::text::{sentence, time};

/// A Region's row: its checks, worst first.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) status: State,
    pub(crate) checks: [Check; 4],
    pub(crate) since: String,
    pub(crate) is_stale: bool,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// It passed.
    Yes,
    /// It failed, or its result matters.
    No(State),
    /// An earlier check failed.
    NotChecked,
}

impl Check {
    /// The state to show, if it failed.
    pub(crate) fn state(&self) -> Option<&State> {
        if let Self::No(state) = self { Some(state) } else { None }
    }

    /// Whether it passed.
    pub(crate) fn is_yes(&self) -> bool {
        *self == Self::Yes
    }
}

/// Remediation of Regions with the same problem.
pub(crate) struct Fix {
    pub(crate) state: State,
    pub(crate) text: String,
    pub(crate) remediation: Option<Remediation>,
}

/// A status in words.
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

/// Whether a Region should accept findings and doesn't. One that the account never enabled needs nothing.
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

/// Worst first: lost, then those that need action, then those that accept findings, then those never enabled.
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

/// The Regions that should accept findings and don't, as the words and the style of a chip.
pub(crate) fn unavailable(connection: &Connection) -> Vec<(String, &'static str)> {
    let missing = sorted(connection).into_iter().filter(|(_, region)| is_missing(region));
    missing
        .map(|(name, region)| {
            let lost = if region.unavailable_since.is_some() { "unavailable, " } else { "" };
            (format!("{name}: {lost}{}", words(region.status)), tone(region))
        })
        .collect()
}

/// The problem of an account that matters most.
pub(crate) fn worst_problem(connection: &Connection) -> Option<&Problem> {
    let lost =
        sorted(connection).into_iter().filter(|(_, region)| region.unavailable_since.is_some() && is_missing(region));
    connection.problem.as_ref().or_else(|| lost.filter_map(|(_, region)| region.problem.as_ref()).next())
}

/// The rows of an account, worst first, and how many Regions were never enabled and are left out.
pub(crate) fn rows(connection: &Connection, with_all: bool, now: Timestamp) -> (Vec<Row>, usize) {
    let all = sorted(connection);
    let hidden = |region: &RegionConnection| !with_all && rank(region) == 3;
    let left_out = all.iter().filter(|(_, region)| hidden(region)).count();
    let shown = all.into_iter().filter(|(_, region)| !hidden(region));
    (shown.map(|(name, region)| row(name, region, now)).collect(), left_out)
}

fn row(name: &RegionName, region: &RegionConnection, now: Timestamp) -> Row {
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
    }
}

/// What to do, a problem each, worst first.
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
