//! `/integrations/{id}/config`: the settings, and the resolution of conflicts with concurrent changes.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use management::wire::{IntegrationView, ProviderView};
use serde_json::Value;

use crate::client::{Answer, Failed, Request};
use crate::form::{Form, encoded};
use crate::messages::Message;
use crate::view::control::Fields;
use crate::view::failure::failure_message;
use crate::view::fields::{Kind, find};
use crate::view::parts::Note;
use crate::view::settings::{OF_PROVIDER, body, changed, of_view, shown};
use crate::view::text::{principal, sentence};
use crate::visit::{Frame, Visit, rendered};

const NOTHING: &str = "Nothing was changed.";

#[derive(Template)]
#[template(path = "config.html")]
struct Page {
    frame: Frame,
    alias: String,
    href: String,
    etag: String,
    provider_etag: String,
    was: String,
    fields: Fields,
    note: Option<Note>,
}

#[derive(Template)]
#[template(path = "conflict.html")]
struct Conflict {
    frame: Frame,
    alias: String,
    href: String,
    who: String,
    rows: Vec<Row>,
    hidden_fields: Vec<(String, String)>,
    mine: String,
}

/// A setting in three versions.
struct Row {
    label: &'static str,
    was: String,
    now: String,
    mine: String,
    is_mine: bool,
}

/// The current settings with their versions.
struct Current {
    integration: Answer<IntegrationView>,
    provider: Option<Answer<ProviderView>>,
}

impl Current {
    fn fields(&self) -> Fields {
        of_view(&self.integration.value, self.provider.as_ref().map(|answer| &answer.value))
    }

    fn alias(&self) -> String {
        let view = &self.integration.value;
        view.provider_alias.clone().unwrap_or_else(|| view.id.clone())
    }

    fn provider_etag(&self) -> String {
        self.provider.as_ref().map(|answer| answer.etag.clone()).unwrap_or_default()
    }
}

async fn read(visit: &Visit, id: &str) -> Result<Current, Failed> {
    let (client, id) = (&visit.app.client, encoded(id));
    let (integration, provider) =
        futures::try_join!(client.get(format!("/integrations/{id}")), client.find(format!("/providers/{id}")))?;
    Ok(Current { integration, provider })
}

/// The settings as a string, to detect later what was changed.
fn packed(fields: &Fields) -> String {
    let values: BTreeMap<&str, &str> = fields.iter().filter(|(name, _)| find(name).is_some()).collect();
    serde_json::to_string(&values).unwrap_or_default()
}

fn unpacked(text: &str) -> Fields {
    Fields::new(serde_json::from_str(text).unwrap_or_default())
}

fn page(visit: &Visit, id: &str, alias: String, form: &Form, fields: Fields, note: Option<Note>) -> Page {
    Page {
        frame: visit.frame(
            "integrations",
            format!("Configuration: {alias}"),
            &format!("hubctl integration configure {id}"),
        ),
        alias,
        href: format!("/integrations/{}", encoded(id)),
        etag: form.get("etag").to_owned(),
        provider_etag: form.get("provider_etag").to_owned(),
        was: form.get("was").to_owned(),
        fields,
        note,
    }
}

/// `GET /integrations/{id}/config`
pub(crate) async fn show(visit: Visit, Path(id): Path<String>) -> Response {
    let current = read(&visit, &id).await;
    visit.show(current.map(|current| {
        let fields = current.fields();
        let mut page = page(&visit, &id, current.alias(), &Form::default(), fields, None);
        page.was = packed(&page.fields);
        (page.etag, page.provider_etag) = (current.integration.etag.clone(), current.provider_etag());
        page
    }))
}

