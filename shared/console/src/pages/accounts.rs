//! `/accounts`: the accounts of all integrations, by connection, with their last scans and the sums of their runs.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;
use exporter::connection::{Connection, ConnectionStatus, RegionStatus};
use jiff::Timestamp;
use management::wire::HistoryList;

use super::check;
use super::connections::connections;
use super::sums::account_sums;
use crate::account_sums::DAYS;
use crate::connections::{Connections, Named};
use crate::form::{Form, encoded};
use crate::view::account::{STATUSES, account_state, problem_of};
use crate::view::account_numbers::{AccountNumbers, AllNumbers};
use crate::view::last_scan::LastScan;
use crate::view::pager::Pager;
use crate::view::parts::{Button, Number, State, Unread};
use crate::view::region::unavailable;
use crate::view::sort::{Column, Columns};
use crate::view::text::{age, count, time};
use crate::visit::{Frame, Visit};

/// Accounts per page: the numbers to choose from, the default first.
const ROWS: [usize; 3] = [25, 100, 250];

#[derive(Template)]
#[template(path = "accounts.html")]
struct Page {
    frame: Frame,
    counts: Vec<(State, String, bool)>,
    q: String,
    /// What the search form keeps.
    kept: Vec<(&'static str, String)>,
    /// The integration whose accounts are listed: its name and its page.
    of: Option<(String, String)>,
    /// The accounts with a missing scan, and those without a scan, as links.
    scans: Vec<(State, String, bool)>,
    columns: Vec<Column>,
    rows: Vec<Row>,
    unread: Option<Unread>,
    pager: Pager,
    is_empty: bool,
    test_all: Option<Button>,
}

struct Row {
    account: String,
    integration: String,
    state: State,
    regions: String,
    problem: String,
    checked: String,
    age: String,
    scan: String,
    is_missing: bool,
    numbers: [Number; 3],
}

/// An account of the list.
struct Listed<'a> {
    connection: &'a Connection,
    name: &'a str,
    numbers: AccountNumbers,
}

/// What `?scan` selects: the value, its noun, and its tone.
const SCANS: [(&str, &str, &str); 2] =
    [("missing", "scan missing", "warn"), ("none", "without a scan in 30 days", "plain")];

/// The columns. By default, the worst accounts are first.
const COLUMNS: Columns = Columns {
    names: &[
        ("Account", "account"),
        ("Integration", "integration"),
        ("Connection", "status"),
        ("Last checked (UTC)", "checked"),
        ("Regions", "regions"),
        ("Problem", "problem"),
        ("Last scan (UTC)", "scan"),
        ("Active findings", "active"),
        ("Sent, 30 days", "sent"),
        ("Errors, 30 days", "errors"),
    ],
    numbers: &["active", "sent", "errors"],
    default: "status",
};

/// `GET /accounts`
pub(crate) async fn list(visit: Visit) -> Response {
    let (read, sums) = futures::join!(connections(&visit), account_sums(&visit));
    visit.show(read.map(|read| view(&visit, &read, sums)))
}

fn view(visit: &Visit, read: &Connections, sums: Result<Arc<HistoryList>, Unread>) -> Page {
    let query = &visit.query;
    let (sums, unread) = sums.map_or_else(|unread| (None, Some(unread)), |sums| (Some(sums), None));
    let cut = sums.as_deref().filter(|list| list.next.is_some()).map(|list| Unread::since(list.from));
    let no_schedules = read.awaited.is_none().then(Unread::schedules);
    let has_scans = sums.is_some() && read.awaited.is_some();
    let of = query.get("of");
    let numbers = AllNumbers::new(sums.as_deref(), read.awaited.as_deref(), visit.now());
    let is_of = |(connection, _): &&Named| of.is_empty() || connection.provider.as_str() == of;
    let all: Vec<Listed<'_>> = read.all.iter().filter(is_of).map(|named| Listed::new(named, &numbers)).collect();
    let mut shown: Vec<&Listed<'_>> = all.iter().filter(|listed| listed.matches(query)).collect();
    sort(&mut shown, COLUMNS.order(visit));
    let pager = Pager::new(visit, shown.len(), &ROWS, "accounts");
    let name = all.first().filter(|_| !of.is_empty()).map(|listed| listed.name);
    let kept = ["status", "scan", "of", "sort", "size"].into_iter().map(|field| (field, query.get(field).to_owned()));
    Page {
        frame: visit.frame("accounts", "Accounts", "hubctl doctor").read_at(visit, read.read_at),
        counts: counts(visit, &all),
        scans: if has_scans { scans(visit, &all) } else { Vec::new() },
        q: query.get("q").to_owned(),
        kept: kept.filter(|(_, value)| !value.is_empty()).collect(),
        of: name.map(|name| (name.to_owned(), format!("/integrations/{}", encoded(of)))),
        columns: COLUMNS.headings(visit),
        rows: shown[pager.rows.clone()].iter().map(|listed| row(listed, visit.now())).collect(),
        unread: unread.or(no_schedules).or(cut),
        pager,
        is_empty: read.all.is_empty(),
        test_all: check::button(visit),
    }
}

