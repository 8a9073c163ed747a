//! Applies the differences between a configuration file and a deployment, one after another.

use anyhow::Result;
use exporter::model::provider::ProviderId;
use management::wire::Test;
use management::wire::TestOutcome;
use serde_json::{Map, Value};

use super::differences::{Action, Difference, ResourceKind};
use super::validate::Ready;
use crate::client::{ApiResponse, Management, Request, read};
use crate::commands::integration::shown::{path, provider_path};
use crate::commands::integration::tested;
use crate::exit::{Exit, Failure};
use crate::render::{Output, text};

/// Applies all differences in order, and reports each with its connection test. Returns the exit code of the most severe
/// test.
///
/// # Errors
///
/// If the API rejects a difference; the message states which differences were applied.
pub(super) async fn run(all: Vec<Ready<'_>>, management: &Management, output: &mut Output) -> Result<Exit> {
    let total = all.len();
    let mut worst = Exit::Success;
    for (done, ready) in all.into_iter().enumerate() {
        let Ready { difference, credentials } = ready;
        let (noun, action, id) = (difference.noun.word(), difference.action.word(), &difference.id);
        let mut responses = Vec::new();
        let applied = apply_one(&difference, credentials, management, &mut responses).await;
        if applied.is_ok() {
            output.note(format!("{noun} {id}: {action}d"))?;
        }
        for response in &responses {
            let exit = report_test(id, &response.body, output)?;
            worst = if exit.severity() > worst.severity() { exit } else { worst };
        }
        applied.map_err(|failure| stopped(failure, &difference, &responses, (done, total)))?;
    }
    Ok(worst)
}

/// An error with the number of applied differences. It is not a usage error if some were applied.
fn stopped(
    failure: Failure,
    difference: &Difference<'_>,
    responses: &[ApiResponse],
    (done, total): (usize, usize),
) -> Failure {
    let (noun, id) = (difference.noun.word(), &difference.id);
    let half = if responses.is_empty() { "" } else { "; its settings were changed, its credentials were not" };
    let so_far = match done {
        0 if responses.is_empty() => "nothing was changed".to_owned(),
        _ => format!("{done} of {total} differences were applied, as listed above"),
    };
    let changed = done > 0 || !responses.is_empty();
    let exit = if changed && failure.exit == Exit::Usage { Exit::Error } else { failure.exit };
    Failure { exit, message: format!("{noun} {id}: {}{half}; {so_far}", failure.message), ..failure }
}

/// Applies one difference. `responses` gets the API's responses, even if a second request fails.
async fn apply_one(
    difference: &Difference<'_>,
    credentials: Option<Value>,
    management: &Management,
    responses: &mut Vec<ApiResponse>,
) -> Result<(), Failure> {
    let address = match difference.noun {
        ResourceKind::Provider => provider_path(&difference.id),
        ResourceKind::Integration => path(&difference.id),
    };
    match difference.action {
        Action::Delete => {
            management.send(Request::delete(address).at_version(difference.etag.clone())).await?;
        }
        Action::Create => responses.push(management.send(create(difference, credentials)).await?),
        Action::Change => change(difference, address, credentials, management, responses).await?,
    }
    Ok(())
}

fn create(difference: &Difference<'_>, credentials: Option<Value>) -> Request {
    let (collection, key) = match difference.noun {
        ResourceKind::Provider => ("/providers", "id"),
        ResourceKind::Integration => ("/integrations", "provider"),
    };
    let mut body: Map<String, Value> = after(difference).filter(|(_, value)| !value.is_null()).collect();
    body.insert(key.to_owned(), difference.id.as_str().into());
    body.extend(credentials.map(|credentials| ("credentials".to_owned(), credentials)));
    Request::create(collection, Value::Object(body))
}

/// Settings first, since new credentials are tested immediately.
async fn change(
    difference: &Difference<'_>,
    address: String,
    credentials: Option<Value>,
    management: &Management,
    responses: &mut Vec<ApiResponse>,
) -> Result<(), Failure> {
    let mut etag = difference.etag.clone();
    if !difference.settings.is_empty() {
        let body = Value::Object(after(difference).collect());
        let changed = management.send(Request::change(&address, body).at_version(etag)).await?;
        etag = changed.etag.clone();
        responses.push(changed);
    }
    if let Some(credentials) = credentials {
        let address = format!("{address}/credentials");
        let is_providers = credentials["kind"] == "provider";
        let request = if is_providers { Request::delete(address) } else { Request::put(address, credentials) };
        responses.push(management.send(request.at_version(etag)).await?);
    }
    Ok(())
}

fn after<'a>(difference: &'a Difference<'_>) -> impl Iterator<Item = (String, Value)> + 'a {
    difference.settings.iter().map(|(name, (_, after))| (name.clone(), after.clone()))
}

/// Reports the connection test of a change in one line.
fn report_test(id: &ProviderId, json: &Value, output: &mut Output) -> Result<Exit, Failure> {
    let test: Option<Test> = json.get("test").filter(|test| !test.is_null()).map(read).transpose()?;
    let Some(test) = &test else { return Ok(Exit::Success) };
    let exit = tested::exit(test);
    let word = match test.outcome {
        _ if exit == Exit::Success => "test passed",
        TestOutcome::Failed => "test failed",
        TestOutcome::NotRun => "not tested",
        _ => "partially connected",
    };
    let message = format!("{word}: {}", text::harmless(&test.message));
    let written = if exit == Exit::Success {
        output.note(format!("    {message}"))
    } else {
        output.warning(format!("{id}: {message}"), Some(&format!("hubctl integration test {id}")))
    };
    written.map_err(|error| Failure::new(Exit::Error, error.to_string()))?;
    Ok(exit)
}
