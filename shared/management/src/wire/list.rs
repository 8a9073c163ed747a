//! Lists, and the answers that are no thing of their own.

use std::collections::BTreeMap;

use asff::{Availability, RegionName};
use exporter::connection::Connection;
use exporter::registry::{AuditEntry, ListPage};
use exporter::report::{PendingFinding, RunReport};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{IntegrationView, JobView, ProviderView};

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The `after` of the next part; null at the end.
    pub next: Option<String>,
}

impl<T> List<T> {
    /// A part, with each entry as it travels.
    pub fn of<S>(part: ListPage<S>, each: impl Fn(S) -> T) -> Self {
        Self { items: part.entries.into_iter().map(each).collect(), next: part.next }
    }
}

/// The list of one kind, for the API's description.
macro_rules! list {
    ($name:ident, $item:ty, $doc:literal) => {
        #[doc = $doc]
        #[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
        pub struct $name {
            /// The entries.
            pub items: Vec<$item>,
            /// The `after` of the next part; null at the end.
            #[schema(required = true)]
            pub next: Option<String>,
        }
    };
}

list!(ProviderList, ProviderView, "A part of the providers, by id.");
list!(IntegrationList, IntegrationView, "A part of the integrations, by id.");
list!(ConnectionList, Connection, "A part of an integration's accounts, by account.");
list!(RunList, RunReport, "A part of the runs, newest first, shortened: Regions and most accounts are left out.");
list!(JobList, JobView, "A page of the jobs, newest first.");
list!(AuditList, AuditEntry, "A part of the audit log of changes, newest first.");
list!(QuarantinedRunList, QuarantinedRun, "A part of the runs that left something in quarantine, newest first.");
list!(QuarantineList, Object, "A part of a run's quarantine, in the order of the file.");
list!(
    PendingList,
    PendingFinding,
    "A page of the findings of a run that are archived upon approval, in the order in which the run wrote them."
);
list!(RegionList, RegionView, "The Regions that this version knows, by name.");

/// Anything.
type Object = serde_json::Map<String, serde_json::Value>;

/// A run that left findings in quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantinedRun {
    /// The run.
    pub run_id: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// What it exported.
    pub source: String,
    /// Findings that lie there now, by the reason's short name.
    pub quarantined: BTreeMap<String, u64>,
}

impl QuarantinedRun {
    /// A run, if something of it is in quarantine.
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
    /// The partition that it belongs to.
    pub partition: String,
    /// How an account gets it.
    pub availability: Availability,
}
