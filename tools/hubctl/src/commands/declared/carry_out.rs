//! Makes a deployment what a file declares, one difference after the other.

use std::path::Path;

use anyhow::Result;
use exporter::provider::ProviderId;
use management::wire::IntegrationView;
use management::wire::words::TestOutcome;
use serde_json::{Map, Value, json};

use super::differences::{Action, Difference, Noun};
use super::document::DeclaredCredentials;
use crate::commands::ask::Person;
use crate::commands::credentials::key::{AccessKey, KeySource};
use crate::commands::integration::shown::{path, provider_path, read};
use crate::exit::Exit;
use crate::management::{Answer, Management, Request};
use crate::output::{Output, text};

/// Carries out one difference.
///
/// # Errors
///
/// When the API refuses it, or a file with a key can't be read.
pub(super) async fn carry_out(
    difference: &Difference<'_>,
    folder: &Path,
    management: &Management,
    output: &mut Output,
) -> Result<Exit> {
    let Difference { action, noun, id, .. } = difference;
    let address = match noun {
        Noun::Provider => provider_path(id),
        Noun::Integration => path(id),
    };
    let answer = match action {
        Action::Delete => {
            management.send(Request::delete(address).at_version(difference.etag.clone())).await?;
            None
        }
        Action::Create => Some(create(difference, folder, management, output).await?),
        Action::Change => change(difference, &address, folder, management, output).await?,
    };
    output.note(format!("{} {id}: {}d", noun.word(), action.word()))?;
    match (noun, answer) {
        (Noun::Integration, Some(answer)) => tell_test(id, &answer.body, output),
        _ => Ok(Exit::Success),
    }
}

async fn create(
    difference: &Difference<'_>,
    folder: &Path,
    management: &Management,
    output: &mut Output,
) -> Result<Answer> {
    let (collection, key) = match difference.noun {
        Noun::Provider => ("/providers", "id"),
        Noun::Integration => ("/integrations", "provider"),
    };
    let mut body: Map<String, Value> = after(difference).filter(|(_, value)| !value.is_null()).collect();
    body.insert(key.to_owned(), difference.id.as_str().into());
    if let Some(declared) = difference.declared_credentials
        && declared.kind != DeclaredCredentials::default_of(Noun::Integration).kind
    {
        body.insert("credentials".to_owned(), credentials_body(declared, folder, output)?);
    }
    Ok(management.send(Request::create(collection, Value::Object(body))).await?)
}

/// Settings first, since new credentials are tested at once.
async fn change(
    difference: &Difference<'_>,
    address: &str,
    folder: &Path,
    management: &Management,
    output: &mut Output,
) -> Result<Option<Answer>> {
    let mut etag = difference.etag.clone();
    let mut answer = None;
    if !difference.settings.is_empty() {
        let body = Value::Object(after(difference).collect());
        let changed = management.send(Request::change(address, body).at_version(etag)).await?;
        etag = changed.etag.clone();
        answer = Some(changed);
    }
    if difference.credentials.is_some() {
        let none = DeclaredCredentials::default_of(difference.noun);
        let declared = difference.declared_credentials.unwrap_or(&none);
        let address = format!("{address}/credentials");
        let request = if declared.kind == "provider" {
            Request::delete(address)
        } else {
            Request::put(address, credentials_body(declared, folder, output)?)
        };
        answer = Some(management.send(request.at_version(etag)).await?);
    }
    Ok(answer)
}

fn after<'a>(difference: &'a Difference<'_>) -> impl Iterator<Item = (String, Value)> + 'a {
    difference.settings.iter().map(|(name, (_, after))| (name.clone(), after.clone()))
}

/// Credentials as the API takes them, with the key of the file that is named.
fn credentials_body(declared: &DeclaredCredentials, folder: &Path, output: &mut Output) -> Result<Value> {
    let mut body = match &declared.access_key_file {
        Some(file) => {
            AccessKey::obtain(&KeySource::File(folder.join(file)), &mut Person::at_terminal(), output)?.body()
        }
        None => json!({}),
    };
    body["kind"] = declared.kind.as_str().into();
    if let Some(secret) = &declared.secret {
        body["secret"] = secret.as_str().into();
    }
    if let Some(role) = &declared.role {
        body["role"] = json!(role);
    }
    Ok(body)
}

/// The test that a change brought with it, in a line.
fn tell_test(id: &ProviderId, json: &Value, output: &mut Output) -> Result<Exit> {
    let view: IntegrationView = read(json)?;
    let Some(test) = &view.test else { return Ok(Exit::Success) };
    let exit = match test.outcome {
        TestOutcome::Passed => Exit::Success,
        TestOutcome::Failed => Exit::Degraded,
        TestOutcome::NotRun => Exit::Success,
    };
    let message = text::harmless(&test.message);
    if test.outcome == TestOutcome::Passed {
        output.note(format!("    {message}"))?;
    } else {
        output.warning(message, Some(&format!("hubctl integration test {id}")))?;
    }
    Ok(exit)
}
