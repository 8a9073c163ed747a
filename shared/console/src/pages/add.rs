//! `/integrations/new`: the provider and the findings, then the credentials.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use exporter::model::integration::Role;
use exporter::model::provider::ProviderId;
use management::wire::{IntegrationView, ProviderView};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::role::links;
use crate::client::{Failed, Request};
use crate::form::{Form, encoded};
use crate::messages::Message;
use crate::view::control::Fields;
use crate::view::failure::failure_message;
use crate::view::fields::{SETTINGS, find};
use crate::view::parts::{Note, Remediation};
use crate::view::settings::{Creation, Credentials, OF_PROVIDER, body, defaults, secret_body};
use crate::view::tested;
use crate::visit::{Frame, Visit, rendered};

/// Providers that the form suggests.
const PROVIDERS_MAX: usize = 1_000;
const NOTHING: &str = "Nothing was created.";

#[derive(Template)]
#[template(path = "add-1.html")]
struct First {
    frame: Frame,
    fields: Fields,
    note: Option<Note>,
    providers: Vec<(String, String)>,
    once: String,
}

#[derive(Template)]
#[template(path = "add-2.html")]
struct Second {
    frame: Frame,
    fields: Fields,
    note: Option<Note>,
    summary: String,
    provider: String,
    hidden_fields: Vec<(String, String)>,
    role: Remediation,
    documents: Vec<(&'static str, String)>,
}

/// `GET /integrations/new`
pub(crate) async fn first(visit: Visit) -> Response {
    if !visit.may_change() {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut fields = defaults();
    fields.set("provider", visit.query.get("provider"));
    fields.set("once", Uuid::now_v7().to_string());
    first_page(&visit, StatusCode::OK, fields, None).await
}

async fn first_page(visit: &Visit, status: StatusCode, fields: Fields, note: Option<Note>) -> Response {
    let providers = visit.app.client.list::<ProviderView>("/providers", PROVIDERS_MAX).await;
    let providers = match providers {
        Ok((providers, _)) => providers,
        Err(failed) => return visit.problem(&failed),
    };
    let name = |provider: ProviderView| (provider.id, provider.alias.unwrap_or_default());
    let frame = visit.frame("integrations", "Add integration", "hubctl integration create --provider ID");
    let once = fields.get("once").to_owned();
    rendered(status, &First { frame, fields, note, providers: providers.into_iter().map(name).collect(), once })
}

/// `POST /integrations/new`: creates the integration, or asks for its credentials first.
pub(crate) async fn next(visit: Visit, form: Form) -> Response {
    let mut fields = Fields::of(&form);
    let id = form.get("provider").parse::<ProviderId>();
    let Ok(id) = id else {
        fields.fail("provider", "must be a 12-digit account ID, or an organization ID such as o-a1b2c3d4e5");
        return first_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, fields, None).await;
    };
    match visit.app.client.find::<IntegrationView>(format!("/integrations/{id}")).await {
        Err(failed) => return visit.problem(&failed),
        Ok(Some(_)) => {
            fields.fail("provider", "already has an integration; change it in Config");
            return first_page(&visit, StatusCode::CONFLICT, fields, None).await;
        }
        Ok(None) => {}
    }
    let _ = body(&mut fields, SETTINGS.iter().map(|field| field.name));
    if fields.wrong() > 0 {
        return first_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, fields, None).await;
    }
    if form.get("own") != "yes" {
        return create_now(&visit, &form, fields, &id).await;
    }
    if !fields.has("kind") {
        fields.set("kind", "default");
        fields.set("with_role", "on");
        fields.set("external_id", Role::new_external_id());
        if let Some(account) = id.account() {
            fields.set("role_arn", format!("arn:aws:iam::{account}:role/SecurityHubExporter"));
        } else {
            fields.set("role_arn", "arn:aws:iam::*:role/SecurityHubExporter");
        }
    }
    second_page(&visit, StatusCode::OK, fields, None)
}

/// `POST /integrations`: creates the integration with its credentials.
pub(crate) async fn create(visit: Visit, form: Form) -> Response {
    let mut fields = Fields::of(&form);
    if form.has("back") {
        return first_page(&visit, StatusCode::OK, fields, None).await;
    }
    let Ok(id) = form.get("provider").parse::<ProviderId>() else {
        fields.fail("provider", "must be an account ID, or an organization ID");
        return first_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, fields, None).await;
    };
    create_now(&visit, &form, fields, &id).await
}

