//! `/go?q=`: redirects to the page of an ID, by its format.

use axum::response::{IntoResponse as _, Redirect, Response};
use exporter::explain::FindingName;
use exporter::model::provider::ProviderId;
use exporter::report::RunReport;
use management::wire::{IntegrationView, JobView};

use crate::form::encoded;
use crate::visit::Visit;

/// Characters of the ID of a run or a job.
const ID_CHARS: usize = 36;

/// `GET /go?q=`: an integration or an account, a run, a job, or the integrations that match.
pub(crate) async fn find(visit: Visit) -> Response {
    let text = visit.query.get("q");
    let client = &visit.app.client;
    let path = encoded(text);
    if text.parse::<ProviderId>().is_ok() {
        let found = client.find::<IntegrationView>(format!("/integrations/{path}")).await;
        return match found {
            Ok(Some(_)) => Redirect::to(&format!("/integrations/{path}")).into_response(),
            Ok(None) if text.starts_with("o-") => Redirect::to(&format!("/integrations?q={path}")).into_response(),
            Ok(None) => Redirect::to(&format!("/accounts/{path}")).into_response(),
            Err(failed) => visit.problem(&failed),
        };
    }
    if FindingName::parse(text).is_some() {
        return Redirect::to(&format!("/explain?id={path}")).into_response();
    }
    if text.starts_with("s3://") {
        return Redirect::to(&format!("/plan?key={path}")).into_response();
    }
    let is_id =
        text.len() >= ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if is_id {
        let found = futures::try_join!(
            client.find::<RunReport>(format!("/runs/{path}")),
            client.find::<JobView>(format!("/jobs/{path}"))
        );
        match found {
            Ok((Some(_), _)) => return Redirect::to(&format!("/runs/{path}")).into_response(),
            Ok((_, Some(_))) => return Redirect::to(&format!("/jobs/{path}")).into_response(),
            Ok(_) => {}
            Err(failed) => return visit.problem(&failed),
        }
    }
    Redirect::to(&format!("/integrations?q={path}")).into_response()
}
