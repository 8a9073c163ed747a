//! What the pages of an integration and of accounts share: an account's state, its Regions, and its recent runs.

use exporter::connection::{Connection, ConnectionStatus};
use exporter::report::RunReport;
use jiff::Timestamp;

use super::parts::{State, Unread};
use super::region::{Row, rows, unavailable};
use super::region_sums::RegionSums;
use super::run;
use super::text::{clock, count, time};
use crate::histories::Period;
use crate::visit::Visit;

/// States of a connection, worst first: name, tone.
pub(crate) const STATUSES: [(&str, &str, ConnectionStatus); 3] = [
    ("Disconnected", "bad", ConnectionStatus::Disconnected),
    ("Degraded", "warn", ConnectionStatus::Degraded),
    ("Connected", "good", ConnectionStatus::Connected),
];

/// The state of a connection in words.
pub(crate) fn account_state(status: ConnectionStatus) -> State {
    let found = STATUSES.iter().find(|(_, _, one)| *one == status);
    found.map_or_else(|| State::new("plain", "Not tested yet"), |(name, tone, _)| State::new(tone, *name))
}

/// The problem of an account, or else of its Regions. Empty: it has none.
pub(crate) fn problem_of(connection: &Connection) -> String {
    let words = || unavailable(connection).into_iter().map(|(words, _)| words).collect::<Vec<_>>().join("; ");
    connection.problem.as_ref().map_or_else(words, |problem| problem.message.clone())
}

/// The Regions of an account.
pub(crate) struct Regions {
    pub(crate) checked: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) left_out: usize,
    pub(crate) all_href: String,
    /// The run that most active findings are of: its page, and its time.
    pub(crate) as_of: Option<(String, String)>,
    /// What the numbers don't include. Empty: they are complete.
    pub(crate) limits: String,
    /// Why the numbers are unknown.
    pub(crate) unread: Option<Unread>,
}

/// A run in a few words.
pub(crate) struct Recent {
    pub(crate) href: String,
    pub(crate) at: String,
    pub(crate) kind: &'static str,
    pub(crate) state: State,
    pub(crate) sent: String,
    pub(crate) archived: String,
}

impl Regions {
    /// The Regions of a connection; with `?regions=all` those that were never enabled, too.
    pub(crate) fn new(visit: &Visit, connection: &Connection, sums: Result<Period, Unread>) -> Self {
        let now = visit.now();
        let (period, unread) = sums.map_or_else(|unread| (None, Some(unread)), |period| (Some(period), None));
        let sums = RegionSums::new(period);
        let (rows, left_out) = rows(connection, &sums, visit.query.get("regions") == "all", now);
        let checked = clock(connection.checked_at, now);
        let (as_of, limits) = (sums.as_of(now), sums.limits());
        Self { checked, rows, left_out, all_href: visit.with("regions", Some("all")), as_of, limits, unread }
    }
}

impl Recent {
    /// A run.
    pub(crate) fn new(report: &RunReport, now: Timestamp) -> Self {
        Self {
            href: format!("/runs/{}", report.run_id),
            at: time(report.started_at, now),
            kind: run::kind(report.kind),
            state: run::state(report.status),
            sent: count(report.counts.sent),
            archived: count(report.counts.archived),
        }
    }
}