async fn create_now(visit: &Visit, form: &Form, mut fields: Fields, id: &ProviderId) -> Response {
    match send(visit, form, &mut fields, id).await {
        Ok(view) => {
            let message = match &view.test {
                Some(test) => tested::message("Created", test),
                None => Message::new("good", "Created."),
            };
            visit.after(&format!("/integrations/{id}"), message)
        }
        Err(failed) => {
            let status = failed.status();
            fields.fail_all(failed.errors(), form);
            let is_first = form.get("own") != "yes" || SETTINGS.iter().any(|field| fields.is_wrong(field.name));
            let note = failed.errors().is_empty().then(|| Note::from(failure_message(&failed)));
            if is_first {
                first_page(visit, status, fields, note).await
            } else {
                second_page(visit, status, fields, note)
            }
        }
    }
}

/// Creates the provider if it doesn't exist, then the integration. A provider that was created for nothing is deleted.
async fn send(visit: &Visit, form: &Form, fields: &mut Fields, id: &ProviderId) -> Result<IntegrationView, Failed> {
    let client = &visit.app.client;
    let once = form.get("once");
    let path = format!("/providers/{}", encoded(id.as_str()));
    let mut created = None;
    match client.find::<ProviderView>(&*path).await? {
        Some(found) => same_names(&found.value, fields)?,
        None => {
            let mut provider = Map::from_iter([("id".to_owned(), json!(id.as_str()))]);
            let names = OF_PROVIDER.into_iter().filter(|name| !fields.get(name).trim().is_empty());
            provider.extend(names.map(|name| (name.to_owned(), Value::from(fields.get(name).trim()))));
            let request = Request::post("/providers").json(secret_body(&provider)).once(&format!("{once}-provider"));
            created = Some(client.send::<ProviderView>(request).await?.etag);
        }
    }
    let names = SETTINGS.iter().map(|field| field.name).filter(|name| !OF_PROVIDER.contains(name));
    let mut settings = body(fields, names);
    settings.retain(|_, value| !value.is_null());
    let credentials = (form.get("own") == "yes").then(|| Credentials::of(form));
    let creation = secret_body(&Creation { settings: &settings, credentials });
    let request = Request::post("/integrations").json(creation).once(once);
    let answer = client.send::<IntegrationView>(request).await;
    if let (Err(Failed::Problem(_)), Some(etag)) = (&answer, created) {
        // The error to report is the first one.
        let _ = client.send::<Value>(Request::delete(path).at_version(&etag)).await;
    }
    answer.map(|answer| answer.value)
}

/// A provider that exists keeps its name and schedule.
fn same_names(found: &ProviderView, fields: &mut Fields) -> Result<(), Failed> {
    let mut errors = Vec::new();
    for (name, existing) in [("alias", &found.alias), ("scan_schedule", &found.scan_schedule)] {
        let given = fields.get(name).trim();
        if !given.is_empty() && existing.as_deref() != Some(given) {
            let existing = existing.as_deref().unwrap_or("not set");
            let message =
                format!("is {existing} for the existing provider; leave it empty, and change it in Config later");
            errors.push(management::problem::FieldError::new(name, message));
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failed::Problem(Box::new(management::ApiError::Invalid(errors).problem())))
}

fn second_page(visit: &Visit, status: StatusCode, fields: Fields, note: Option<Note>) -> Response {
    let provider = fields.get("provider").trim().to_owned();
    let external_id = fields.get("external_id").to_owned();
    let command = format!(
        "hubctl integration create --provider {provider} --role-name SecurityHubExporter --external-id {external_id}"
    );
    let role = role_commands(&provider, &external_id, &visit.app.settings.options);
    let hidden_fields = fields.iter().filter(|(name, _)| is_hidden_field(name));
    let hidden_fields = hidden_fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let archiving = if fields.has("archive_previous_findings") { "archiving on" } else { "archiving off" };
    let filter = if fields.has("only_failed") { "failed findings only" } else { "all findings" };
    let summary = [fields.get("alias"), &provider].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let summary = format!("{} · {filter} · {archiving}", summary.join(" "));
    let frame = visit.frame("integrations", "Add integration: credentials", &command);
    let documents = links(visit, &provider, Some(&external_id));
    rendered(status, &Second { frame, fields, note, summary, provider, hidden_fields, role, documents })
}

/// Fields of the first step, which the second one carries. Secrets are none of them.
fn is_hidden_field(name: &str) -> bool {
    ["once", "own"].contains(&name) || SETTINGS.iter().any(|field| field.name == name) && find(name).is_some()
}

/// The commands that create the role.
fn role_commands(provider: &str, external_id: &str, options: &str) -> Remediation {
    let print = format!(
        "hubctl permissions print --account {provider} --external-id {external_id} --format cloudformation{options} > role.yaml"
    );
    if provider.starts_with("o-") {
        return Remediation::new(print);
    }
    Remediation::new(format!(
        "{print}\naws cloudformation deploy --template-file role.yaml --stack-name securityhub-exporter-role --capabilities \
         CAPABILITY_NAMED_IAM  # in account {provider}"
    ))
}
