//! `/quarantine`: findings that could not be sent, by reason and by run; one run's entries; one entry.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use exporter::explain::FindingName;
use exporter::quarantine::Entry;
use jiff::Timestamp;
use management::wire::{JobView, List, QuarantinedRun};

use super::download::attachment;
use crate::client::{Failed, Request};
use crate::counts::Counted;
use crate::form::encoded;
use crate::messages::Message;
use crate::view::integration::Fact;
use crate::view::outcomes::meaning;
use crate::view::parts::Button;
use crate::view::text::{count, counted, sentence, time};
use crate::visit::{Frame, Visit};

/// Runs on a page.
const RUNS_SHOWN: usize = 100;
/// Entries that are read of a run.
const ENTRIES_MAX: usize = 1_000;

#[derive(Template)]
#[template(path = "quarantine.html")]
struct Page {
    frame: Frame,
    redrive: Option<Button>,
    summary: String,
    reasons: Vec<Reason>,
    runs: Vec<Run>,
    newest: String,
    older: String,
}

struct Reason {
    code: String,
    meaning: &'static str,
    count: String,
    newest: String,
    redrive: Option<Button>,
}

struct Run {
    href: String,
    at: String,
    source: String,
    codes: String,
    count: String,
}

/// `GET /quarantine`
pub(crate) async fn list(visit: Visit) -> Response {
    let read = visit.app.client.page("/quarantine", RUNS_SHOWN, visit.query.given("after")).await;
    visit.show(read.map(|list| view(&visit, &list)))
}

fn view(visit: &Visit, list: &List<QuarantinedRun>) -> Page {
    let (now, runs) = (visit.now(), &list.items);
    let is_whole = list.next.is_none() && !visit.query.has("after");
    let mut sums: BTreeMap<&str, (u64, Timestamp)> = BTreeMap::new();
    for run in runs {
        for (code, number) in &run.quarantined {
            let (sum, newest) = sums.entry(code).or_insert((0, run.started_at));
            *sum += number;
            *newest = (*newest).max(run.started_at);
        }
    }
    let total: u64 = sums.values().map(|(sum, _)| sum).sum();
    if is_whole {
        visit.app.counts.note(Counted::QuarantinedFindings, total, now);
    }
    let mut reasons: Vec<_> = sums.into_iter().collect();
    reasons.sort_by_key(|(code, (sum, _))| (std::cmp::Reverse(*sum), *code));
    let redrive = |action: String, label: String| visit.may_change().then(|| Button::new(action, label));
    let reasons = reasons.into_iter().map(|(code, (sum, newest))| Reason {
        code: code.to_owned(),
        meaning: meaning(code),
        count: count(sum),
        newest: time(newest, now),
        redrive: redrive(format!("/quarantine/redrive?code={}", encoded(code)), "Redrive".to_owned()),
    });
    let rows = runs.iter().map(|run| Run {
        href: format!("/runs/{}/quarantine", run.run_id),
        at: time(run.started_at, now),
        source: run.source.clone(),
        codes: run.quarantined.keys().cloned().collect::<Vec<_>>().join(", "),
        count: count(run.quarantined.values().sum()),
    });
    let redrive_all = if is_whole { format!("Redrive all {}", count(total)) } else { "Redrive all".to_owned() };
    Page {
        frame: visit.frame("quarantine", "Quarantine", "hubctl quarantine list"),
        redrive: redrive("/quarantine/redrive".to_owned(), redrive_all)
            .map(|button| button.class("primary"))
            .filter(|_| total > 0 || !is_whole),
        summary: format!(
            "{} from {}{}",
            counted(total, "finding", "findings"),
            counted(runs.len() as u64, "run", "runs"),
            if is_whole { "" } else { " on this page; Redrive applies to all runs" }
        ),
        reasons: reasons.collect(),
        runs: rows.collect(),
        newest: if visit.query.has("after") { visit.with("after", None) } else { String::new() },
        older: list.next.as_ref().map(|next| visit.with("after", Some(next))).unwrap_or_default(),
    }
}

/// `POST /quarantine/redrive[?code]`
pub(crate) async fn redrive(visit: Visit) -> Response {
    let query = visit.query.given("code").map_or(String::new(), |code| format!("?code={}", encoded(code)));
    match visit.app.client.send::<JobView>(Request::post(format!("/quarantine/redrive{query}"))).await {
        Ok(job) => {
            let message =
                Message::new("good", "Redrive submitted.").text("It runs in the deployment; you can leave this page.");
            visit.after(&format!("/jobs/{}", encoded(&job.value.id)), message)
        }
        Err(failed) => visit.after_result("/quarantine", Err(failed)),
    }
}

#[derive(Template)]
#[template(path = "entries.html")]
struct EntriesPage {
    frame: Frame,
    id: String,
    redrive: Option<Button>,
    code: String,
    codes: Vec<(String, String)>,
    all_href: String,
    rows: Vec<Row>,
    more: bool,
}

struct Row {
    href: String,
    name: String,
    resource: String,
    code: String,
    stage: &'static str,
    region: String,
}

async fn entries(visit: &Visit, id: &str) -> Result<(Vec<Entry>, bool), Failed> {
    visit.app.client.list(&format!("/runs/{}/quarantine", encoded(id)), ENTRIES_MAX).await
}

