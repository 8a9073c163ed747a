//! `explain`: the export history of one finding, and the reason for its current state. Changes nothing.

mod active;
mod exported;
mod run_note;

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::active::StaysActive;
use self::active::{absences, stays_active};
pub use self::exported::{ExportedState, FindingName};
use self::run_note::{Sent, describe_run, sender};
use crate::account::regions_with_state;
use crate::model::integration::Integration;
use crate::ports::{ConnectError, Hub, Hubs, PortError, Ports};
use crate::quarantine::EntryReader;
use crate::quarantine::Stage;
use crate::report::RunReport;
use crate::selection::route::{Route, route};
use crate::state::{Entry, FindingKey, Stored, find_entry, status_of};

/// The export history of one finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// ID of the finding.
    pub id: String,
    /// The parts of the ID.
    pub name: FindingName,
    /// Its entries in the Region states, one for each Region to which it was sent, possibly including the fallback Region.
    pub exported_state: Vec<ExportedState>,
    /// Its entries in quarantines.
    pub quarantine: Vec<QuarantinedEntry>,
    /// The account's last runs, newest first, and what each run did with the finding.
    pub runs: Vec<RunNote>,
    /// Why it stays active, if archiving it requires approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays_active: Option<StaysActive>,
    /// Its current state in Security Hub, if it was fetched.
    pub security_hub: Vec<HubState>,
    /// Other facts about it, one sentence each.
    pub notes: Vec<String>,
}

/// An entry of a quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuarantinedEntry {
    /// The run that quarantined it.
    pub run_id: String,
    /// Number of the entry, from 1.
    pub entry: usize,
    /// The stage that rejected it.
    pub stage: Stage,
    /// The code.
    pub code: String,
    /// The reason.
    pub message: String,
}

/// What a run did with the finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunNote {
    /// The run.
    pub run_id: String,
    /// When it began.
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub started_at: Timestamp,
    /// Description of what the run did.
    pub note: String,
}

/// State of the finding in Security Hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HubState {
    /// The Region.
    pub region: RegionName,
    /// Why Security Hub could not be queried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `ACTIVE` or `ARCHIVED`. Null if the finding does not exist.
    pub record_state: Option<String>,
    /// Workflow status that analysts set: `NEW`, `NOTIFIED`, `SUPPRESSED`, `RESOLVED`.
    pub workflow: Option<String>,
    /// `PASSED`, `FAILED`, ...
    pub status: Option<String>,
    /// When it was last updated.
    pub updated_at: Option<String>,
}

/// Explains a finding from the account's last `runs`, newest first. With `live`, also queries Security Hub.
///
/// # Errors
///
/// If the state bucket or the table is unavailable.
pub async fn explain<P: Ports>(
    ports: &P,
    id: &str,
    name: FindingName,
    runs: &[RunReport],
    live: bool,
) -> Result<Explanation, PortError> {
    let integration = ports.integration(&name.account).await?;
    let regions = asff::Regions::known();
    let (mut exported, mut notes) = (Vec::new(), Vec::new());
    for region in regions_with_state(ports, name.account).await? {
        match find_entry(ports, name.account, region, FindingKey::from_id(id)).await? {
            Ok(entry) => exported.extend(
                entry
                    .filter(|entry| !entry.meta.is_tombstone())
                    .map(|entry| describe(name.account, region, &entry, runs, &regions)),
            ),
            Err(error) => {
                notes.push(format!("the state of {region} is invalid, and the next run rebuilds it: {error}"));
            }
        }
    }
    notes.extend(remarks(integration.as_ref(), &name));
    notes.extend(absences(&exported, integration.as_ref()));
    let stays_active = stays_active(ports, &name, id, &exported, runs).await?;
    let mut quarantine = Vec::new();
    for run in runs.iter().filter(|run| !run.in_quarantine().is_empty()) {
        quarantine.extend(find_in_quarantine(ports, run, id).await?);
    }
    let sent: Vec<Sent<'_>> = exported.iter().map(Sent::from).collect();
    let notes_of_runs = runs.iter().filter(|run| run.accounts.contains_key(&name.account));
    let notes_of_runs = notes_of_runs.map(|run| RunNote {
        run_id: run.run_id.clone(),
        started_at: run.started_at,
        note: describe_run(
            run,
            name.account,
            name.region,
            &sent,
            quarantine.iter().any(|entry: &QuarantinedEntry| entry.run_id == run.run_id),
        ),
    });
    let runs = notes_of_runs.collect();
    let security_hub =
        if live { query_hub(ports, integration.as_ref(), id, &name, &exported).await } else { Vec::new() };
    Ok(Explanation {
        id: id.to_owned(),
        name,
        exported_state: exported,
        quarantine,
        runs,
        stays_active,
        security_hub,
        notes,
    })
}

