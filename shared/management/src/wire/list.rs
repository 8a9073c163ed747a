//! Lists and other responses.

use std::collections::BTreeMap;

use asff::{Availability, RegionName};
use exporter::connection::Connection;
use exporter::ports::settings_store::{AuditEntry, ListPage};
use exporter::report::{PendingFinding, RunReport};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{IntegrationView, JobView, ProviderView};

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The `after` parameter of the next page; null at the end.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// Converts each entry of a page.
    pub fn of<S>(part: ListPage<S>, each: impl Fn(S) -> T) -> Self {
        Self { items: part.entries.into_iter().map(each).collect(), next: part.next }
    }
}

/// Defines the list of one resource, for the API's description.
macro_rules! list {
    ($name:ident, $item:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
        pub struct $name {
            /// The entries.
            pub items: Vec<$item>,
            /// The `after` parameter of the next page; null at the end.
            #[schema(required = true)]
            pub next: Option<String>,
        }
    };
}

list!(ProviderList, ProviderView, "A page of the providers, by ID.");
list!(IntegrationList, IntegrationView, "A page of the integrations, by ID.");
list!(ConnectionList, Connection, "A page of an integration's accounts, by account ID.");
list!(RunList, RunReport, "A page of the runs, newest first, without Regions and most accounts.");
list!(JobList, JobView, "A page of the jobs, newest first.");
list!(AuditList, AuditEntry, "A page of the audit log, newest entry first.");
list!(QuarantinedRunList, QuarantinedRun, "A page of the runs with quarantined findings, newest first.");
list!(QuarantineList, Object, "A page of a run's quarantined findings, in the order of the file.");
list!(
    PendingList,
    PendingFinding,
    "A page of a run's findings that require approval to be archived, in the order of the run."
);
list!(RegionList, RegionView, "The Regions known to this release, by name.");

/// Any JSON object.
type Object = serde_json::Map<String, serde_json::Value>;

/// A run with quarantined findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedRun {
    /// The run.
    pub run_id: String,
    /// Start time.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// URL of the upload.
    pub source: String,
    /// Number of quarantined findings by error code.
    pub quarantined: BTreeMap<String, u64>,
}

impl QuarantinedRun {
    /// Converts a run. `None` if the run has no quarantined findings.
    pub fn of(run: &RunReport) -> Option<Self> {
        let quarantined = run.in_quarantine();
        (!quarantined.is_empty()).then(|| Self {
            run_id: run.run_id.clone(),
            started_at: run.started_at,
            source: run.upload.source.clone(),
            quarantined,
        })
    }
}

/// A Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegionView {
    /// Its name.
    pub name: RegionName,
    /// Its partition.
    pub partition: String,
    /// How the Region is enabled for an account.
    pub availability: Availability,
}
