//! `/integrations/{id}`: what to do, Regions, settings, recent exports.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use exporter::connection::{Connection, ConnectionStatus};
use exporter::report::RunReport;
use futures::FutureExt as _;
use management::wire::CredentialsKind;
use management::wire::{IntegrationView, ProviderView};

use super::sums::region_sums;
use crate::client::Failed;
use crate::form::encoded;
use crate::histories::Period;
use crate::view::account::{Recent, Regions, account_state, problem_of};
use crate::view::integration::{
    Actions, Fact, Known, actions, archiving, connection_state, credentials_since, filters, pending_uploads, sending,
    state,
};
use crate::view::parts::{Chip, State, Unread};
use crate::view::region::{Fix, fixes};
use crate::view::text::{age, clock, count, principal, time};
use crate::visit::{Frame, Visit};

/// Connections of an organization that are read; the worst of them are shown.
const ACCOUNTS_READ: usize = 1_000;
/// Accounts of an organization that are shown.
const ACCOUNTS_SHOWN: usize = 10;
/// Runs that are shown.
const RUNS_SHOWN: usize = 5;

#[derive(Template)]
#[template(path = "integration.html")]
struct Page {
    frame: Frame,
    alias: String,
    id: String,
    href: String,
    states: [State; 2],
    summary: String,
    buttons: Option<Actions>,
    fixes: Vec<Fix>,
    regions: Option<Regions>,
    accounts: Option<Accounts>,
    filters: Vec<Chip>,
    settings: Vec<Fact>,
    runs: Vec<Recent>,
    runs_href: String,
}

/// The worst accounts of an organization.
struct Accounts {
    counts: Vec<State>,
    rows: Vec<Account>,
    more: String,
}

struct Account {
    id: String,
    state: State,
    problem: String,
    checked: String,
}

struct Read {
    view: IntegrationView,
    provider: Option<ProviderView>,
    connections: Vec<Connection>,
    runs: Option<Vec<RunReport>>,
    /// The sums by Region. Not read for an organization.
    sums: Option<Result<Period, Unread>>,
}

/// `GET /integrations/{id}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let page = read(&visit, &id).await.map(|read| view(&visit, read));
    visit.show(page)
}

async fn read(visit: &Visit, id: &str) -> Result<Read, Failed> {
    let client = &visit.app.client;
    let id = encoded(id);
    let (integration, connections) = (format!("/integrations/{id}"), format!("/integrations/{id}/connections"));
    let is_account = !id.starts_with("o-");
    let runs = async {
        match is_account {
            true => client.page(&format!("/runs?account={id}"), RUNS_SHOWN, None).await.map(|page| Some(page.items)),
            false => Ok(None),
        }
    };
    let sums = async { if is_account { Some(region_sums(visit, &id).await) } else { None } };
    let (view, connections, provider, runs, sums) = futures::try_join!(
        client.get::<IntegrationView>(integration),
        client.list::<Connection>(&connections, ACCOUNTS_READ),
        client.find::<ProviderView>(format!("/providers/{id}")),
        runs,
        sums.map(Ok),
    )?;
    let (view, provider) = (view.value, provider.map(|answer| answer.value));
    Ok(Read { view, provider, connections: connections.0, runs, sums })
}

fn view(visit: &Visit, read: Read) -> Page {
    let Read { view, provider, mut connections, runs, sums } = read;
    let now = visit.now();
    connections.sort_by_key(|connection| (rank(connection.status), connection.account));
    let is_organization = view.provider.starts_with("o-");
    let account = connections.first().filter(|_| !is_organization).cloned();
    let known = Known { view, provider, connection: account };
    let view = &known.view;
    let command = format!("hubctl integration test {}", view.id);
    let shown = known.connection.as_ref().zip(sums).map(|(connection, sums)| Regions::new(visit, connection, sums));
    Page {
        frame: visit.frame("integrations", known.alias(), &command),
        alias: known.alias(),
        id: view.id.clone(),
        href: format!("/integrations/{}", view.id),
        states: [connection_state(view.connection.status), state(view).1],
        summary: summary(&known, now),
        buttons: visit.may_change().then(|| actions(view, "primary")),
        fixes: known.connection.as_ref().map(fixes).unwrap_or_default(),
        regions: shown,
        accounts: is_organization.then(|| accounts(&connections, now)),
        filters: filters(view),
        settings: settings(&known, now),
        runs: runs.unwrap_or_default().iter().map(|run| Recent::new(run, now)).collect(),
        runs_href: known.runs_href(),
    }
}

