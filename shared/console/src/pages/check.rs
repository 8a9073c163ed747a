//! `/doctor/check`: tests all integrations, and shows their results.

use askama::Template;
use askama::filters::HtmlSafe;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};

use super::open::not_found;
use super::reported::{LONG_PATIENCE, PATIENCE};
use crate::client::Failed;
use crate::form::encoded;
use crate::task::{Outcome, Task};
use crate::test_all::{TestAll, Tested, test_all};
use crate::view::failure::failure_message;
use crate::view::parts::{Button, Note, State};
use crate::view::text::count;
use crate::visit::{Frame, Visit, rendered};

#[derive(Template)]
#[template(path = "check.html")]
struct Page {
    frame: Frame,
    panel: Panel,
}

/// The results, or that they aren't there yet.
#[derive(Template)]
#[template(path = "check-panel.html")]
struct Panel {
    here: String,
    error: Option<Note>,
    summary: Vec<State>,
    rows: Option<Vec<Row>>,
}

impl HtmlSafe for Panel {}

struct Row {
    href: String,
    name: String,
    id: String,
    result: State,
    text: String,
}

/// The button that tests all integrations.
pub(super) fn button(visit: &Visit) -> Option<Button> {
    visit.may_change().then(|| Button::new("/doctor/check", "Test all").class("primary"))
}

/// `POST /doctor/check`: starts the tests, unless they are in progress.
pub(crate) async fn start(visit: Visit) -> Response {
    let running = visit.app.tests.newest().filter(|(_, test)| test.is_running());
    let number = running.map_or_else(
        || {
            let app = visit.app.clone();
            visit.app.tests.keep(Task::start(async move { test_all(&app.client).await }))
        },
        |(number, _)| number,
    );
    Redirect::to(&format!("/doctor/{number}")).into_response()
}

/// `GET /doctor/{n}`
pub(crate) async fn show(visit: Visit, Path(number): Path<String>) -> Response {
    let patience = if visit.query.has("wait") { LONG_PATIENCE } else { PATIENCE };
    match visit.app.tests.find(&number) {
        Some(test) => {
            let panel = panel(&number, &test, patience).await;
            let frame = visit.frame("doctor", "Tests of all integrations", "hubctl doctor");
            rendered(StatusCode::OK, &Page { frame, panel })
        }
        None => not_found(visit).await,
    }
}

/// `GET /doctor/{n}/result`: the results, as soon as they are there.
pub(crate) async fn result(visit: Visit, Path(number): Path<String>) -> Response {
    match visit.app.tests.find(&number) {
        Some(test) => rendered(StatusCode::OK, &panel(&number, &test, LONG_PATIENCE).await),
        None => not_found(visit).await,
    }
}

async fn panel(number: &str, test: &TestAll, patience: std::time::Duration) -> Panel {
    let here = format!("/doctor/{}", encoded(number));
    let failed = |failed: &Failed| Some(failure_message(failed).into());
    let waiting = Panel { here, error: None, summary: Vec::new(), rows: None };
    match test.within(patience).await {
        Outcome::Pending => waiting,
        Outcome::Done(Ok(all)) => {
            Panel { summary: summary(&all), rows: Some(all.iter().map(row).collect()), ..waiting }
        }
        Outcome::Done(Err(error)) => Panel { error: failed(&error), ..waiting },
        Outcome::Lost => Panel { error: failed(&Failed::other("the tests ended without a result")), ..waiting },
    }
}

fn summary(all: &[Tested]) -> Vec<State> {
    let of = |tone: &str| all.iter().filter(|tested| tested.result.tone == tone).count() as u64;
    let state = |(tone, word): (&'static str, &str)| {
        (of(tone) > 0).then(|| State::new(tone, format!("{} {word}", count(of(tone)))))
    };
    [("bad", "failed"), ("warn", "partially connected or not tested"), ("good", "passed")]
        .into_iter()
        .filter_map(state)
        .collect()
}

fn row(tested: &Tested) -> Row {
    let Tested { id, name, result } = tested;
    Row {
        href: format!("/integrations/{}", encoded(id)),
        name: name.clone(),
        id: id.clone(),
        result: State::new(result.tone, result.title.clone()),
        text: result.text.replace(" below.", " on its page."),
    }
}
