//! The kinds of jobs.

use std::fmt;

use asff::RegionName;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::provider::ProviderId;

/// A job. As JSON: `{"job": "undo_archive", "run_id": "..."}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "snake_case", deny_unknown_fields)]
pub enum Job {
    /// Export the upload of a run again.
    Replay {
        /// The run.
        run_id: String,
        /// Runs whose uploads follow, each after the previous one is complete: the oldest scan first, since it would be
        /// superseded after a newer one.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        next_run_ids: Vec<String>,
    },
    /// Export the upload of a run again, and archive what a user approved: by default, the pending findings above the
    /// limit.
    Approve {
        /// The run.
        run_id: String,
        /// Archive findings that the scan resolves, even above the limit. Implied if neither field is set.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        pending: bool,
        /// Archive unproven findings.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unproven: bool,
    },
    /// Reactivate the findings that a run archived.
    UndoArchive {
        /// The run.
        run_id: String,
    },
    /// Send the entries of the quarantine again.
    Redrive {
        /// The run that quarantined the entries. `None`: all runs with quarantined entries.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run_id: Option<String>,
        /// Only entries with this code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
    },
    /// Compare the findings in Security Hub with the state, and correct the differences.
    Reconcile {
        /// The account or the organization, which stands for every account that is exported with its integration.
        /// `None`: every account with a state.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider: Option<ProviderId>,
        /// Only these Regions. If empty: all Regions of the integration.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        regions: Vec<RegionName>,
        /// Compare, and change nothing.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        dry_run: bool,
    },
    /// Report what an export of an object would do.
    Plan {
        /// The object: `s3://BUCKET/KEY`.
        source: String,
    },
    /// Report all information about a finding.
    Explain {
        /// The ID of the finding in Security Hub.
        finding_id: String,
        /// Include the finding as it is in Security Hub now.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        live: bool,
    },
    /// Archive all findings that were sent for a provider.
    ArchiveAll {
        /// The account or the organization, which stands for every account that is exported with its integration.
        provider: ProviderId,
        /// When the deletion of the integration was requested. The job deletes it
        /// (`Integrations::delete_after_archive`) after all findings are archived. An integration that was created
        /// since, or whose deletion was canceled since, is left unchanged. `None`: the integration is not deleted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        deletion_requested_at: Option<Timestamp>,
    },
}

impl Job {
    /// Replays of runs, one after the other. `None` if there are no runs.
    pub fn replays(run_ids: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut run_ids = run_ids.into_iter();
        Some(Self::Replay { run_id: run_ids.next()?, next_run_ids: run_ids.collect() })
    }

    /// The name of the job in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Replay { .. } => "replay",
            Self::Approve { .. } => "approve",
            Self::UndoArchive { .. } => "undo_archive",
            Self::Redrive { .. } => "redrive",
            Self::Reconcile { .. } => "reconcile",
            Self::ArchiveAll { .. } => "archive_all",
            Self::Plan { .. } => "plan",
            Self::Explain { .. } => "explain",
        }
    }

    /// Whether the job reports and changes nothing.
    pub fn is_report(&self) -> bool {
        matches!(self, Self::Plan { .. } | Self::Explain { .. })
    }

    /// The run, the account, the organization, the upload, or the finding that the job is about. `None` if it is about
    /// all.
    pub fn target(&self) -> Option<String> {
        match self {
            Self::Replay { run_id, .. } | Self::Approve { run_id, .. } | Self::UndoArchive { run_id } => {
                Some(run_id.clone())
            }
            Self::Redrive { run_id, .. } => run_id.clone(),
            Self::Reconcile { provider, .. } => provider.as_ref().map(ToString::to_string),
            Self::ArchiveAll { provider, .. } => Some(provider.to_string()),
            Self::Plan { source } => Some(source.clone()),
            Self::Explain { finding_id, .. } => Some(finding_id.clone()),
        }
    }

    /// Whether each attempt at the job is one run.
    pub(super) fn has_one_run(&self) -> bool {
        matches!(
            self,
            Self::Replay { .. }
                | Self::Approve { .. }
                | Self::UndoArchive { .. }
                | Self::Redrive { run_id: Some(_), .. }
        )
    }

    /// The job that follows when this one is complete, or can't be run.
    pub fn next(&self) -> Option<Self> {
        match self {
            Self::Replay { next_run_ids, .. } => Self::replays(next_run_ids.iter().cloned()),
            _ => None,
        }
    }
}

impl fmt::Display for Job {
    /// The action of the job, to be written after "to".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replay { run_id, .. } => write!(formatter, "replay run {run_id}"),
            Self::Approve { run_id, .. } => write!(formatter, "approve run {run_id}"),
            Self::UndoArchive { run_id } => write!(formatter, "undo the archive of run {run_id}"),
            Self::Redrive { run_id: Some(run_id), .. } => write!(formatter, "redrive the quarantine of run {run_id}"),
            Self::Redrive { run_id: None, .. } => write!(formatter, "redrive all quarantines"),
            Self::Reconcile { provider: Some(provider), .. } => write!(formatter, "reconcile {provider}"),
            Self::Reconcile { provider: None, .. } => write!(formatter, "reconcile all accounts"),
            Self::ArchiveAll { provider, .. } => write!(formatter, "archive all the findings of {provider}"),
            Self::Plan { source } => write!(formatter, "plan the export of {source}"),
            Self::Explain { finding_id, .. } => write!(formatter, "explain the finding {finding_id}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_round_trip_through_json() {
        let read = |text: &str| serde_json::from_str::<Job>(text);
        let undo = Job::UndoArchive { run_id: "r".to_owned() };
        assert_eq!(read(r#"{"job":"undo_archive","run_id":"r"}"#).unwrap(), undo);
        assert_eq!(serde_json::to_string(&undo).unwrap(), r#"{"job":"undo_archive","run_id":"r"}"#);
        for (name, target) in [
            ("replay", r#""run_id":"r""#),
            ("approve", r#""run_id":"r""#),
            ("undo_archive", r#""run_id":"r""#),
            ("redrive", r#""run_id":"r""#),
            ("reconcile", r#""provider":"123456789012""#),
            ("archive_all", r#""provider":"123456789012""#),
            ("plan", r#""source":"s3://scans/a""#),
            ("explain", r#""finding_id":"prowler-a""#),
        ] {
            let job = read(&format!(r#"{{"job":"{name}",{target}}}"#)).unwrap();
            assert_eq!(job.name(), name);
            assert!(target.ends_with(&format!(r#""{}""#, job.target().unwrap())), "{name}");
        }
        let account = "123456789012".parse().unwrap();
        let deletion_requested_at = Some("2026-11-23T09:00:00Z".parse().unwrap());
        let archive_all = Job::ArchiveAll { provider: ProviderId::Account(account), deletion_requested_at };
        let text =
            format!(r#"{{"job":"archive_all","provider":"{account}","deletion_requested_at":"2026-11-23T09:00:00Z"}}"#);
        assert_eq!(read(&text).unwrap(), archive_all);
        let all = Job::Reconcile { provider: None, regions: Vec::new(), dry_run: false };
        assert_eq!(read(r#"{"job":"reconcile"}"#).unwrap(), all);
        assert_eq!(read(r#"{"job":"redrive"}"#).unwrap(), Job::Redrive { run_id: None, code: None });
        // A misspelled field must not widen the scope of a job.
        assert!(read(r#"{"job":"reconcile","regoins":["eu-west-1"]}"#).is_err());
        assert!(read(r#"{"job":"archive_all","account":"123456789012"}"#).is_err());
        assert!(read(r#"{"job":"unknown"}"#).is_err());
    }
}