fn rank(status: ConnectionStatus) -> u8 {
    match status {
        ConnectionStatus::Disconnected => 0,
        ConnectionStatus::Degraded => 1,
        ConnectionStatus::Connected => 2,
    }
}

fn summary(known: &Known, now: jiff::Timestamp) -> String {
    let connection = &known.view.connection;
    let regions = connection.regions.len();
    match connection.last_checked_at {
        None => "not tested yet".to_owned(),
        Some(at) => format!("{regions} Regions accept findings · checked {}", age(at, now)),
    }
}

fn accounts(connections: &[Connection], now: jiff::Timestamp) -> Accounts {
    let of = |status| connections.iter().filter(|connection| connection.status == status).count();
    let counts = [
        ("bad", "disconnected", of(ConnectionStatus::Disconnected)),
        ("warn", "degraded", of(ConnectionStatus::Degraded)),
        ("good", "connected", of(ConnectionStatus::Connected)),
    ];
    let rows: Vec<_> = connections.iter().take(ACCOUNTS_SHOWN).map(|connection| account_row(connection, now)).collect();
    let hidden = connections.len() - rows.len();
    Accounts {
        counts: counts
            .into_iter()
            .map(|(tone, word, number)| {
                State::new(if number == 0 { "plain" } else { tone }, format!("{} {word}", count(number as u64)))
            })
            .collect(),
        rows,
        more: if hidden == 0 { String::new() } else { format!("{hidden} more accounts, in a better state") },
    }
}

fn account_row(connection: &Connection, now: jiff::Timestamp) -> Account {
    Account {
        id: connection.account.to_string(),
        state: account_state(connection.status),
        problem: problem_of(connection),
        checked: clock(connection.checked_at, now),
    }
}

fn settings(known: &Known, now: jiff::Timestamp) -> Vec<Fact> {
    let view = &known.view;
    let kind = if known.is_organization() { "an organization" } else { "an account" };
    let regions = view
        .settings
        .regions
        .as_ref()
        .map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let fallback = view
        .settings
        .fallback_region
        .map_or_else(|| "no fallback Region".to_owned(), |name| format!("fallback {name}"));
    let own = view.credentials.kind != CredentialsKind::Provider;
    let used = known.provider.as_ref().filter(|_| !own).map_or(&view.credentials, |provider| &provider.credentials);
    let mut facts = vec![
        Fact::new("Provider", &view.provider).aside(kind),
        Fact::new("Sent in each scan", sending(view)),
        Fact::new("Archiving", archiving(view)),
        Fact::new("Regions", regions.unwrap_or_else(|| "Every enabled Region".to_owned())).aside(fallback),
    ];
    for source in view.settings.scan_sources.iter().flatten() {
        facts.push(Fact::new("Scan source", source.option_value()));
    }
    facts.push(Fact::new("Format", view.settings.format.as_str().to_uppercase()));
    let from = if own { "from the integration" } else { "from the provider" };
    facts.push(Fact::new("Credentials", credentials_since(used, now)).aside(from));
    if let Some(role) = &used.role {
        facts.push(Fact::new("Role", &role.arn).class("mono"));
        facts.push(Fact::new("External ID", role.external_id.as_deref().unwrap_or("none")).class("mono"));
    }
    if let Some(secret) = &used.secret {
        facts.push(Fact::new("Secret", secret).class("mono"));
    }
    let schedule = known.provider.as_ref().and_then(|provider| provider.scan_schedule.clone());
    let next = known.next_scan(now);
    facts.push(match schedule {
        Some(schedule) => Fact { aside: format!("{} · {schedule}", next.aside), ..next },
        None => next,
    });
    facts.push(known.last_export(now));
    if let Some(uploads) = &view.pending_uploads {
        facts.push(Fact::new("Pending uploads", pending_uploads(uploads)).class("warn"));
    }
    facts.push(
        Fact::new("Changed", format!("{} UTC", time(view.updated_at, now)))
            .aside(format!("by {}", principal(&view.updated_by))),
    );
    facts
}
