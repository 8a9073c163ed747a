//! `/jobs`: what users and changes submitted; one job, live.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use exporter::jobs::{JobProgress, JobState};
use futures::stream::{self, Stream};
use jiff::Timestamp;
use management::wire::JobView;
use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::client::{Failed, Request};
use crate::form::encoded;
use crate::messages::Message;
use crate::view::parts::{Button, State};
use crate::view::text::{age, count, principal, sentence, time};
use crate::visit::{Frame, Visit};

/// Jobs per page.
const JOBS_SHOWN: usize = 50;
/// How often a job is read while its page is open.
const INTERVAL: Duration = Duration::from_secs(2);
/// Reads of one stream: 15 minutes. The page then connects again.
const READS_MAX: u32 = 450;

#[derive(Template)]
#[template(path = "jobs.html")]
struct Page {
    frame: Frame,
    rows: Vec<Row>,
    older: String,
    newest: String,
}

struct Row {
    href: String,
    at: String,
    job: &'static str,
    target: String,
    state: State,
    message: String,
    by: String,
}

/// `GET /jobs`
pub(crate) async fn list(visit: Visit) -> Response {
    let page = visit.app.client.page::<JobView>("/jobs", JOBS_SHOWN, visit.query.given("after")).await;
    let now = visit.now();
    visit.show(page.map(|list| Page {
        frame: visit.frame("jobs", "Jobs", "hubctl job list"),
        rows: list.items.iter().map(|job| row(job, now)).collect(),
        older: list.next.map(|next| visit.with("after", Some(&next))).unwrap_or_default(),
        newest: if visit.query.has("after") { visit.with("after", None) } else { String::new() },
    }))
}

fn row(job: &JobView, now: Timestamp) -> Row {
    Row {
        href: format!("/jobs/{}", job.id),
        at: time(job.submitted_at, now),
        job: name(&job.job),
        target: target(job),
        state: state(job.state),
        message: job.message.as_deref().map(sentence).unwrap_or_default(),
        by: principal(&job.submitted_by).to_owned(),
    }
}

/// The name of a job.
fn name(job: &str) -> &'static str {
    match job {
        "replay" => "Replay",
        "approve" => "Approve",
        "undo_archive" => "Undo archive",
        "redrive" => "Redrive",
        "reconcile" => "Reconcile",
        "archive_all" => "Archive all",
        "plan" => "Plan",
        "explain" => "Explain",
        _ => "Job",
    }
}

/// Target of a job.
fn target(job: &JobView) -> String {
    job.target.clone().unwrap_or_else(|| "all".to_owned())
}

fn state(state: JobState) -> State {
    let tone = match state {
        JobState::Pending => "busy",
        JobState::Succeeded => "good",
        JobState::Rejected => "warn",
        JobState::Failed => "bad",
        JobState::Canceled => "plain",
    };
    State::new(tone, state.as_str())
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    frame: Frame,
    id: String,
    title: String,
    by: String,
    reason: String,
    target: String,
    target_href: String,
    is_live: bool,
    panel: Panel,
}

/// The part that is live.
#[derive(Clone, PartialEq, Eq, Template)]
#[template(path = "job-panel.html")]
struct Panel {
    state: State,
    steps: Vec<(String, State, String)>,
    progress: Option<Shown>,
    runs: Vec<String>,
    then: Vec<String>,
    is_live: bool,
    here: String,
    retry: Option<String>,
    undo: Vec<String>,
}

impl HtmlSafe for Panel {}

/// The progress of a job.
#[derive(Clone, PartialEq, Eq)]
struct Shown {
    done: u64,
    /// None: unknown.
    total: Option<u64>,
    label: String,
    regions: String,
}

fn shown(progress: &JobProgress) -> Shown {
    let share = |done: u64, total: Option<u64>| {
        let total = total.map_or_else(String::new, |total| format!(" of {}", count(total)));
        format!("{}{total}", count(done))
    };
    let regions = progress.regions.iter().map(|(name, region)| format!("{name} {}", share(region.done, region.total)));
    Shown {
        done: progress.done,
        total: progress.total,
        label: format!("{} findings", share(progress.done, progress.total)),
        regions: regions.collect::<Vec<_>>().join(" · "),
    }
}

/// `GET /jobs/{id}`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let answer = visit.app.client.get::<JobView>(format!("/jobs/{}", encoded(&id))).await;
    visit.show(answer.map(|answer| view(&visit, &answer.value)))
}

