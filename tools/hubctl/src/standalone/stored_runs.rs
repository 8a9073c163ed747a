//! Stored runs of standalone exports, for the commands that show, approve, replay, or undo them: the settings of each run are
//! stored next to its report.

use anyhow::Result;
use asff::AccountId;
use aws::SdkConfig;
use bytes::Bytes;
use clap::builder::{OsStringValueParser, TypedValueParser};
use exporter::jobs::read_report;
use exporter::model::integration::Integration;
use exporter::ports::{ObjectWriter as _, Objects as _, PortError, PutMode};
use exporter::report::{RunKind, RunReport};

use super::options::any_account;
use super::{Standalone, StateLocation};
use crate::config::Global;
use crate::deployment::{no_region, port};
use crate::exit::{Exit, Failure};

/// Placeholder Region for clients that make no regional calls.
const ANY_REGION: &str = "us-east-1";
/// Maximum size of a run ID, in bytes: it is part of a path.
const RUN_ID_BYTES_MAX: usize = 64;

/// The state of standalone exports.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct StateOption {
    // Not a doc comment: rustdoc would require brackets around the URL.
    #[arg(
        help = "State of standalone exports: the directory or s3://BUCKET/PREFIX that was given to `hubctl export --state`"
    )]
    #[arg(long = "state", global = true, value_name = "LOCATION", help_heading = "Deployment")]
    #[arg(value_parser = OsStringValueParser::new().try_map(StateLocation::parse), conflicts_with = "local")]
    pub(crate) location: Option<StateLocation>,
}

impl Standalone {
    /// Opens an existing state.
    pub(crate) async fn open(location: &StateLocation, global: &Global) -> Result<Self> {
        if let StateLocation::Directory(path) = location
            && !path.is_dir()
        {
            return Err(Failure::new(Exit::Error, format!("directory {} not found", path.display()))
                .hint("--state must be the directory or s3://BUCKET/PREFIX of the export")
                .into());
        }
        let config = match location {
            StateLocation::Directory(_) => config(global, Some(ANY_REGION)).await?,
            StateLocation::Bucket { .. } => config(global, None).await?,
        };
        Ok(Self::new(location, &config, Integration::new(any_account()?)))
    }

    /// Opens a state with the settings of a run.
    pub(crate) async fn open_as(location: &StateLocation, run_id: &str, global: &Global) -> Result<Self> {
        let opened = Self::open(location, global).await?;
        let settings = opened.settings(run_id).await.map_err(|error| port(&error))?;
        let Some(settings) = settings else {
            let message = format!("the settings of run {run_id} are not in {location}: an earlier release recorded it");
            return Err(Failure::new(Exit::Error, message)
                .hint("export the scan again, with --standalone and the same options")
                .into());
        };
        let first = settings.regions.iter().flatten().next().map(ToString::to_string);
        let config = config(global, first.as_deref()).await?;
        Ok(Self::new(location, &config, settings))
    }

    /// Opens a state with the settings of the newest of these runs that has settings.
    pub(crate) async fn open_as_newest(location: &StateLocation, runs: &[RunReport], global: &Global) -> Result<Self> {
        let opened = Self::open(location, global).await?;
        for run in runs.iter().filter(|run| run.kind == RunKind::Export) {
            if opened.settings(&run.run_id).await.map_err(|error| port(&error))?.is_some() {
                return Self::open_as(location, &run.run_id, global).await;
            }
        }
        Ok(opened)
    }

    /// Reads a run, which must exist.
    pub(crate) async fn find_run(&self, run_id: &str) -> Result<RunReport, Failure> {
        let missing = || {
            Failure::new(Exit::Error, format!("run {run_id} not found in {}", self.store))
                .hint(format!("to list runs: hubctl run list --state {}", self.store))
        };
        let ours = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        if run_id.len() > RUN_ID_BYTES_MAX || !run_id.bytes().all(ours) {
            return Err(missing());
        }
        read_report(self, run_id).await.map_err(|error| port(&error))?.ok_or_else(missing)
    }

    /// The newest runs, of one account or all.
    pub(crate) async fn list_runs(&self, limit: usize, account: Option<AccountId>) -> Result<Vec<RunReport>, Failure> {
        let keys = self.keys("runs/").await.map_err(|error| port(&error))?;
        let id = |key: &String| Some(key.strip_prefix("runs/")?.strip_suffix("/report.json")?.to_owned());
        let mut ids: Vec<String> = keys.iter().filter_map(id).collect();
        // Run IDs are ordered by time.
        ids.sort_unstable_by(|one, other| other.cmp(one));
        let mut runs = Vec::new();
        for id in ids {
            if runs.len() == limit {
                break;
            }
            let report = read_report(self, &id).await.map_err(|error| port(&error))?;
            runs.extend(report.filter(|run| account.is_none_or(|account| run.accounts.contains_key(&account))));
        }
        Ok(runs)
    }

    async fn settings(&self, run_id: &str) -> Result<Option<Integration>, PortError> {
        Ok(self.store.record(&settings_key(run_id)).await?.0)
    }

    /// Writes the settings of a run that starts.
    pub(super) async fn write_settings(&self, run_id: &str) -> Result<(), PortError> {
        let key = settings_key(run_id);
        let json = serde_json::to_vec_pretty(&self.template)
            .map_err(|error| PortError { action: format!("write {key}"), message: error.to_string() })?;
        let mut object = self.create(&key, PutMode::Overwrite).await?;
        object.write(Bytes::from(json)).await?;
        object.finish().await
    }
}

fn settings_key(run_id: &str) -> String {
    format!("runs/{run_id}/settings.json")
}

/// The SDK's configuration, with this Region as default.
async fn config(global: &Global, region: Option<&str>) -> Result<SdkConfig> {
    let profile = global.profile.as_deref();
    let config = aws::sdk_config_of(profile, global.region.as_deref()).await;
    if config.region().is_some() {
        return Ok(config);
    }
    let region = region.ok_or_else(no_region)?;
    Ok(aws::sdk_config_of(profile, Some(region)).await)
}
