//! Actions of an integration: test, enable, disable. The page of the integration shows the result.

use axum::extract::Path;
use axum::response::Response;
use management::wire::{IntegrationView, Test};

use crate::client::{Failed, Request};
use crate::form::{Form, encoded};
use crate::messages::Message;
use crate::view::tested;
use crate::view::text::counted;
use crate::visit::Visit;

/// `POST /integrations/{id}/test`
pub(crate) async fn test(visit: Visit, Path(id): Path<String>) -> Response {
    let path = format!("/integrations/{}", encoded(&id));
    let answer = visit.app.client.send::<Test>(Request::post(format!("{path}/test"))).await;
    visit.after_result(&path, answer.map(|answer| tested::message("", &answer.value)))
}

/// `POST /integrations/{id}/enable[?replay]`
pub(crate) async fn enable(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let path = format!("/integrations/{}", encoded(&id));
    let replay = if visit.query.has("replay") { "?replay=true" } else { "" };
    let request = Request::post(format!("{path}/enable{replay}")).at_version(form.get("etag"));
    let answer = visit.app.client.send::<IntegrationView>(request).await;
    visit.after_result(&path, answer.map(|answer| enabled(&answer.value)))
}

fn enabled(view: &IntegrationView) -> Message {
    let message = match &view.test {
        Some(test) => tested::message("Enabled", test),
        None => Message::new("good", "Enabled."),
    };
    let Some(uploads) = view.pending_uploads.as_ref().filter(|uploads| uploads.runs > 0) else { return message };
    let number = counted(uploads.runs, "upload was", "uploads were");
    let text = if uploads.job_id.is_some() {
        format!("{} {number} recorded while it was disabled; they are being replayed.", message.text)
    } else {
        format!("{} {number} recorded while it was disabled. To export them, enable and replay.", message.text)
    };
    let fix = uploads.job_id.is_none().then(|| format!("hubctl integration enable {} --replay", view.id));
    message.text(text).fix(fix)
}

/// `POST /integrations/{id}/disable`
pub(crate) async fn disable(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let path = format!("/integrations/{}", encoded(&id));
    let request = Request::post(format!("{path}/disable")).at_version(form.get("etag"));
    let answer: Result<_, Failed> = visit.app.client.send::<IntegrationView>(request).await;
    let message =
        || Message::new("good", "Disabled.").text("Uploads are recorded and can be replayed when it is enabled again.");
    visit.after_result(&path, answer.map(|_| message()))
}
