//! The deployed stack under test: uploads scans, waits for their runs, and inspects the results.
//!
//! Guarantee: only the AWS that `local/stack.py` started is called.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use asff::AccountId;
use aws::{CheckFunction, CheckResponse, Cloud, Deployment, ResourceNames};
use bytes::Bytes;
use exporter::connection::{Connection, Connections as _};
use exporter::jobs::Queue as _;
use exporter::jobs::Round;
use exporter::model::integration::{Credentials, Integration, Role};
use exporter::model::provider::ProviderId;
use exporter::model::upload::Upload;
use exporter::ports::settings_store::{AuditEntry, ExpectedVersion, SettingsStore, Stored, Write};
use exporter::ports::{ObjectWriter as _, Objects as _, PutMode};
use exporter::report::{RunReport, RunStatus};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::hub::AccountHub;
use crate::wait::wait_for;

mod evidence;

/// Error if no stack is running.
const NO_STACK: &str = "the end-to-end tests need a local AWS with the template deployed; this starts one, runs them and \
                        stops it: make test-end-to-end";
/// The role of each account in `world.json`, and the External ID that it requires.
const ROLE: &str = "SecurityHubExporter";
/// See [`ROLE`].
const EXTERNAL_ID: &str = "the-right-one";
/// Maximum number of runs to search, far more than the tests cause.
const RUNS_MAX: usize = 1_000;

/// The running stack.
#[derive(Clone, Debug)]
pub struct Stage {
    name: String,
    deployment: Deployment,
    cloud: Cloud,
    /// The adapters for the scan bucket.
    scans: Cloud,
    checks: CheckFunction,
    simulator_url: String,
    aws_url: String,
    manage_function_arn: Option<String>,
    log: PathBuf,
    stack_name: String,
    hubctl: PathBuf,
}

/// Result of a `hubctl` command.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code.
    pub exit: Option<i32>,
    /// Its output as JSON.
    pub json: Value,
    /// Its standard error.
    pub stderr: String,
}

impl Stage {
    /// Finds the stack with `STACK_FILE`, which `local/stack.py run` sets.
    ///
    /// # Errors
    ///
    /// If no stack is running, or the environment selects another AWS. The error states how to start a stack.
    pub async fn find() -> Result<Self> {
        let path = env::var("STACK_FILE").ok().filter(|path| !path.is_empty()).context(NO_STACK)?;
        let text = fs::read_to_string(&path).with_context(|| format!("{path} can't be read: {NO_STACK}"))?;
        let stack: Value = serde_json::from_str(&text).context(NO_STACK)?;
        for (name, value) in stack["environment"].as_object().context(NO_STACK)? {
            let found = env::var(name).ok();
            ensure!(found.as_deref() == value.as_str(), "{name} is {found:?} and not that of {path}: {NO_STACK}");
        }
        let server = |name: &str| {
            let servers = stack["servers"].as_array().into_iter().flatten();
            servers.into_iter().find(|server| server["name"] == name).context(NO_STACK)
        };
        let url = |name: &str| {
            let url = stack["environment"][name].as_str();
            url.map(str::to_owned).with_context(|| format!("{path} has no {name}"))
        };
        let config = aws::sdk_config().await;
        let stack_name = stack["stack_name"].as_str().unwrap_or_default();
        let deployment = Deployment::of_stack(&config, stack_name).await?;
        let scans = ResourceNames { state_bucket: deployment.scan_bucket.clone(), ..deployment.names() };
        Ok(Self {
            name: stack_name.to_owned(),
            cloud: Cloud::new(&config, deployment.names()),
            scans: Cloud::new(&config, scans),
            manage_function_arn: stack["outputs"]["ManageFunctionArn"].as_str().map(str::to_owned),
            checks: CheckFunction::new(&config, deployment.check_function_name.as_deref().context(NO_STACK)?),
            deployment,
            simulator_url: url("AWS_ENDPOINT_URL_SECURITYHUB")?,
            aws_url: url("AWS_ENDPOINT_URL")?,
            log: server("ministack")?["log"].as_str().unwrap_or_default().into(),
            stack_name: stack_name.to_owned(),
            hubctl: stack["hubctl"].as_str().context(NO_STACK)?.into(),
        })
    }

    /// The stack's name, for `hubctl` commands.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `hubctl` program that the stack was started with.
    pub fn hubctl_program(&self) -> &Path {
        &self.hubctl
    }

    /// ARN of the management function: the `ServiceToken` of custom resources.
    pub fn manage_function_arn(&self) -> Option<&str> {
        self.manage_function_arn.as_deref()
    }