fn describe(
    account: AccountId,
    region: RegionName,
    entry: &Entry,
    runs: &[RunReport],
    regions: &asff::Regions,
) -> ExportedState {
    let time = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default();
    let finding: Value = serde_json::from_slice(&entry.json).unwrap_or_default();
    let status = status_of(&entry.meta, &entry.json, regions).as_str();
    let archived_as =
        matches!(entry.meta.stored, Stored::Archived(_)).then(|| match &finding["Compliance"]["Status"] {
            Value::String(now) if now != status && now == "PASSED" => "passed",
            Value::String(now) if now != status => "muted",
            _ => "absent",
        });
    let last_sent = time(entry.meta.sent_ms);
    ExportedState {
        region,
        state: match entry.meta.stored {
            Stored::Active(_) => "active",
            Stored::Archived(_) => "archived",
            Stored::Uncertain => "uncertain",
        }
        .to_owned(),
        status: status.to_owned(),
        archived_as: archived_as.map(str::to_owned),
        absent: matches!(entry.meta.stored, Stored::Active(_)).then_some(entry.meta.absent).filter(|scans| *scans > 0),
        first_seen: time(entry.meta.first_seen_ms),
        last_sent,
        updated_at: time(entry.meta.updated_ms),
        content: format!("{:016x}", entry.meta.content),
        sent_by: sender(runs, account, last_sent).map(|run| run.run_id.clone()),
        finding,
    }
}

/// The effects of the settings on the finding.
fn remarks(integration: Option<&Integration>, name: &FindingName) -> Vec<String> {
    let account = name.account;
    let Some(integration) = integration else {
        return vec![format!("account {account} has no integration, so nothing is sent for it")];
    };
    let mut notes = Vec::new();
    if !integration.enabled {
        notes.push(format!("the integration of account {account} is disabled, so nothing is sent for it"));
    }
    match route(integration, name.region) {
        Route::Own => {}
        Route::Fallback(region) => notes.push(format!("the integration sends findings of {} to {region}", name.region)),
        Route::NotInIntegration => notes.push(format!("the integration omits {}", name.region)),
    }
    notes
}

async fn find_in_quarantine<P: Ports>(
    ports: &P,
    run: &RunReport,
    id: &str,
) -> Result<Vec<QuarantinedEntry>, PortError> {
    let mut found = Vec::new();
    let Some(mut lines) = EntryReader::open(ports, &run.run_id).await? else { return Ok(found) };
    let mut number = 0;
    while let Some((entry, _)) = lines.next().await? {
        number += 1;
        if entry.id.as_deref() == Some(id) {
            let (stage, code, message) = (entry.stage, entry.code, entry.message);
            found.push(QuarantinedEntry { run_id: run.run_id.clone(), entry: number, stage, code, message });
        }
    }
    Ok(found)
}

/// Queries Security Hub in the Regions to which the finding was sent, or else in its own Region.
async fn query_hub<P: Ports>(
    ports: &P,
    integration: Option<&Integration>,
    id: &str,
    name: &FindingName,
    exported: &[ExportedState],
) -> Vec<HubState> {
    let mut regions: Vec<RegionName> = exported.iter().map(|exported| exported.region).collect();
    if regions.is_empty() {
        regions.push(name.region);
    }
    let nothing = |region: RegionName| HubState {
        region,
        error: None,
        record_state: None,
        workflow: None,
        status: None,
        updated_at: None,
    };
    let failed = |region: RegionName, error: String| HubState { error: Some(error), ..nothing(region) };
    let Some(integration) = integration else {
        let error = "no integration has credentials for the account";
        return regions.into_iter().map(|region| failed(region, error.to_owned())).collect();
    };
    let hub = match Hubs::connect(ports, name.account, integration).await {
        Ok(hub) => hub,
        Err(error @ (ConnectError::Rejected(_) | ConnectError::Failed(_))) => {
            return regions.into_iter().map(|region| failed(region, error.to_string())).collect();
        }
    };
    let mut states = Vec::new();
    for region in regions {
        states.push(match hub.finding(&region, id).await {
            Err(error) => failed(region, error.to_string()),
            Ok(None) => nothing(region),
            Ok(Some(finding)) => {
                let finding: Value = serde_json::from_slice(&finding).unwrap_or_default();
                let text = |value: &Value| value.as_str().map(str::to_owned);
                HubState {
                    record_state: text(&finding["RecordState"]),
                    workflow: text(&finding["Workflow"]["Status"]),
                    status: text(&finding["Compliance"]["Status"]),
                    updated_at: text(&finding["UpdatedAt"]),
                    ..nothing(region)
                }
            }
        });
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_contains_check_account_region_and_hash() {
        let parts = |id: &str| {
            FindingName::parse(id).map(|name| format!("{} {} {} {}", name.check, name.account, name.region, name.hash))
        };
        let short = "prowler-s3_bucket_public_access-123456789012-eu-west-1-0123456ab";
        assert_eq!(parts(short).unwrap(), "s3_bucket_public_access 123456789012 eu-west-1 0123456ab");
        // A check may contain hyphens, and even 12 digits.
        let odd = "prowler-own-check-111111111111-b-123456789012-us-gov-west-1-0123456789abcdef0123456789abcdef";
        assert_eq!(
            parts(odd).unwrap(),
            "own-check-111111111111-b 123456789012 us-gov-west-1 0123456789abcdef0123456789abcdef"
        );
        for id in [
            "",
            "prowler-",
            "arn:aws:securityhub:x",
            "prowler-c-123456789012-eu-west-1",
            "prowler--123456789012-x-0123456ab",
        ] {
            assert_eq!(parts(id), None, "{id}");
        }
    }
}
