//! `/integrations/{id}/delete`: asks what to do with the findings, and for the ID.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use management::wire::IntegrationView;
use serde_json::Value;

use crate::client::{Answer, Request};
use crate::form::{Form, encoded};
use crate::messages::Message;
use crate::view::failure::failure_message;
use crate::view::parts::Note;
use crate::view::text::harmless;
use crate::visit::{Frame, Visit, rendered};

#[derive(Template)]
#[template(path = "delete.html")]
struct Page {
    frame: Frame,
    alias: String,
    id: String,
    href: String,
    etag: String,
    noun: &'static str,
    note: Option<Note>,
    is_archive: bool,
    reason: String,
    may_change: bool,
}

fn view(visit: &Visit, answer: &Answer<IntegrationView>, form: &Form, error: Option<Message>) -> Page {
    let view = &answer.value;
    let alias = view.provider_alias.clone().unwrap_or_else(|| view.id.clone());
    let command = format!("hubctl integration delete {}", view.id);
    Page {
        frame: visit.frame("integrations", format!("Delete the {alias} integration"), &command),
        alias,
        id: view.id.clone(),
        href: format!("/integrations/{}", view.id),
        etag: answer.etag.clone(),
        noun: if view.provider.starts_with("o-") { "organization ID" } else { "account ID" },
        note: error.map(Note::from),
        is_archive: form.get("archive") == "yes",
        reason: harmless(form.get("reason")),
        may_change: visit.may_change(),
    }
}

/// `GET /integrations/{id}/delete`
pub(crate) async fn ask(visit: Visit, Path(id): Path<String>) -> Response {
    let answer = visit.app.client.get::<IntegrationView>(format!("/integrations/{}", encoded(&id))).await;
    visit.show(answer.map(|answer| view(&visit, &answer, &Form::default(), None)))
}

/// `POST /integrations/{id}/delete`
pub(crate) async fn confirm(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let path = format!("/integrations/{}", encoded(&id));
    if form.get("confirm") != id {
        let error = Message::new("bad", "Nothing was deleted.")
            .text("The ID that you entered is not that of this integration.");
        let answer = visit.app.client.get::<IntegrationView>(&*path).await;
        return match answer {
            Ok(answer) => rendered(StatusCode::UNPROCESSABLE_ENTITY, &view(&visit, &answer, &form, Some(error))),
            Err(failed) => visit.problem(&failed),
        };
    }
    let archive = form.get("archive") == "yes";
    let reason = form.given("reason").map(|reason| format!("&reason={}", encoded(reason))).unwrap_or_default();
    let request = Request::delete(format!("{path}?archive={archive}{reason}"));
    let answer = visit.app.client.send::<Value>(request.at_version(form.get("etag"))).await;
    match answer {
        Ok(answer) if archive => {
            let job = answer.value["job_id"].as_str().unwrap_or_default().to_owned();
            let message = Message::new("good", "Deletion requested.")
                .text("Its findings are being archived. The integration is deleted when this is done; enabling it before then cancels the deletion.");
            visit.after(&if job.is_empty() { path } else { format!("/jobs/{}", encoded(&job)) }, message)
        }
        Ok(_) => visit.after("/integrations", Message::new("good", format!("Integration {id} deleted."))),
        Err(failed) => visit.after(&format!("{path}/delete"), failure_message(&failed)),
    }
}
