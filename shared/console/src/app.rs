//! What all pages share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::account_sums::AccountSums;
use crate::client::Client;
use crate::connections::Snapshot;
use crate::counts::Counts;
use crate::exports::Exports;
use crate::guard::Gate;
use crate::histories::Histories;
use crate::messages::Message;
use crate::numbered::Numbered;
use crate::plans::FilePlan;
use crate::ports::Workbench;
use crate::settings::Settings;
use crate::test_all::TestAll;

/// The console.
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) workbench: Option<Arc<dyn Workbench>>,
    pub(crate) settings: Settings,
    pub(crate) gate: Arc<Gate>,
    /// Results of actions, for the pages that follow them.
    pub(crate) messages: Numbered<Message>,
    /// Plans of files; those of objects are jobs of the deployment.
    pub(crate) plans: Numbered<Arc<FilePlan>>,
    pub(crate) exports: Exports,
    /// Tests of all integrations.
    pub(crate) tests: Numbered<TestAll>,
    pub(crate) counts: Counts,
    pub(crate) connections: Snapshot,
    pub(crate) histories: Histories,
    pub(crate) account_sums: AccountSums,
    /// Event streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
}
