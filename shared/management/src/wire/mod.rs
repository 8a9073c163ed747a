//! What travels: the bodies of requests and answers. Their names are the product's words; a field that is not here is
//! refused by its name.

mod credentials;
mod integration;
mod list;
mod mirror;
mod order;
mod provider;
pub mod words;

pub use credentials::{CredentialsBody, CredentialsView, RoleBody, RoleView, SecretText};
pub use integration::{
    ConnectionSummary, IntegrationBody, IntegrationPatch, IntegrationView, LeftBehind, ScanSourceBody, Test,
    TestedAccounts, Waiting,
};
pub use list::{
    AuditList, ConnectionList, IntegrationList, List, OrderList, PendingList, ProviderList, QuarantineList,
    QuarantinedRun, QuarantinedRunList, RegionList, RegionView, RunList,
};
pub use mirror::{AuditEntry, Connection, PendingFinding, Run};
pub use order::{ApprovalBody, OrderView};
pub use provider::{ProviderBody, ProviderPatch, ProviderView};