    /// A stored integration.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn integration_of(&self, id: &ProviderId) -> Result<Option<Stored<Integration>>> {
        Ok(SettingsStore::stored_integration(&self.cloud, id).await?)
    }

    /// Calls `CloudFormation`. Returns the response in XML.
    ///
    /// # Errors
    ///
    /// If the call is rejected.
    pub fn cloudformation(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String> {
        let (key, region) = (env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_REGION")?);
        let scope = format!("Credential={key}/20250101/{region}/cloudformation/aws4_request");
        let fixed = [("Action", action), ("Version", "2010-05-15"), ("Capabilities.member.1", "CAPABILITY_IAM")];
        let request = ureq::post(&self.aws_url)
            .header("Authorization", format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"));
        let form: Vec<(&str, &str)> = fixed.into_iter().chain(parameters.iter().copied()).collect();
        let mut response = request.send_form(form).with_context(|| format!("call {action}"))?;
        Ok(response.body_mut().read_to_string()?)
    }

    /// The Security Hub of an account.
    pub fn hub(&self, account: &str) -> AccountHub {
        AccountHub::new(&self.simulator_url, account)
    }

    /// Saves an account's integration.
    ///
    /// # Errors
    ///
    /// If the table rejects it.
    pub async fn save_integration(&self, integration: &Integration) -> Result<()> {
        let (now, by) = (Timestamp::now(), "end-to-end");
        let before = self.cloud.stored_integration(&integration.provider).await?;
        let seen = before.as_ref().map_or(ExpectedVersion::Nothing, |before| ExpectedVersion::This(before.revision()));
        let after = match before {
            None => Stored::new(integration.clone(), now, by),
            Some(before) => before.changed(integration.clone(), now, by),
        };
        let entry = AuditEntry {
            id: Uuid::now_v7().to_string(),
            at: now,
            by: by.to_owned(),
            action: "integration.put".to_owned(),
            target: integration.provider.to_string(),
            reason: None,
            changes: BTreeMap::new(),
        };
        self.cloud.commit(&[Write::PutIntegration(after, seen)], &entry).await?;
        Ok(())
    }

    /// Checks an account with the deployed function.
    ///
    /// # Errors
    ///
    /// If the function can't be invoked or fails.
    pub async fn check(&self, account: &str) -> Result<CheckResponse> {
        Ok(self.checks.check(&[account.parse()?]).await?)
    }

    /// The newest connection of an account.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn connection(&self, account: &str) -> Result<Option<Connection>> {
        Ok(self.cloud.connection(account.parse()?).await?)
    }

    /// The schedule of the stack's connection checks.
    ///
    /// # Errors
    ///
    /// If none exists, or more than one.
    pub fn schedule(&self) -> Result<Value> {
        let get = |path: &str| -> Result<Value> {
            let request = ureq::get(&format!("{}{path}", self.aws_url));
            let mut response =
                request.header("Authorization", signature("scheduler")?).call().context("call the scheduler")?;
            Ok(response.body_mut().read_json()?)
        };
        let all = get("/schedules")?;
        let of_stack =
            |schedule: &&Value| schedule["Name"].as_str().is_some_and(|name| name.starts_with(&self.stack_name));
        let mut found = all["Schedules"].as_array().into_iter().flatten().filter(of_stack);
        let (Some(one), None) = (found.next(), found.next()) else { bail!("not one schedule of the stack: {all:#}") };
        get(&format!("/schedules/{}", one["Name"].as_str().unwrap_or_default()))
    }

    /// Creates a copy of the stack's own schedule that invokes the check function every minute, for one integration only, so that
    /// the checks of other tests are not affected.
    ///
    /// # Errors
    ///
    /// If the stack has no schedule, or the scheduler rejects the copy.
    pub fn schedule_checks(&self, name: &str, integration: &str) -> Result<()> {
        let mut schedule = self.schedule()?;
        schedule["Target"]["Input"] = json!({ "integration": integration }).to_string().into();
        let copy = json!({
            "ScheduleExpression": "rate(1 minute)",
            "FlexibleTimeWindow": schedule["FlexibleTimeWindow"],
            "State": schedule["State"],
            "Target": schedule["Target"],
        });
        let request = ureq::post(&format!("{}/schedules/{name}", self.aws_url));
        let request = request.header("Authorization", signature("scheduler")?);
        request.send_json(copy).context("create a schedule")?;
        Ok(())
    }

    /// Creates a secret with an access key.
    ///
    /// # Errors
    ///
    /// If Secrets Manager rejects it.
    pub fn create_secret(&self, name: &str, key: &Value) -> Result<()> {
        let secret = json!({ "Name": name, "SecretString": key.to_string(), "ClientRequestToken": name.repeat(2) });
        self.call("secretsmanager.CreateSecret", "secretsmanager", &secret)?;
        Ok(())
    }

    /// Puts an object into the scan bucket. Returns its `s3://` URL.
    ///
    /// # Errors
    ///
    /// If the bucket rejects it.
    pub async fn upload(&self, key: &str, bytes: Vec<u8>) -> Result<String> {
        let mut object = self.scans.create(key, PutMode::Overwrite).await?;
        object.write(Bytes::from(bytes)).await?;
        object.finish().await?;
        Ok(Upload::new(&self.deployment.scan_bucket, key).url())
    }

    /// Sends the event of an upload again.
    ///
    /// # Errors
    ///
    /// If the queue rejects the message.
    pub async fn send_event_again(&self, key: &str) -> Result<()> {
        let upload = Upload::new(&self.deployment.scan_bucket, key);
        let sent = self.cloud.requeue(&upload, &Round::default()).await?;
        ensure!(sent, "the deployment has no queue");
        Ok(())
    }

    /// Uploads a scan with a key that was not used before, and waits for the end of its run.
    ///
    /// # Errors
    ///
    /// If the upload fails, or no run of it ends in time.
    pub async fn export(&self, key: &str, bytes: Vec<u8>) -> Result<RunReport> {
        let url = self.upload(key, bytes).await?;
        self.run_of(&url).await
    }

    /// Waits for the end of an upload's newest run. Returns its full report.
    ///
    /// # Errors
    ///
    /// If no run ends in time. The error contains the end of the function's log.
    pub async fn run_of(&self, url: &str) -> Result<RunReport> {
        let look = || async { Ok(self.runs_of(url).await?.into_iter().next()) };
        let run = wait_for(&format!("a run of {url}"), look).await.map_err(|error| error.context(self.end_of_log()))?;
        self.cloud.run(&run.run_id).await?.with_context(|| format!("run {} not found", run.run_id))
    }

    /// Runs `hubctl` as an operator of the deployment does, and parses its JSON output.
    ///
    /// # Errors
    ///
    /// If it does not start, or its output is not JSON.
    pub fn hubctl(&self, arguments: &[&str]) -> Result<Ended> {
        let mut command = Command::new(&self.hubctl);
        command.args(arguments).args(["--stack", &self.stack_name, "--output", "json"]);
        let ended = command.output().with_context(|| format!("start {}", self.hubctl.display()))?;
        let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
        let json = serde_json::from_slice(&ended.stdout).with_context(|| format!("hubctl {arguments:?}: {stderr}"))?;
        Ok(Ended { exit: ended.status.code(), json, stderr })
    }

    /// Waits for the end of the newest run of a job for another run. Returns its full report.
    ///
    /// # Errors
    ///
    /// If no such run ends in time.
    pub async fn run_about(&self, run_id: &str) -> Result<RunReport> {
        let is_it = |run: &RunReport| run.source_run_id.as_deref() == Some(run_id) && run.status != RunStatus::Running;
        let look = || async { Ok(self.cloud.list_runs(RUNS_MAX, None).await?.into_iter().find(is_it)) };
        let run =
            wait_for(&format!("a run about {run_id}"), look).await.map_err(|error| error.context(self.end_of_log()))?;
        self.cloud.run(&run.run_id).await?.with_context(|| format!("run {} not found", run.run_id))
    }

    /// The completed runs of an upload, newest first, as summaries in the table.
    ///
    /// # Errors
    ///
    /// If the table is unavailable.
    pub async fn runs_of(&self, url: &str) -> Result<Vec<RunReport>> {
        let mut runs = self.cloud.list_runs(RUNS_MAX, None).await?;
        runs.retain(|run| run.upload.source == url && run.status != RunStatus::Running);
        Ok(runs)
    }

    fn end_of_log(&self) -> String {
        const LINES: usize = 20;
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        format!("the end of {}:\n{}", self.log.display(), lines[lines.len().saturating_sub(LINES)..].join("\n"))
    }

    /// Makes a call to the local AWS that the product itself never makes.
    fn call(&self, target: &str, service: &str, body: &Value) -> Result<Value> {
        let request = ureq::post(&self.aws_url)
            .header("Authorization", signature(service)?)
            .header("Content-Type", "application/x-amz-json-1.0")
            .header("X-Amz-Target", target);
        let mut response = request.send(body.to_string()).with_context(|| format!("call {target}"))?;
        Ok(response.body_mut().read_json()?)
    }
}

/// The `Authorization` header. The local AWS doesn't verify signatures; the scope identifies the caller.
fn signature(service: &str) -> Result<String> {
    let (key, region) = (env::var("AWS_ACCESS_KEY_ID")?, env::var("AWS_REGION")?);
    let scope = format!("Credential={key}/20250101/{region}/{service}/aws4_request");
    Ok(format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0"))
}

/// An account's integration with its role; other settings have their defaults.
///
/// # Errors
///
/// If `account` is not an account ID.
pub fn by_role(account: &str) -> Result<Integration> {
    by_role_and(account, Some(EXTERNAL_ID))
}

/// An account's integration with another External ID, or none.
///
/// # Errors
///
/// If `account` is not an account ID.
pub fn by_role_and(account: &str, external_id: Option<&str>) -> Result<Integration> {
    let arn = format!("arn:aws:iam::{account}:role/{ROLE}");
    let role = Role { external_id: external_id.map(str::to_owned), ..Role::new(arn) };
    let account: AccountId = account.parse()?;
    Ok(Integration { credentials: Some(Credentials::Default { role: Some(role) }), ..Integration::new(account) })
}
