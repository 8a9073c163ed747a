//! What travels: the bodies of requests and answers. Their names are the product's words; a field that is not here is
//! refused by its name.

mod credentials;
mod integration;
mod job;
mod list;
mod mirror;
mod provider;
pub mod words;

pub use credentials::{CredentialsBody, CredentialsView, RoleBody, RoleView, SecretText};
pub use integration::{
    ConnectionSummary, IntegrationBody, IntegrationPatch, IntegrationView, OrphanedFindings, PendingUploads,
    ScanSourceBody, Test, TestedAccounts,
};
pub use job::{ApprovalBody, JobView};
pub use list::{
    AuditList, ConnectionList, IntegrationList, JobList, List, PendingList, ProviderList, QuarantineList,
    QuarantinedRun, QuarantinedRunList, RegionList, RegionView, RunList,
};
pub use mirror::{AuditEntry, Connection, PendingFinding, Run};
pub use provider::{ProviderBody, ProviderPatch, ProviderView};
