//! `/integrations`: what needs attention, and a card for each integration.

use askama::Template;
use axum::response::Response;
use exporter::connection::Connection;
use futures::{StreamExt as _, stream};
use management::wire::{AttentionKind, AttentionList, IntegrationView, ProviderView};

use crate::client::{Client, Failed};
use crate::counts::Counted;
use crate::view::attention::{Attention, attention};
use crate::view::integration::{Card, Known, connection_state, state};
use crate::visit::{Frame, Visit};

/// Integrations that are read at most.
const INTEGRATIONS_MAX: usize = 2_000;
/// Cards are shown for fewer integrations than this, otherwise a table.
const TABLE_FROM: usize = 20;
/// Connections that are read at once.
const READS_AT_ONCE: usize = 8;

#[derive(Template)]
#[template(path = "integrations.html")]
struct Page {
    frame: Frame,
    attention: Attention,
    q: String,
    statuses: Vec<Choice>,
    states: Vec<Choice>,
    summary: String,
    other_view: (&'static str, String),
    cards: Vec<Card>,
    is_table: bool,
    is_empty: bool,
    all_href: String,
    attention_href: String,
    may_change: bool,
}

/// An option of a filter.
struct Choice {
    name: &'static str,
    is_chosen: bool,
}

fn choices(names: &[&'static str], chosen: &str) -> Vec<Choice> {
    names.iter().map(|name| Choice { name, is_chosen: *name == chosen }).collect()
}

/// `GET /integrations`
pub(crate) async fn list(visit: Visit) -> Response {
    let page = read(&visit.app.client).await.map(|(known, attention)| {
        note_counts(&visit, &attention);
        view(&visit, &known, &attention)
    });
    visit.show(page)
}

/// Notes the counts of the tabs. Quarantine has one item, with all its findings.
fn note_counts(visit: &Visit, list: &AttentionList) {
    let of = |kind| list.items.iter().filter(move |item| item.kind == kind);
    let archives = of(AttentionKind::ArchiveRequiresApproval).count() as u64;
    let findings = of(AttentionKind::Quarantine).map(|item| item.count).sum();
    visit.app.counts.note(Counted::PendingArchives, archives, visit.now());
    visit.app.counts.note(Counted::QuarantinedFindings, findings, visit.now());
}

async fn read(client: &Client) -> Result<(Vec<Known>, AttentionList), Failed> {
    let (integrations, providers, attention) = futures::try_join!(
        client.list::<IntegrationView>("/integrations", INTEGRATIONS_MAX),
        client.list::<ProviderView>("/providers", INTEGRATIONS_MAX),
        client.get::<AttentionList>("/attention"),
    )?;
    let (views, providers) = (integrations.0, providers.0);
    let is_few = views.len() < TABLE_FROM;
    let known = stream::iter(views).map(async |view: IntegrationView| {
        let is_account = !view.provider.starts_with("o-");
        let connection = if is_few && is_account { connection(client, &view.id).await? } else { None };
        let provider = providers.iter().find(|provider| provider.id == view.provider).cloned();
        Ok::<_, Failed>(Known { view, provider, connection })
    });
    let known: Vec<_> = known.buffered(READS_AT_ONCE).collect().await;
    Ok((known.into_iter().collect::<Result<_, _>>()?, attention.value))
}

/// The connection of an account.
async fn connection(client: &Client, id: &str) -> Result<Option<Connection>, Failed> {
    let page = client.page::<Connection>(&format!("/integrations/{id}/connections"), 1, None).await?;
    Ok(page.items.into_iter().next())
}

fn view(visit: &Visit, known: &[Known], attention_list: &AttentionList) -> Page {
    let (now, query) = (visit.now(), &visit.query);
    let attention = attention(attention_list, query.get("attention") == "all", now);
    let (q, status, chosen) = (query.get("q").to_lowercase(), query.get("status"), query.get("state"));
    let total = known.len();
    let matches = |one: &Known| {
        let has_text = one.alias().to_lowercase().contains(&q) || one.view.id.contains(&q);
        let has_status = ["", "Any"].contains(&status) || connection_state(one.view.connection.status).word == status;
        has_text && has_status && (["", "Any"].contains(&chosen) || state(&one.view).0 == chosen)
    };
    let mut shown: Vec<&Known> = known.iter().filter(|one| matches(one)).collect();
    shown.sort_by_key(|one| (rank(one), one.alias()));
    let is_table = match query.get("view") {
        "table" => true,
        "cards" => false,
        _ => shown.len() >= TABLE_FROM,
    };
    let other = if is_table { ("View as cards", "cards") } else { ("View as table", "table") };
    let noun = if total == 1 { "integration" } else { "integrations" };
    let summary =
        if shown.len() == total { format!("{total} {noun}") } else { format!("{} of {total} {noun}", shown.len()) };
    Page {
        frame: visit.frame("integrations", "Integrations", "hubctl integration list"),
        attention,
        q: query.get("q").to_owned(),
        statuses: choices(&["Any", "Connected", "Degraded", "Disconnected", "Not tested yet"], status),
        states: choices(&["Any", "Enabled", "Disabled", "Deleting"], chosen),
        summary,
        other_view: (other.0, visit.with("view", Some(other.1))),
        cards: shown.iter().map(|one| one.card(now, visit.may_change())).collect(),
        is_table,
        is_empty: total == 0,
        all_href: "/integrations".to_owned(),
        attention_href: visit.with("attention", Some("all")),
        may_change: visit.may_change(),
    }
}

/// Worst first.
fn rank(known: &Known) -> u8 {
    use management::wire::ConnectionStatus::{Connected, Degraded, Disconnected, Unknown};
    match known.view.connection.status {
        Disconnected => 0,
        Degraded => 1,
        Unknown => 2,
        Connected => 3,
    }
}