/// `POST /integrations/{id}/config`: changes the fields that differ from the initial values of the form.
pub(crate) async fn change(visit: Visit, Path(id): Path<String>, form: Form) -> Response {
    let mut fields = Fields::of(&form);
    let was = unpacked(form.get("was"));
    let names = changed(&was, &fields);
    let path = format!("/integrations/{}", encoded(&id));
    if names.is_empty() {
        return visit.after(
            &path,
            Message::new("plain", "Nothing was changed.").text("All settings have the values that they had."),
        );
    }
    let patch = body(&mut fields, names.iter().copied().filter(|name| !OF_PROVIDER.contains(name)));
    let of_provider = body(&mut fields, names.iter().copied().filter(|name| OF_PROVIDER.contains(name)));
    if fields.wrong() > 0 {
        return rendered(StatusCode::UNPROCESSABLE_ENTITY, &page(&visit, &id, id.clone(), &form, fields, None));
    }
    match send(&visit, &id, &form, (Value::Object(patch), Value::Object(of_provider))).await {
        Ok(view) => visit.after(&format!("/integrations/{}", encoded(&view.id)), saved(&view, &names)),
        Err(failed) if failed.is_changed() => match read(&visit, &id).await {
            Ok(current) => conflict(&visit, &current, &was, &fields, &names),
            Err(failed) => visit.problem(&failed),
        },
        Err(failed) => {
            fields.fail_all(failed.errors(), &form);
            let note = failed.errors().is_empty().then(|| Note::from(failure_message(&failed)));
            rendered(failed.status(), &page(&visit, &id, id.clone(), &form, fields, note))
        }
    }
}

/// Changes the integration's settings, then the provider's: if the first step is rejected, nothing is changed.
async fn send(
    visit: &Visit,
    id: &str,
    form: &Form,
    (patch, of_provider): (Value, Value),
) -> Result<IntegrationView, Failed> {
    let (client, id) = (&visit.app.client, encoded(id));
    let has = |value: &Value| value.as_object().is_some_and(|fields| !fields.is_empty());
    let path = format!("/integrations/{id}");
    let view = if has(&patch) {
        let request = Request::patch(path, &patch).at_version(form.get("etag"));
        client.send::<IntegrationView>(request).await?.value
    } else {
        client.get(path).await?.value
    };
    if has(&of_provider) {
        let request = Request::patch(format!("/providers/{id}"), &of_provider).at_version(form.get("provider_etag"));
        client.send::<ProviderView>(request).await?;
    }
    Ok(view)
}

fn label(name: &str) -> &'static str {
    find(name).map_or("", |field| field.label)
}

fn saved(view: &IntegrationView, names: &[&str]) -> Message {
    let labels: Vec<&str> = names.iter().map(|name| label(name)).collect();
    let message = Message::new("good", "Configuration updated.").text(format!("Changed: {}.", labels.join(", ")));
    match &view.orphaned_findings {
        Some(orphaned) => Message { tone: "warn", ..message }
            .text(sentence(&orphaned.message))
            .fix(Some(orphaned.remediation.clone())),
        None => message,
    }
}

/// The page of a conflict: what changed, on both sides, and a form that saves only what the user changed.
fn conflict(visit: &Visit, current: &Current, was: &Fields, mine: &Fields, names: &[&'static str]) -> Response {
    let now = current.fields();
    let mut merged = now.clone();
    let theirs = changed(was, &now);
    let rows = names.iter().chain(theirs.iter().filter(|name| !names.contains(name)));
    let rows = rows.map(|name| Row {
        label: label(name),
        was: shown(was, name),
        now: shown(&now, name),
        mine: shown(mine, name),
        is_mine: names.contains(name),
    });
    let rows = rows.collect();
    for name in names {
        if find(name).is_some_and(|field| field.kind == Kind::Check) && !mine.has(name) {
            merged.clear(name);
        } else {
            merged.set(name, mine.get(name));
        }
    }
    let known = merged.iter().filter(|(name, _)| find(name).is_some());
    let mut hidden_fields: Vec<_> = known.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    hidden_fields.push(("etag".to_owned(), current.integration.etag.clone()));
    hidden_fields.push(("provider_etag".to_owned(), current.provider_etag()));
    hidden_fields.push(("was".to_owned(), packed(&now)));
    let view = &current.integration.value;
    let words: Vec<String> = names.iter().map(|name| format!("{}: {}", label(name), shown(mine, name))).collect();
    let page = Conflict {
        frame: visit.frame(
            "integrations",
            format!("Configuration: {}", current.alias()),
            &format!("hubctl integration show {}", view.id),
        ),
        alias: current.alias(),
        href: format!("/integrations/{}", view.id),
        who: principal(&view.updated_by).to_owned(),
        rows,
        hidden_fields,
        mine: words.join(", "),
    };
    rendered(StatusCode::PRECONDITION_FAILED, &page)
}
