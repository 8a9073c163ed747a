//! The bodies of requests and responses. An unknown field is rejected, and the error contains its name.

mod attention;
mod credentials;
mod filter;
mod history;
mod integration;
mod job;
mod list;
mod provider;
mod settings;
mod values;

pub use attention::{AttentionItem, AttentionKind, AttentionList};
pub use credentials::{CredentialsBody, CredentialsView, RoleBody, RoleView, SecretText};
pub use filter::{ConnectionFilter, IntegrationFilter, IntegrationState, RunFilter};
pub use history::{HistoryItem, HistoryList};
pub use integration::{
    ConnectionSummary, IntegrationBody, IntegrationPatch, IntegrationView, LastRun, OrphanedFindings, PendingUploads,
    Test, TestedAccounts,
};
pub use job::{ApprovalBody, ExplainBody, JobView, PlanBody, ReasonBody};
pub use list::{
    AuditList, ConnectionList, IntegrationList, JobList, List, PendingList, ProviderList, QuarantineList,
    QuarantinedRun, QuarantinedRunList, RegionList, RegionView, RunList,
};
pub use provider::{ProviderBody, ProviderPatch, ProviderView};
pub use settings::{IntegrationFields, SettingValues};
pub use values::{ConnectionStatus, CredentialsKind, ProviderKind, TestOutcome};
