//! `/integrations/{id}/credentials`: what Security Hub is called with. Secrets go in and never come out.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use management::wire::{ConnectionStatus, CredentialsKind};
use management::wire::{IntegrationView, ProviderView};

use super::role::links;
use crate::client::{Answer, Failed, Request};
use crate::form::{Form, encoded};
use crate::messages::Message;
use crate::view::control::Fields;
use crate::view::failure::failure_message;
use crate::view::integration::{credentials, credentials_since, version_of};
use crate::view::parts::{Note, Remediation, State};
use crate::view::settings::{Credentials, of_credentials, secret_body};
use crate::view::tested;
use crate::view::text::clock;
use crate::visit::{Frame, Visit, rendered};

const NOTHING: &str = "Nothing was changed.";

#[derive(Template)]
#[template(path = "credentials.html")]
struct Page {
    frame: Frame,
    alias: String,
    href: String,
    etag: String,
    used: String,
    checked: String,
    state: State,
    of_provider: String,
    role: Remediation,
    documents: Vec<(&'static str, String)>,
    fields: Fields,
    note: Option<Note>,
}

struct Current {
    integration: Answer<IntegrationView>,
    provider: Option<ProviderView>,
}

async fn read(visit: &Visit, id: &str) -> Result<Current, Failed> {
    let (client, id) = (&visit.app.client, encoded(id));
    let (integration, provider) = futures::try_join!(
        client.get(format!("/integrations/{id}")),
        client.find::<ProviderView>(format!("/providers/{id}"))
    )?;
    Ok(Current { integration, provider: provider.map(|answer| answer.value) })
}

fn page(visit: &Visit, current: &Current, fields: Fields, note: Option<Note>) -> Page {
    let view = &current.integration.value;
    let alias = view.provider_alias.clone().unwrap_or_else(|| view.id.clone());
    let of_provider = current.provider.as_ref().map_or_else(String::new, |provider| credentials(&provider.credentials));
    let used = match view.credentials.kind {
        CredentialsKind::Provider => {
            let used = current.provider.as_ref().map(|provider| credentials_since(&provider.credentials, visit.now()));
            format!("{}, from the provider", used.unwrap_or_default())
        }
        _ => format!("{}, from the integration", credentials_since(&view.credentials, visit.now())),
    };
    let used = view.credentials.secret.as_ref().map_or(used.clone(), |secret| format!("{used}, stored in {secret}"));
    let checked = view.connection.last_checked_at.map(|at| format!("last check {}:", clock(at, visit.now())));
    let state = match view.connection.status {
        ConnectionStatus::Unknown => State::new("plain", "not checked yet"),
        ConnectionStatus::Disconnected => State::new("bad", "disconnected"),
        ConnectionStatus::Connected | ConnectionStatus::Degraded => State::new("good", "valid"),
    };
    let own = view.credentials.role.as_ref().filter(|_| view.credentials.kind != CredentialsKind::Provider);
    let has_role = own.or(current.provider.as_ref().and_then(|provider| provider.credentials.role.as_ref())).is_some();
    let options = &visit.app.settings.options;
    let print =
        format!("hubctl permissions print --integration {} --format cloudformation{options} > role.yaml", view.id);
    Page {
        frame: visit.frame(
            "integrations",
            format!("Credentials: {alias}"),
            &format!("hubctl integration credentials {}", view.id),
        ),
        alias,
        href: format!("/integrations/{}", view.id),
        etag: version_of(view),
        used,
        checked: checked.unwrap_or_default(),
        state,
        of_provider,
        role: Remediation::new(print),
        documents: if has_role { links(visit, &view.id, None) } else { Vec::new() },
        fields,
        note,
    }
}

/// `GET /integrations/{id}/credentials`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let current = read(&visit, &id).await;
    visit.show(current.map(|current| {
        let fields = of_credentials(&current.integration.value.credentials);
        page(&visit, &current, fields, None)
    }))
}

/// `POST /integrations/{id}/credentials`
pub(crate) async fn change(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let path = format!("/integrations/{}", encoded(&id));
    let request = Request::put(format!("{path}/credentials"))
        .json(secret_body(&Credentials::of(&form)))
        .at_version(form.get("etag"));
    let failed = match visit.app.client.send::<IntegrationView>(request).await {
        Ok(answer) => {
            let message = match &answer.value.test {
                Some(test) => tested::message("Credentials updated", test),
                None => Message::new("good", "Credentials updated."),
            };
            return visit.after(&path, message);
        }
        Err(failed) => failed,
    };
    let current = match read(&visit, &id).await {
        Ok(current) => current,
        Err(failed) => return visit.problem(&failed),
    };
    let mut fields = Fields::of(&form);
    fields.fail_all(failed.errors(), &form);
    let note = failed.errors().is_empty().then(|| Note::from(failure_message(&failed)));
    rendered(failed.status(), &page(&visit, &current, fields, note))
}
