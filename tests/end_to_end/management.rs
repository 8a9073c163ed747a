//! Providers and integrations as resources of other stacks: creation, update, a failed update with its rollback, and deletion.

use anyhow::{Context, Result, ensure};
use end_to_end::stage::Stage;
use end_to_end::wait::wait_for;
use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Stored;
use serde_json::{Value, json};

/// Accounts that no other test uses. Their roles do not exist: the stack does not depend on the connection status.
const ACCOUNT: &str = "100000000070";
const TAKEN: &str = "100000000071";
/// Two providers of one stack. The integration moves from the first to the second, or the move fails.
const FROM: &str = "100000000072";
/// See [`FROM`].
const TO: &str = "100000000073";

/// A template with a provider of an account and its integration.
fn template(stage: &Stage, account: &str, settings: &Value) -> Result<String> {
    let service_token = stage.manage_function_arn().context("the stack has no output ManageFunctionArn")?;
    let mut integration = json!({ "ServiceToken": service_token, "Provider": { "Fn::GetAtt": ["Account", "Id"] } });
    for (name, value) in settings.as_object().into_iter().flatten() {
        integration[name] = value.clone();
    }
    let role = json!({ "Arn": format!("arn:aws:iam::{account}:role/SecurityHubExporter") });
    let provider = json!({
        "ServiceToken": service_token, "Id": account, "Alias": "by a stack", "ScanSchedule": "rate(1 day)",
        "Credentials": { "Kind": "default", "Role": role },
    });
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": {
            "Account": { "Type": "Custom::SecurityHubProvider", "Properties": provider },
            "Integration": { "Type": "Custom::SecurityHubIntegration", "Properties": integration },
        },
        "Outputs": { "ExternalId": { "Value": { "Fn::GetAtt": ["Account", "ExternalId"] } } },
    });
    Ok(template.to_string())
}

/// Requests a change of a stack, and waits until it has a status.
async fn stack(stage: &Stage, action: &str, name: &str, template: Option<&str>, wanted: &str) -> Result<String> {
    let mut parameters = vec![("StackName", name)];
    parameters.extend(template.map(|template| ("TemplateBody", template)));
    stage.cloudformation(action, &parameters)?;
    let look = || async {
        let described = stage.cloudformation("DescribeStacks", &[("StackName", name)])?;
        Ok(described.contains(&format!("<StackStatus>{wanted}</StackStatus>")).then_some(described))
    };
    wait_for(&format!("{name} to be {wanted}"), look).await
}

async fn integration(
    stage: &Stage,
    account: &str,
) -> Result<Option<Stored<exporter::model::integration::Integration>>> {
    let id: ProviderId = account.parse()?;
    stage.integration_of(&id).await
}

#[tokio::test]
async fn a_stack_creates_updates_rolls_back_and_deletes_an_integration() -> Result<()> {
    let stage = Stage::find().await?;
    let name = "integration-by-a-stack";
    let created = template(&stage, ACCOUNT, &json!({ "OnlyFailed": "false", "Regions": ["eu-west-1"] }))?;
    let described = stack(&stage, "CreateStack", name, Some(&created), "CREATE_COMPLETE").await?;
    ensure!(described.contains("ExternalId"), "the role can't be given its External ID: {described}");
    let made = integration(&stage, ACCOUNT).await?.context("nothing was created")?;
    ensure!(
        !made.value.only_failed && made.value.regions.as_ref().is_some_and(|regions| regions.len() == 1),
        "{made:?}"
    );
    ensure!(made.updated_by.starts_with("cloudformation:"), "{made:?}");

    let updated = template(&stage, ACCOUNT, &json!({ "ArchivePreviousFindings": "true" }))?;
    stack(&stage, "UpdateStack", name, Some(&updated), "UPDATE_COMPLETE").await?;
    let changed = integration(&stage, ACCOUNT).await?.context("the update deleted it")?;
    ensure!(changed.value.archive_previous_findings && changed.value.only_failed, "{changed:?}");
    ensure!(changed.value.regions.is_none(), "what the template leaves out is back at its default: {changed:?}");

    let wrong = template(&stage, ACCOUNT, &json!({ "ArchiveLimitPercent": "101", "OnlyFailed": "false" }))?;
    stack(&stage, "UpdateStack", name, Some(&wrong), "UPDATE_ROLLBACK_COMPLETE").await?;
    let stored = integration(&stage, ACCOUNT).await?.context("the rollback deleted the integration")?;
    ensure!(stored.value == changed.value, "{stored:?}");

    stage.cloudformation("DeleteStack", &[("StackName", name)])?;
    let gone = || async { Ok(integration(&stage, ACCOUNT).await?.is_none().then_some(())) };
    wait_for("the integration to be deleted", gone).await
}

