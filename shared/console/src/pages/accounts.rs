//! `/accounts`: the accounts of all integrations, by connection.

use askama::Template;
use axum::response::Response;
use exporter::connection::{Connection, ConnectionStatus};
use jiff::Timestamp;

use super::connections::connections;
use crate::connections::{Connections, Named};
use crate::view::pager::Pager;
use crate::view::parts::State;
use crate::view::region::unavailable;
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
    status: String,
    columns: Vec<Column>,
    rows: Vec<Row>,
    pager: Pager,
    is_empty: bool,
}

/// A heading that sorts.
struct Column {
    name: &'static str,
    href: String,
    is_sorted: bool,
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

const STATUSES: [(&str, &str, ConnectionStatus); 3] = [
    ("Disconnected", "bad", ConnectionStatus::Disconnected),
    ("Degraded", "warn", ConnectionStatus::Degraded),
    ("Connected", "good", ConnectionStatus::Connected),
];
const COLUMNS: [(&str, &str); 4] =
    [("Account", "account"), ("Integration", "integration"), ("Connection", ""), ("Last checked", "checked")];

/// `GET /accounts`
pub(crate) async fn list(visit: Visit) -> Response {
    let read = connections(&visit).await;
    visit.show(read.map(|read| view(&visit, &read)))
}

fn view(visit: &Visit, read: &Connections) -> Page {
    let all = &read.all;
    let (query, now) = (&visit.query, visit.now());
    let (q, status) = (query.get("q").to_lowercase(), query.get("status"));
    let is_chosen = |connection: &Connection| {
        STATUSES.iter().find(|(name, _, _)| *name == status).is_none_or(|(_, _, one)| connection.status == *one)
    };
    let has_text = |connection: &Connection, name: &str| {
        connection.account.as_str().contains(&q) || name.to_lowercase().contains(&q)
    };
    let mut shown: Vec<&Named> =
        all.iter().filter(|(connection, name)| is_chosen(connection) && has_text(connection, name)).collect();
    // They come worst first, which is the default.
    match query.get("sort") {
        "account" => shown.sort_by_key(|(connection, _)| connection.account),
        "integration" => shown.sort_by_key(|(connection, name)| (name.clone(), connection.account)),
        "checked" => shown.sort_by_key(|(connection, _)| connection.checked_at),
        _ => {}
    }
    let pager = Pager::new(visit, shown.len(), &ROWS, "accounts");
    let number = |one| all.iter().filter(|(connection, _)| connection.status == one).count() as u64;
    let counts = STATUSES.iter().map(|(name, tone, one)| {
        let tone = if number(*one) == 0 { "plain" } else { tone };
        (
            State::new(tone, format!("{} {}", count(number(*one)), name.to_lowercase())),
            format!("/accounts?status={name}"),
            *name == status,
        )
    });
    Page {
        frame: visit.frame("accounts", "Accounts", "hubctl doctor").read_at(visit, read.read_at),
        counts: counts.collect(),
        q: query.get("q").to_owned(),
        status: status.to_owned(),
        columns: COLUMNS
            .iter()
            .map(|(name, key)| Column {
                name,
                href: visit.with("sort", Some(key).filter(|key| !key.is_empty()).copied()),
                is_sorted: query.get("sort") == *key,
            })
            .collect(),
        rows: shown[pager.rows.clone()].iter().map(|(connection, name)| row(connection, name, now)).collect(),
        pager,
        is_empty: all.is_empty(),
    }
}

fn row(connection: &Connection, integration: &str, now: Timestamp) -> Row {
    let (name, tone) = STATUSES
        .iter()
        .find(|(_, _, one)| *one == connection.status)
        .map_or(("Not tested yet", "plain"), |(name, tone, _)| (*name, *tone));
    let missing = unavailable(connection);
    let problem = connection.problem.as_ref().map(|problem| problem.message.clone());
    let words = || missing.iter().map(|(words, _)| words.as_str()).collect::<Vec<_>>().join("; ");
    let accepting = connection
        .regions
        .values()
        .filter(|region| region.status == exporter::connection::RegionStatus::Enabled)
        .count();
    Row {
        account: connection.account.to_string(),
        integration: integration.to_owned(),
        state: State::new(tone, name),
        regions: format!("{accepting} of {}", accepting + missing.len()),
        problem: problem.unwrap_or_else(words),
        checked: clock(connection.checked_at, now),
        age: age(connection.checked_at, now),
    }
}