impl<'a> Listed<'a> {
    fn new((connection, name): &'a Named, numbers: &AllNumbers<'_>) -> Self {
        Self { connection, name, numbers: numbers.of(connection) }
    }

    /// Whether a query selects the account.
    fn matches(&self, query: &Form) -> bool {
        let (q, status) = (query.get("q").to_lowercase(), query.get("status"));
        let chosen = STATUSES.iter().find(|(name, _, _)| *name == status);
        let has_status = chosen.is_none_or(|(_, _, one)| self.connection.status == *one);
        let has_text = self.connection.account.as_str().contains(&q) || self.name.to_lowercase().contains(&q);
        has_status && has_text && self.has_scan(query.get("scan"))
    }

    /// Whether a value of `?scan` selects the account. Other values than those of [`SCANS`] select all.
    fn has_scan(&self, scan: &str) -> bool {
        match scan {
            "missing" => self.numbers.is_missing,
            "none" => self.numbers.last_scan == LastScan::None,
            _ => true,
        }
    }
}

/// Sorts accounts, which come worst first.
fn sort(shown: &mut [&Listed<'_>], (key, is_reversed): (&str, bool)) {
    let account = |listed: &&Listed<'_>| listed.connection.account;
    match key {
        "account" => shown.sort_by_key(account),
        "integration" => shown.sort_by_cached_key(|listed| (listed.name.to_lowercase(), account(listed))),
        "checked" => shown.sort_by_key(|listed| listed.connection.checked_at),
        "regions" => shown.sort_by_cached_key(|listed| (accepting(listed.connection), account(listed))),
        "problem" => shown.sort_by_cached_key(|listed| {
            let problem = problem_of(listed.connection);
            (problem.is_empty(), problem, account(listed))
        }),
        "scan" => shown.sort_by_key(|listed| (listed.numbers.last_scan, account(listed))),
        "active" => shown.sort_by_key(|listed| (listed.numbers.active, account(listed))),
        "sent" => shown.sort_by_key(|listed| (listed.numbers.sent, account(listed))),
        "errors" => shown.sort_by_key(|listed| (listed.numbers.errors, account(listed))),
        _ => {}
    }
    if is_reversed {
        shown.reverse();
    }
}

/// The number of accounts in each state, as links.
fn counts(visit: &Visit, all: &[Listed<'_>]) -> Vec<(State, String, bool)> {
    let count_of = |(name, tone, one): &(&'static str, &'static str, ConnectionStatus)| {
        let number = all.iter().filter(|listed| listed.connection.status == *one).count();
        counted(visit, ("status", name), (tone, &name.to_lowercase()), number)
    };
    STATUSES.iter().map(count_of).collect()
}

/// The number of accounts whose scans need attention, as links.
fn scans(visit: &Visit, all: &[Listed<'_>]) -> Vec<(State, String, bool)> {
    let count_of = |(scan, noun, tone): &(&'static str, &'static str, &'static str)| {
        let number = all.iter().filter(|listed| listed.has_scan(scan)).count();
        counted(visit, ("scan", scan), (tone, noun), number)
    };
    SCANS.iter().map(count_of).collect()
}

/// A number of accounts, the link to them, and whether they are shown.
fn counted(
    visit: &Visit,
    (name, value): (&str, &str),
    (tone, noun): (&'static str, &str),
    number: usize,
) -> (State, String, bool) {
    let state = State::new(if number == 0 { "plain" } else { tone }, format!("{} {noun}", count(number as u64)));
    (state, visit.with_all(&[("from", None), (name, Some(value))]), visit.query.get(name) == value)
}

fn accepting(connection: &Connection) -> usize {
    connection.regions.values().filter(|region| region.status == RegionStatus::Enabled).count()
}

fn row(Listed { connection, name, numbers }: &Listed<'_>, now: Timestamp) -> Row {
    let accepting = accepting(connection);
    Row {
        account: connection.account.to_string(),
        integration: (*name).to_owned(),
        state: account_state(connection.status),
        regions: format!("{accepting} of {}", accepting + unavailable(connection).len()),
        problem: problem_of(connection),
        checked: time(connection.checked_at, now),
        age: age(connection.checked_at, now),
        scan: numbers.last_scan.words(DAYS, now),
        is_missing: numbers.is_missing,
        numbers: [
            Number::new("Active findings", numbers.active),
            Number::new("Sent, 30 days", numbers.sent),
            Number::errors("Errors, 30 days", numbers.errors),
        ],
    }
}