fn view(visit: &Visit, job: &JobView) -> JobPage {
    let title = format!("{}: {}", name(&job.job), target(job));
    let is_run = job.target.as_ref().is_some_and(|about| about.len() == 36);
    JobPage {
        frame: visit.frame("jobs", title.clone(), &format!("hubctl job show {}", job.id)),
        id: job.id.clone(),
        title,
        by: format!("Submitted {} UTC by {}", time(job.submitted_at, visit.now()), principal(&job.submitted_by)),
        reason: job.reason.clone().unwrap_or_default(),
        target: target(job),
        target_href: match job.job.as_str() {
            "plan" | "explain" => format!("/{}/{}", job.job, job.id),
            _ if is_run => format!("/runs/{}", target(job)),
            _ => String::new(),
        },
        is_live: job.state == JobState::Pending,
        panel: panel(job, visit.now(), visit.may_change()),
    }
}

fn panel(job: &JobView, now: Timestamp, may_change: bool) -> Panel {
    let clock = |at: Timestamp| at.strftime("%H:%M:%S").to_string();
    let mut steps = vec![(clock(job.submitted_at), State::new("good", "Submitted"), age(job.submitted_at, now))];
    let message = job.message.as_deref().map(sentence).unwrap_or_default();
    let at = job.completed_at.map_or_else(|| "–".to_owned(), clock);
    steps.push((at, state(job.state), message));
    let is_done = job.state == JobState::Succeeded;
    Panel {
        state: state(job.state),
        steps,
        progress: job.progress.as_ref().map(shown),
        runs: job.runs.clone(),
        then: job.next_job_ids.clone(),
        is_live: job.state == JobState::Pending,
        here: format!("/jobs/{}", job.id),
        retry: (may_change && job.state == JobState::Failed).then(|| format!("/jobs/{}/retry", job.id)),
        undo: if may_change && is_done && job.job == "approve" { job.runs.clone() } else { Vec::new() },
    }
}

/// `POST /jobs/{id}/retry`
pub(crate) async fn retry(visit: Visit, Path(id): Path<String>) -> Response {
    let path = format!("/jobs/{}", encoded(&id));
    let answer = visit.app.client.send::<JobView>(Request::post(format!("{path}/retry"))).await;
    visit.after_result(&path, answer.map(|_| Message::new("good", "Submitted again.")))
}

/// `GET /jobs/{id}/events`: the live part, whenever it changes, until the job ends.
pub(crate) async fn events(visit: Visit, Path(id): Path<String>) -> Response {
    let Ok(slot) = visit.app.streams.clone().try_acquire_owned() else {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    };
    let may_change = visit.may_change();
    let watch = Watch { app: visit.app, id, may_change, shown: None, reads: 0, is_done: false, _slot: slot };
    Sse::new(watch.events()).keep_alive(KeepAlive::default()).into_response()
}

/// A job that a page watches.
struct Watch {
    app: Arc<App>,
    id: String,
    may_change: bool,
    shown: Option<Panel>,
    reads: u32,
    is_done: bool,
    _slot: OwnedSemaphorePermit,
}

impl Watch {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            Some((Ok(event), watch))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        if self.is_done {
            return None;
        }
        while self.reads < READS_MAX {
            let is_last = self.shown.as_ref().is_some_and(|panel| !panel.is_live);
            if is_last {
                self.is_done = true;
                return Some(Event::default().event("done").data("done"));
            }
            if self.reads > 0 {
                tokio::time::sleep(INTERVAL).await;
            }
            self.reads += 1;
            let read: Result<_, Failed> = self.app.client.get::<JobView>(format!("/jobs/{}", encoded(&self.id))).await;
            // A failed read is repeated; the page shows the previous state.
            let Ok(job) = read else { continue };
            let panel = panel(&job.value, (self.app.settings.now)(), self.may_change);
            if self.shown.as_ref() != Some(&panel) {
                let html = panel.render().unwrap_or_default();
                self.shown = Some(panel);
                return Some(Event::default().data(html));
            }
        }
        None
    }
}

impl Panel {
    fn has_footer(&self) -> bool {
        self.is_live || self.retry.is_some() || !self.undo.is_empty()
    }

    /// The button of a failed job.
    fn retry_button(&self) -> Option<Button> {
        self.retry.as_ref().map(|action| Button::new(action, "Retry"))
    }
}