/// The check, or the title, of a finding, and its resource.
fn names(entry: &Entry) -> (String, String) {
    let text = |pointer: &str| entry.finding.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned);
    let check = text("/GeneratorId").map(|id| id.trim_start_matches("prowler-").to_owned());
    let place = entry.offset.map(|offset| format!("element at byte {}", count(offset)));
    let name = check.or_else(|| entry.id.clone()).or(place).unwrap_or_else(|| "unknown finding".to_owned());
    (name, text("/Resources/0/Id").unwrap_or_default())
}

/// `GET /runs/{id}/quarantine[?code]`
pub(crate) async fn run(visit: Visit, Path(id): Path<String>) -> Response {
    let read = entries(&visit, &id).await;
    visit.show(read.map(|(all, more)| {
        let code = visit.query.get("code").to_owned();
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        all.iter().for_each(|entry| *codes.entry(&entry.code).or_default() += 1);
        let codes = codes
            .into_iter()
            .map(|(code, number)| (format!("{code} ({})", count(number)), visit.with("code", Some(code))));
        let shown = all.iter().enumerate().filter(|(_, entry)| code.is_empty() || entry.code == code);
        let rows = shown.map(|(index, entry)| {
            let (name, resource) = names(entry);
            Row {
                href: format!("/runs/{}/quarantine/{}", encoded(&id), index + 1),
                name,
                resource,
                code: entry.code.clone(),
                stage: entry.stage.as_str(),
                region: entry.region.map_or_else(|| "–".to_owned(), |region| region.to_string()),
            }
        });
        let number = count(all.len() as u64);
        EntriesPage {
            frame: visit.frame("quarantine", "Quarantine of a run", &format!("hubctl quarantine show {id}")),
            id: id.clone(),
            redrive: redrive_run(&visit, &id, &number).filter(|_| !all.is_empty()),
            codes: codes.collect(),
            all_href: visit.with("code", None),
            rows: rows.collect(),
            code,
            more,
        }
    }))
}

fn redrive_run(visit: &Visit, id: &str, number: &str) -> Option<Button> {
    let action = format!("/runs/{}/redrive", encoded(id));
    visit.may_change().then(|| Button::new(action, format!("Redrive all {number} from this run")))
}

#[derive(Template)]
#[template(path = "entry.html")]
struct EntryPage {
    frame: Frame,
    id: String,
    name: String,
    position: String,
    code: String,
    place: String,
    message: String,
    facts: Vec<Fact>,
    finding: String,
    redrive: Option<Button>,
    download: String,
    explain: String,
}

async fn one(visit: &Visit, id: &str, number: usize) -> Result<Option<(Entry, usize)>, Failed> {
    let (mut all, _) = entries(visit, id).await?;
    let total = all.len();
    Ok((1..=total).contains(&number).then(|| (all.swap_remove(number - 1), total)))
}

/// `GET /runs/{id}/quarantine/{n}`
pub(crate) async fn entry(visit: Visit, Path((id, number)): Path<(String, usize)>) -> Response {
    let (entry, total) = match one(&visit, &id, number).await {
        Ok(Some(found)) => found,
        Ok(None) => return super::open::not_found(visit).await,
        Err(failed) => return visit.problem(&failed),
    };
    let (name, resource) = names(&entry);
    let command = format!("hubctl quarantine show {id} --entry {number}");
    let place = match entry.region {
        Some(region) => format!("in {region}, at the stage {}:", entry.stage.as_str()),
        None => format!("at the stage {}:", entry.stage.as_str()),
    };
    let mut facts = Vec::new();
    for (label, value) in
        [("Finding ID", entry.id.clone()), ("Account", entry.account.map(|account| account.to_string()))]
    {
        facts.extend(value.map(|value| Fact::new(label, value).class("mono break")));
    }
    if !resource.is_empty() {
        facts.push(Fact::new("Resource", resource).class("mono break"));
    }
    facts.push(Fact::new("Meaning", sentence(meaning(&entry.code))));
    let is_known = entry.id.as_deref().and_then(FindingName::parse).is_some();
    let explain = entry.id.as_deref().filter(|_| is_known).map(|id| format!("/explain?id={}", encoded(id)));
    let page = EntryPage {
        explain: explain.unwrap_or_default(),
        frame: visit.frame("quarantine", name.clone(), &command),
        position: format!("entry {number} of {}", count(total as u64)),
        code: entry.code.clone(),
        place,
        message: entry.message.clone(),
        facts,
        finding: serde_json::to_string_pretty(&entry.finding).unwrap_or_default(),
        redrive: redrive_run(&visit, &id, &count(total as u64)),
        download: format!("/runs/{}/quarantine/{number}/finding.json", encoded(&id)),
        id,
        name,
    };
    visit.show(Ok::<_, Failed>(page))
}

/// `GET /runs/{id}/quarantine/{n}/finding.json`
pub(crate) async fn finding(visit: Visit, Path((id, number)): Path<(String, usize)>) -> Response {
    match one(&visit, &id, number).await {
        Ok(Some((entry, _))) => {
            let text = serde_json::to_string_pretty(&entry.finding).unwrap_or_default();
            attachment("application/json", "finding.json", text)
        }
        Ok(None) => super::open::not_found(visit).await,
        Err(failed) => visit.problem(&failed),
    }
}
