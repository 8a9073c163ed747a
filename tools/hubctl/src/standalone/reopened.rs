//! Runs of exports without a deployment, found again by the commands that look at them, approve, replay or undo them: each run
//! keeps its settings beside its report.

use anyhow::Result;
use asff::AccountId;
use aws::SdkConfig;
use bytes::Bytes;
use clap::builder::{OsStringValueParser, TypedValueParser};
use exporter::integration::Integration;
use exporter::jobs::read_report;
use exporter::ports::{ObjectWriter as _, Objects as _, PortError, PutMode};
use exporter::report::{RunKind, RunReport};

use super::options::any_account;
use super::{Place, Standalone};
use crate::config::Global;
use crate::deployment::{no_region, port};
use crate::exit::{Exit, Failure};

/// The Region to make clients for that call no AWS service of a Region.
const ANY_REGION: &str = "us-east-1";
/// Bytes of a run's ID at most: it becomes a part of a path.
const RUN_ID_BYTES_MAX: usize = 64;

/// Where exports without a deployment keep their state.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct StateOption {
    // Not a doc comment: an address would want brackets there.
    #[arg(help = "Runs of exports without a deployment: the folder, or s3://BUCKET/PREFIX, that --state named there")]
    #[arg(long = "state", global = true, value_name = "PLACE", help_heading = "Deployment")]
    #[arg(value_parser = OsStringValueParser::new().try_map(Place::parse), conflicts_with = "local")]
    pub(crate) place: Option<Place>,
}

/// The same for a command that reaches no deployment by its function.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct StateOnly {
    // Not a doc comment: an address would want brackets there.
    #[arg(help = "Runs of exports without a deployment: the folder, or s3://BUCKET/PREFIX, that --state named there")]
    #[arg(long = "state", value_name = "PLACE", help_heading = "Deployment")]
    #[arg(value_parser = OsStringValueParser::new().try_map(Place::parse))]
    pub(crate) place: Option<Place>,
}

impl Standalone {
    /// The state in a place, for reading. It must be there.
    pub(crate) async fn open(place: &Place, global: &Global) -> Result<Self> {
        if let Place::Folder(path) = place
            && !path.is_dir()
        {
            return Err(Failure::new(Exit::Error, format!("there is no folder {}", path.display()))
                .hint("--state names the folder, or the s3://BUCKET/PREFIX, that the export named")
                .into());
        }
        let config = match place {
            Place::Folder(_) => config(global, Some(ANY_REGION)).await?,
            Place::Bucket { .. } => config(global, None).await?,
        };
        Ok(Self::new(place, &config, Integration::new(any_account()?)))
    }

    /// The same with the settings of a run.
    pub(crate) async fn open_as(place: &Place, run_id: &str, global: &Global) -> Result<Self> {
        let opened = Self::open(place, global).await?;
        let settings = opened.settings(run_id).await.map_err(|error| port(&error))?;
        let Some(settings) = settings else {
            let message = format!("the settings of run {run_id} are not in {place}: an earlier version made it");
            return Err(Failure::new(Exit::Error, message)
                .hint("export the scan again, with --standalone and the same options")
                .into());
        };
        let first = settings.regions.iter().flatten().next().map(ToString::to_string);
        let config = config(global, first.as_deref()).await?;
        Ok(Self::new(place, &config, settings))
    }

    /// The same with the settings that the newest of these runs had, if any has some.
    pub(crate) async fn open_as_newest(place: &Place, runs: &[RunReport], global: &Global) -> Result<Self> {
        let opened = Self::open(place, global).await?;
        for run in runs.iter().filter(|run| run.kind == RunKind::Export) {
            if opened.settings(&run.run_id).await.map_err(|error| port(&error))?.is_some() {
                return Self::open_as(place, &run.run_id, global).await;
            }
        }
        Ok(opened)
    }

    /// A run that there must be.
    pub(crate) async fn find_run(&self, run_id: &str) -> Result<RunReport, Failure> {
        let missing = || {
            Failure::new(Exit::Error, format!("there is no run {run_id} in {}", self.store))
                .hint(format!("hubctl run list --state {} shows those there are", self.store))
        };
        let ours = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        if run_id.len() > RUN_ID_BYTES_MAX || !run_id.bytes().all(ours) {
            return Err(missing());
        }
        read_report(self, run_id).await.map_err(|error| port(&error))?.ok_or_else(missing)
    }

    /// The newest runs, of one account or of all.
    pub(crate) async fn list_runs(&self, limit: usize, account: Option<AccountId>) -> Result<Vec<RunReport>, Failure> {
        let keys = self.keys("runs/").await.map_err(|error| port(&error))?;
        let id = |key: &String| Some(key.strip_prefix("runs/")?.strip_suffix("/report.json")?.to_owned());
        let mut ids: Vec<String> = keys.iter().filter_map(id).collect();
        // An ID begins with the time.
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

    /// Keeps the settings of a run that begins.
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

/// The configuration of AWS, with this Region if nothing names another.
async fn config(global: &Global, region: Option<&str>) -> Result<SdkConfig> {
    let profile = global.profile.as_deref();
    let config = aws::sdk_config_of(profile, global.region.as_deref()).await;
    if config.region().is_some() {
        return Ok(config);
    }
    let region = region.ok_or_else(no_region)?;
    Ok(aws::sdk_config_of(profile, Some(region)).await)
}
