//! The matrix of accounts and Regions, and the fixes for it. Fixes are
//! grouped by cause, so that many accounts with one cause have one fix.

use std::collections::{BTreeMap, BTreeSet};

use asff::RegionName;
use exporter::connection::{Connection, ConnectionStatus, Problem, RegionConnection, RegionStatus};
use jiff::Timestamp;

use super::parts::{Remediation, State};
use super::region::words;
use super::text::{count, sentence, time};

/// Maximum number of places that a fix lists.
const NAMED_MAX: usize = 3;

/// A cell: a symbol, and its meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) class: &'static str,
    pub(crate) mark: &'static str,
    pub(crate) title: String,
    /// Link to the fix.
    pub(crate) href: String,
}

/// An account.
pub(crate) struct Row {
    pub(crate) account: String,
    pub(crate) cells: Vec<Cell>,
}

/// The matrix.
pub(crate) struct Matrix {
    pub(crate) regions: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// A fix, and the accounts and Regions that need it.
pub(crate) struct Fix {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) places: String,
    pub(crate) remediation: Option<Remediation>,
    pub(crate) note: String,
}

/// Whether a Region should accept findings but doesn't.
fn is_missing(region: &RegionConnection) -> bool {
    match region.status {
        RegionStatus::Enabled => false,
        RegionStatus::RegionNotOptedIn => region.unavailable_since.is_some(),
        _ => true,
    }
}

/// Whether an account needs an action.
pub(crate) fn needs_action(connection: &Connection) -> bool {
    connection.problem.is_some() || !connection.risks.is_empty() || connection.regions.values().any(is_missing)
}

/// Sort key, worst first: disconnected, then accounts with Regions that became unavailable, then others that need action.
pub(crate) fn rank(connection: &Connection) -> u8 {
    match connection.status {
        ConnectionStatus::Disconnected => 0,
        _ if connection.regions.values().any(|region| is_missing(region) && region.unavailable_since.is_some()) => 1,
        _ if needs_action(connection) => 2,
        _ => 3,
    }
}

/// The Regions that any account uses, or all Regions that were checked.
fn regions_of(connections: &[&Connection], with_all: bool) -> Vec<RegionName> {
    let all = connections.iter().flat_map(|connection| &connection.regions);
    let used =
        all.filter(|(_, region)| with_all || region.status != RegionStatus::RegionNotOptedIn || is_missing(region));
    used.map(|(name, _)| *name).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The matrix of connections.
pub(crate) fn matrix(connections: &[&Connection], with_all: bool) -> Matrix {
    let names = regions_of(connections, with_all);
    let row = |connection: &&Connection| {
        let mut cells = vec![credentials(connection)];
        cells.extend(names.iter().map(|name| cell(connection, name)));
        Row { account: connection.account.to_string(), cells }
    };
    Matrix { rows: connections.iter().map(row).collect(), regions: names.iter().map(ToString::to_string).collect() }
}

fn credentials(connection: &Connection) -> Cell {
    match (&connection.problem, connection.status) {
        (Some(problem), ConnectionStatus::Disconnected) => Cell {
            class: "regressed",
            mark: "R",
            title: format!("{}: {}", connection.account, problem.message),
            href: format!("#fix-{}", problem.reason),
        },
        _ => Cell { class: "ok", mark: "✓", title: "credentials are valid".to_owned(), href: String::new() },
    }
}

fn cell(connection: &Connection, name: &RegionName) -> Cell {
    let plain = |class, mark, title: &str| Cell { class, mark, title: title.to_owned(), href: String::new() };
    let Some(region) = connection.regions.get(name) else { return plain("no", "–", "not checked") };
    match region.status {
        RegionStatus::Enabled => return plain("ok", "✓", "accepts findings"),
        RegionStatus::RegionNotOptedIn if region.unavailable_since.is_none() => return plain("no", "·", "not used"),
        _ => {}
    }
    let lost = if region.unavailable_since.is_some() { ", accepted findings before" } else { "" };
    Cell {
        class: if region.unavailable_since.is_some() { "regressed" } else { "failed" },
        mark: mark(region.status),
        title: format!("{} in {name}: {}{lost}", connection.account, words(region.status)),
        href: format!("#fix-{}", key(region)),
    }
}

fn mark(status: RegionStatus) -> &'static str {
    match status {
        RegionStatus::Enabled => "✓",
        RegionStatus::HubNotEnabled => "H",
        RegionStatus::ProductNotAccepted => "P",
        RegionStatus::RegionNotOptedIn => "O",
        RegionStatus::AccessDenied => "D",
        RegionStatus::Unreachable => "U",
    }
}

/// The symbols and their meanings, for the legend.
pub(crate) const LEGEND: [(&str, &str); 9] = [
    ("✓", "accepts findings"),
    ("·", "not used"),
    ("–", "not checked"),
    ("H", "hub not enabled"),
    ("P", "product not accepted"),
    ("D", "access denied"),
    ("U", "unreachable"),
    ("O", "Region not enabled"),
    ("R", "credentials don't work"),
];

/// Key of the fix: Regions with the same key have the same remediation.
fn key(region: &RegionConnection) -> String {
    let lost = if region.unavailable_since.is_some() { "-lost" } else { "" };
    format!("{}{lost}", words(region.status).replace(' ', "-").to_lowercase())
}

#[derive(Default)]
struct Group<'a> {
    rank: u8,
    what: String,
    places: Vec<String>,
    accounts: BTreeSet<String>,
    problem: Option<&'a Problem>,
    since: Option<Timestamp>,
}

