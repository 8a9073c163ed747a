//! What all pages share.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::client::Client;
use crate::connections::Snapshot;
use crate::guard::Gate;
use crate::histories::Histories;
use crate::messages::Messages;
use crate::ports::Workbench;
use crate::settings::Settings;

/// The console.
pub(crate) struct App {
    pub(crate) client: Client,
    pub(crate) workbench: Option<Arc<dyn Workbench>>,
    pub(crate) settings: Settings,
    pub(crate) gate: Arc<Gate>,
    pub(crate) messages: Messages,
    pub(crate) connections: Snapshot,
    pub(crate) histories: Histories,
    /// Event streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
}