#[tokio::test]
async fn a_failed_stack_does_not_delete_resources_of_others() -> Result<()> {
    let stage = Stage::find().await?;
    let template = template(&stage, TAKEN, &json!({}))?;
    stack(&stage, "CreateStack", "the-first", Some(&template), "CREATE_COMPLETE").await?;
    let before = integration(&stage, TAKEN).await?;
    ensure!(before.is_some(), "the first stack created nothing");
    stack(&stage, "CreateStack", "the-second", Some(&template), "ROLLBACK_COMPLETE").await?;
    ensure!(integration(&stage, TAKEN).await? == before, "the rollback changed a resource that it did not create");
    Ok(())
}

/// A template with an integration of one of two providers. `breaks`: also with a resource that can't be created.
fn movable(stage: &Stage, integration: &Value, breaks: bool) -> Result<String> {
    let service_token = stage.manage_function_arn().context("the stack has no output ManageFunctionArn")?;
    let provider = |account: &str| {
        let properties = json!({ "ServiceToken": service_token, "Id": account });
        json!({ "Type": "Custom::SecurityHubProvider", "Properties": properties })
    };
    let mut properties = json!({ "ServiceToken": service_token });
    for (name, value) in integration.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    let mut resources = json!({
        "From": provider(FROM),
        "To": provider(TO),
        "Integration": {
            "Type": "Custom::SecurityHubIntegration", "DependsOn": ["From", "To"], "Properties": properties,
        },
    });
    if breaks {
        let mut broken = provider("no account");
        broken["DependsOn"] = json!("Integration");
        resources["Broken"] = broken;
    }
    Ok(json!({ "AWSTemplateFormatVersion": "2010-09-09", "Resources": resources }).to_string())
}

/// With another provider, the integration is another resource: `CloudFormation` creates the new one first, and deletes it if the
/// update fails elsewhere. The emulator sends the requests that AWS documents: the deletion is for the new resource, and the old
/// one gets no request. If the new one can't be created, the old one gets an update to its previous properties.
#[tokio::test]
async fn a_rolled_back_move_leaves_only_the_old_integration() -> Result<()> {
    let stage = Stage::find().await?;
    let name = "integration-that-moves";
    let settings = |provider: &str, more: Value| {
        let mut settings = json!({ "Provider": provider, "OnlyFailed": "false", "SeverityMin": "HIGH" });
        for (name, value) in more.as_object().into_iter().flatten() {
            settings[name] = value.clone();
        }
        settings
    };
    let created = movable(&stage, &settings(FROM, json!({})), false)?;
    stack(&stage, "CreateStack", name, Some(&created), "CREATE_COMPLETE").await?;
    let before = integration(&stage, FROM).await?.context("nothing was created")?;

    let moved = settings(TO, json!({ "OnlyFailed": "true" }));
    let breaks = movable(&stage, &moved, true)?;
    stack(&stage, "UpdateStack", name, Some(&breaks), "UPDATE_ROLLBACK_COMPLETE").await?;
    let audit_log = stage.audit_actions(TO).await?;
    ensure!(
        audit_log.iter().any(|action| action == "integration.create"),
        "the new integration was never created: {audit_log:?}"
    );
    ensure!(integration(&stage, TO).await?.is_none(), "the new integration still exists: {audit_log:?}");
    ensure!(integration(&stage, FROM).await?.as_ref() == Some(&before), "the old integration was changed: {before:?}");

    let wrong = movable(&stage, &settings(TO, json!({ "ArchiveLimitPercent": "101" })), false)?;
    stack(&stage, "UpdateStack", name, Some(&wrong), "UPDATE_ROLLBACK_COMPLETE").await?;
    ensure!(integration(&stage, TO).await?.is_none(), "the invalid integration was created");
    let stored = integration(&stage, FROM).await?.context("the rollback deleted the integration")?;
    ensure!(stored.value == before.value, "{stored:?}");

    let right = movable(&stage, &moved, false)?;
    stack(&stage, "UpdateStack", name, Some(&right), "UPDATE_COMPLETE").await?;
    let gone = || async { Ok(integration(&stage, FROM).await?.is_none().then_some(())) };
    wait_for("the old integration to be deleted", gone).await?;
    ensure!(
        integration(&stage, TO).await?.is_some_and(|moved| moved.value.only_failed),
        "the integration did not move"
    );
    stage.cloudformation("DeleteStack", &[("StackName", name)])?;
    let gone = || async { Ok(integration(&stage, TO).await?.is_none().then_some(())) };
    wait_for("the new integration to be deleted", gone).await
}
