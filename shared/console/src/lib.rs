//! The operators' web console: pages over the management API, for one operator, on the operator's own machine.
//!
//! [`console`] makes a router of the ports and settings; the host binds 127.0.0.1, prints the link of the [`Gate`], and serves
//! the router. A page is: read, view, render. No page calls AWS, and no template computes.
//!
//! Guarantees: a `GET` changes nothing; each change comes from the console's own pages, in the browser that was
//! opened with the link; text from scans is shown as text; secrets go in and never come out. `tests/console` names each.

mod account_sums;
mod app;
mod assets;
mod chart;
mod client;
mod connections;
mod counts;
mod exports;
mod fingerprint;
mod form;
mod guard;
mod histories;
mod messages;
mod numbered;
mod pages;
mod plans;
pub mod ports;
mod settings;
mod task;
mod test_all;
mod upload;
mod view;
mod visit;

use std::sync::Arc;

use axum::Router;
use tower_http::compression::CompressionLayer;

pub use self::guard::Gate;
pub use self::ports::{Api, DeploymentCheck, ExportSource, InProcess, Permissions, Unavailable, Workbench};
pub use self::settings::{PORT_DEFAULT, Settings};

/// Event streams at once: pages that watch a job.
const STREAMS_MAX: usize = 8;

/// State of the console.
#[derive(Clone)]
pub struct Ports {
    /// The management API.
    pub api: Arc<dyn Api>,
    /// The commands of this machine, if it has them.
    pub workbench: Option<Arc<dyn Workbench>>,
}

/// The console: its routes, and the gate that makes links to it.
pub fn console(ports: Ports, settings: Settings) -> (Router, Arc<Gate>) {
    let gate = Arc::new(Gate::new(settings.port, settings.now.clone()));
    let is_read_only = settings.is_read_only;
    let app = Arc::new(app::App {
        client: client::Client::new(ports.api),
        connections: connections::Snapshot::default(),
        account_sums: account_sums::AccountSums::default(),
        histories: histories::Histories::default(),
        workbench: ports.workbench,
        settings,
        gate: gate.clone(),
        messages: numbered::Numbered::new(messages::MESSAGES_MAX),
        plans: numbered::Numbered::new(plans::PLANS_MAX),
        exports: exports::Exports::default(),
        tests: numbered::Numbered::new(test_all::TESTS_MAX),
        counts: counts::Counts::default(),
        streams: Arc::new(tokio::sync::Semaphore::new(STREAMS_MAX)),
    });
    let router = pages::router(app).layer(CompressionLayer::new());
    let router = guard::protect(router, &gate, Arc::new(pages::unauthorized), is_read_only);
    (router, gate)
}
