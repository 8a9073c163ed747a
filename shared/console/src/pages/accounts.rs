//! `/accounts`: the accounts of all integrations, by connection.

use askama::Template;
use axum::response::Response;
use exporter::connection::{Connection, ConnectionStatus, RegionStatus};
use jiff::Timestamp;

use super::check;
use super::connections::connections;
use crate::connections::{Connections, Named};
use crate::form::encoded;
use crate::view::account::{STATUSES, account_state, problem_of};
use crate::view::pager::Pager;
use crate::view::parts::{Button, State};
use crate::view::region::unavailable;
use crate::view::sort::{Column, Columns};
use crate::view::text::{age, clock, count};
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
    columns: Vec<Column>,
    rows: Vec<Row>,
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
}

/// The columns. By default, the worst accounts are first.
const COLUMNS: Columns = Columns {
    names: &[
        ("Account", "account"),
        ("Integration", "integration"),
        ("Connection", "status"),
        ("Last checked", "checked"),
        ("Regions", "regions"),
        ("Problem", "problem"),
    ],
    default: "status",
};

/// `GET /accounts`
pub(crate) async fn list(visit: Visit) -> Response {
    let read = connections(&visit).await;
    visit.show(read.map(|read| view(&visit, &read)))
}

fn view(visit: &Visit, read: &Connections) -> Page {
    let all = &read.all;
    let (query, now) = (&visit.query, visit.now());
    let (q, status, of) = (query.get("q").to_lowercase(), query.get("status"), query.get("of"));
    let is_of = |connection: &Connection| of.is_empty() || connection.provider.as_str() == of;
    let is_chosen = |connection: &Connection| {
        STATUSES.iter().find(|(name, _, _)| *name == status).is_none_or(|(_, _, one)| connection.status == *one)
    };
    let has_text = |connection: &Connection, name: &str| {
        connection.account.as_str().contains(&q) || name.to_lowercase().contains(&q)
    };
    let matches =
        |(connection, name): &&Named| is_of(connection) && is_chosen(connection) && has_text(connection, name);
    let mut shown: Vec<&Named> = all.iter().filter(matches).collect();
    sort(&mut shown, COLUMNS.order(visit));
    let pager = Pager::new(visit, shown.len(), &ROWS, "accounts");
    let name = all.iter().find(|(connection, _)| is_of(connection)).map(|(_, name)| name.clone());
    let kept = ["status", "of", "sort", "size"].into_iter().map(|field| (field, query.get(field).to_owned()));
    Page {
        frame: visit.frame("accounts", "Accounts", "hubctl doctor").read_at(visit, read.read_at),
        counts: counts(visit, &all.iter().map(|(connection, _)| connection).filter(|connection| is_of(connection))),
        q: query.get("q").to_owned(),
        kept: kept.filter(|(_, value)| !value.is_empty()).collect(),
        of: name.filter(|_| !of.is_empty()).map(|name| (name, format!("/integrations/{}", encoded(of)))),
        columns: COLUMNS.headings(visit),
        rows: shown[pager.rows.clone()].iter().map(|(connection, name)| row(connection, name, now)).collect(),
        pager,
        is_empty: all.is_empty(),
        test_all: check::button(visit),
    }
}

/// Sorts accounts, which come worst first.
fn sort(shown: &mut [&Named], (key, is_reversed): (&str, bool)) {
    match key {
        "account" => shown.sort_by_key(|(connection, _)| connection.account),
        "integration" => shown.sort_by_cached_key(|(connection, name)| (name.to_lowercase(), connection.account)),
        "checked" => shown.sort_by_key(|(connection, _)| connection.checked_at),
        "regions" => shown.sort_by_cached_key(|(connection, _)| (accepting(connection), connection.account)),
        "problem" => shown.sort_by_cached_key(|(connection, _)| {
            let problem = problem_of(connection);
            (problem.is_empty(), problem, connection.account)
        }),
        _ => {}
    }
    if is_reversed {
        shown.reverse();
    }
}

/// The number of accounts in each state, as links.
fn counts<'a>(visit: &Visit, all: &(impl Iterator<Item = &'a Connection> + Clone)) -> Vec<(State, String, bool)> {
    let chosen = visit.query.get("status");
    let count_of = |(name, tone, one): &(&'static str, &'static str, ConnectionStatus)| {
        let number = all.clone().filter(|connection| connection.status == *one).count() as u64;
        let tone = if number == 0 { "plain" } else { tone };
        let state = State::new(tone, format!("{} {}", count(number), name.to_lowercase()));
        (state, visit.with_all(&[("from", None), ("status", Some(name))]), *name == chosen)
    };
    STATUSES.iter().map(count_of).collect()
}

fn accepting(connection: &Connection) -> usize {
    connection.regions.values().filter(|region| region.status == RegionStatus::Enabled).count()
}

fn row(connection: &Connection, integration: &str, now: Timestamp) -> Row {
    let accepting = accepting(connection);
    Row {
        account: connection.account.to_string(),
        integration: integration.to_owned(),
        state: account_state(connection.status),
        regions: format!("{accepting} of {}", accepting + unavailable(connection).len()),
        problem: problem_of(connection),
        checked: clock(connection.checked_at, now),
        age: age(connection.checked_at, now),
    }
}