/// The fixes, one per cause, worst first.
pub(crate) fn fixes(connections: &[&Connection], now: Timestamp) -> Vec<Fix> {
    let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
    let mut add =
        |id: String, rank: u8, what: String, place: String, account: String, problem, since: Option<Timestamp>| {
            let group = groups.entry(id).or_default();
            (group.rank, group.what) = (rank, what);
            group.places.push(place);
            group.accounts.insert(account);
            group.problem = group.problem.or(problem);
            group.since = group.since.max(since);
        };
    for connection in connections {
        let account = connection.account.to_string();
        if let Some(problem) =
            connection.problem.as_ref().filter(|_| connection.status == ConnectionStatus::Disconnected)
        {
            let what = sentence(&problem.reason.replace('_', " "));
            add(problem.reason.clone(), 0, what, account.clone(), account.clone(), Some(problem), None);
        }
        for (name, region) in connection.regions.iter().filter(|(_, region)| is_missing(region)) {
            let (rank, before) =
                if region.unavailable_since.is_some() { (1, "No longer available: ") } else { (2, "") };
            let what = format!("{before}{}", words(region.status));
            let place = format!("{account} in {name}");
            add(
                key(region),
                rank,
                sentence(&what),
                place,
                account.clone(),
                region.problem.as_ref(),
                region.unavailable_since,
            );
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|(id, group)| (group.rank, std::cmp::Reverse(group.accounts.len()), id.clone()));
    groups.into_iter().map(|(id, group)| group.fix(&id, now)).collect()
}

impl Group<'_> {
    fn fix(self, id: &str, now: Timestamp) -> Fix {
        let tone = if self.rank < 2 { "bad" } else { "warn" };
        let since = self.since.map(|at| format!(" · since {}", time(at, now))).unwrap_or_default();
        let places = if self.places.len() <= NAMED_MAX {
            self.places.join(", ")
        } else {
            format!(
                "{}, and {} more",
                self.places[..NAMED_MAX].join(", "),
                count((self.places.len() - NAMED_MAX) as u64)
            )
        };
        let note = match self.places.len() {
            1 => String::new(),
            number => format!(
                "The command is for the first of {} places in {} accounts; the list has the others.",
                count(number as u64),
                count(self.accounts.len() as u64)
            ),
        };
        Fix {
            id: format!("fix-{id}"),
            state: State::new(tone, self.what),
            places: format!("{places}{since}"),
            remediation: self.problem.and_then(|problem| problem.remediation.as_ref()).map(Remediation::new),
            note,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(account: &str, regions: &[(&str, RegionStatus, bool)]) -> Connection {
        let now: Timestamp = "2026-11-27T17:00:00Z".parse().unwrap();
        let region = |status, lost: bool| RegionConnection {
            status,
            since: now,
            problem: None,
            unavailable_since: lost.then_some(now),
            stale_since: None,
        };
        Connection {
            account: account.parse().unwrap(),
            provider: account.parse().unwrap(),
            status: ConnectionStatus::Connected,
            checked_at: now,
            stale_since: None,
            identity: None,
            problem: None,
            risks: Vec::new(),
            external_id_check: None,
            regions: regions
                .iter()
                .map(|(name, status, lost)| (name.parse().unwrap(), region(*status, *lost)))
                .collect(),
        }
    }

    #[test]
    fn a_cell_is_a_letter_and_links_to_its_fix() {
        use RegionStatus::{AccessDenied, Enabled, HubNotEnabled, RegionNotOptedIn};
        let all = [
            connection(
                "123456789012",
                &[
                    ("eu-west-1", Enabled, false),
                    ("us-east-1", HubNotEnabled, false),
                    ("af-south-1", RegionNotOptedIn, false),
                ],
            ),
            connection("210987654321", &[("eu-west-1", AccessDenied, true)]),
        ];
        let all: Vec<&Connection> = all.iter().collect();
        let shown = matrix(&all, false);
        assert_eq!(shown.regions, ["eu-west-1", "us-east-1"], "a Region that no account uses has no column");
        let marks: Vec<String> =
            shown.rows.iter().map(|row| row.cells.iter().map(|cell| cell.mark).collect()).collect();
        assert_eq!(marks, ["✓✓H", "✓D–"]);
        assert_eq!(matrix(&all, true).regions.len(), 3);
        let now = "2026-11-27T17:42:08Z".parse().unwrap();
        let fixes = fixes(&all, now);
        let ids: Vec<_> = fixes.iter().map(|fix| format!("#{}", fix.id)).collect();
        assert_eq!(
            ids,
            ["#fix-access-denied-lost", "#fix-hub-not-enabled"],
            "Regions that became unavailable come first"
        );
        assert!(
            shown
                .rows
                .iter()
                .flat_map(|row| &row.cells)
                .filter(|cell| !cell.href.is_empty())
                .all(|cell| ids.contains(&cell.href))
        );
        assert_eq!(fixes[0].state.word, "No longer available: access denied.");
    }

    #[test]
    fn many_accounts_with_one_cause_have_one_fix() {
        let all: Vec<_> = (0..412_u64)
            .map(|number| connection(&format!("{number:012}"), &[("eu-west-1", RegionStatus::HubNotEnabled, false)]))
            .collect();
        let all: Vec<&Connection> = all.iter().collect();
        let fixes = fixes(&all, Timestamp::UNIX_EPOCH);
        assert_eq!(fixes.len(), 1);
        assert!(
            fixes[0].places.ends_with("and 409 more") && fixes[0].note.contains("412 accounts"),
            "{}",
            fixes[0].note
        );
    }
}
