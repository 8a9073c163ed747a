//! `/explain`: what is known of one finding, and why it is as it is.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::http::StatusCode;
use axum::response::Response;
use exporter::explain::{Explanation, FindingName, KnownState, LiveState};
use jiff::Timestamp;

use crate::client::Failed;
use crate::form::encoded;
use crate::view::integration::Fact;
use crate::view::parts::{Note, Remediation, State};
use crate::view::text::{harmless, sentence, time};
use crate::visit::{Frame, Visit, rendered, told};

#[derive(Template)]
#[template(path = "explain.html")]
struct Page {
    frame: Frame,
    id: String,
    live: bool,
    error: &'static str,
    result: Option<Panel>,
    result_href: String,
    result_page: String,
}

/// The result, as a part of the page or alone.
#[derive(Template)]
#[template(path = "explain-panel.html")]
struct Panel {
    error: Option<Note>,
    facts: Vec<Fact>,
    known: Vec<Known>,
    stays: Option<(String, Remediation)>,
    quarantine: Vec<(String, String)>,
    live: Vec<Fact>,
    notes: Vec<String>,
    runs: Vec<(String, String, String)>,
}

impl HtmlSafe for Panel {}

/// What a Region's state has of it.
struct Known {
    region: String,
    state: State,
    facts: Vec<Fact>,
    finding: String,
}

/// `GET /explain[?id&live]`
pub(crate) async fn show(visit: Visit) -> Response {
    if visit.app.workbench.is_none() {
        return super::open::not_found(visit).await;
    }
    let id = visit.query.get("id").to_owned();
    let live = visit.query.has("live");
    let is_valid = FindingName::parse(&id).is_some();
    let result = if is_valid && visit.query.has("wait") { Some(explain(&visit, &id, live).await) } else { None };
    let option = if live { " --live" } else { "" };
    let shown = if is_valid { id.as_str() } else { "FINDING-ID" };
    let address =
        |path: &str, more: &str| format!("{path}?id={}{}{more}", encoded(&id), if live { "&live=on" } else { "" });
    let page = Page {
        frame: visit.frame("explain", "Explain", &format!("hubctl explain {shown}{option}")),
        live,
        error: if id.is_empty() || is_valid {
            ""
        } else {
            "Must be the ID of a Prowler finding: prowler-CHECK-ACCOUNT-REGION-HASH."
        },
        result,
        result_href: if is_valid { address("/explain/result", "") } else { String::new() },
        result_page: address("/explain", "&wait=1"),
        id: harmless(&id),
    };
    let status = if page.error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    rendered(status, &page)
}

/// `GET /explain/result?id`: the result, when the rest of the page is already there.
pub(crate) async fn result(visit: Visit) -> Response {
    let id = visit.query.get("id").to_owned();
    if visit.app.workbench.is_none() || FindingName::parse(&id).is_none() {
        return super::open::not_found(visit).await;
    }
    let panel = explain(&visit, &id, visit.query.has("live")).await;
    visit.show(Ok::<_, Failed>(panel))
}

async fn explain(visit: &Visit, id: &str, live: bool) -> Panel {
    let (Some(workbench), Some(name)) = (visit.app.workbench.clone(), FindingName::parse(id)) else {
        return Panel::default();
    };
    match workbench.explain(id.to_owned(), name, live).await {
        Ok(explanation) => view(&explanation, visit.now()),
        Err(error) => Panel { error: Some(told(&Failed::Unavailable(error)).into()), ..Panel::default() },
    }
}

impl Default for Panel {
    fn default() -> Self {
        let (known, quarantine, runs) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            error: None,
            facts: Vec::new(),
            known,
            stays: None,
            quarantine,
            live: Vec::new(),
            notes: Vec::new(),
            runs,
        }
    }
}

fn view(found: &Explanation, now: Timestamp) -> Panel {
    let facts = vec![
        Fact::new("Finding", harmless(&found.id)).class("mono break"),
        Fact::new("Check", harmless(&found.name.check)).class("mono break"),
        Fact::new("Account", found.name.account.to_string()).class("mono"),
        Fact::new("Region", found.name.region.to_string()).class("mono"),
    ];
    let stays = found.stays_active.as_ref();
    let kept = found.quarantine.iter().map(|kept| {
        let words = format!("{}: {}", harmless(&kept.code), harmless(&kept.message));
        (format!("/runs/{}/quarantine/{}", encoded(&kept.run_id), kept.entry), words)
    });
    let runs = found.runs.iter().map(|run| {
        (format!("/runs/{}", encoded(&run.run_id)), time(run.started_at, now), sentence(&harmless(&run.said)))
    });
    Panel {
        error: None,
        facts,
        known: found.known.iter().map(|known| known_state(known, now)).collect(),
        stays: stays.map(|stays| (sentence(&harmless(&stays.message)), Remediation::new(harmless(&stays.command)))),
        quarantine: kept.collect(),
        live: found.live.iter().map(live_state).collect(),
        notes: found.notes.iter().map(|note| sentence(&harmless(note))).collect(),
        runs: runs.collect(),
    }
}

fn known_state(known: &KnownState, now: Timestamp) -> Known {
    let tone = match known.state {
        "active" => "good",
        "uncertain" => "warn",
        _ => "plain",
    };
    let because = known.archived_as.map(|because| format!(", because it is {because}")).unwrap_or_default();
    let mut facts = vec![
        Fact::new("Status", known.status),
        Fact::new("First seen", format!("{} UTC", time(known.first_seen, now))),
        Fact::new("Last sent", format!("{} UTC", time(known.last_sent, now))),
    ];
    if let Some(run) = &known.sent_by {
        facts.push(Fact::new("Sent by run", run).link(format!("/runs/{}", encoded(run))).class("mono"));
    }
    if let Some(absent) = known.absent {
        facts.push(Fact::new("Absent from scans", absent.to_string()));
    }
    Known {
        region: known.region.to_string(),
        state: State::new(tone, format!("{}{because}", known.state)),
        facts,
        finding: harmless(&serde_json::to_string_pretty(&known.finding).unwrap_or_default()),
    }
}

fn live_state(state: &LiveState) -> Fact {
    let of = |text: &Option<String>| text.as_deref().map_or_else(|| "unknown".to_owned(), harmless);
    let words = match (&state.error, &state.record_state) {
        (Some(error), _) => format!("failed to read: {}", harmless(error)),
        (None, None) => format!("not found in {}", state.region),
        (None, Some(record)) => format!(
            "{} in {}, {}, workflow {}, updated {}",
            harmless(record),
            state.region,
            of(&state.status),
            of(&state.workflow),
            of(&state.updated_at)
        ),
    };
    Fact::new("Security Hub", words)
}
