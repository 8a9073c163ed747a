//! What management needs of the world beside what the exporter keeps: checks on demand, and work for the exporter.

use std::future::Future;

use exporter::connection::Connection;
use exporter::order::{OrderLog, OrderRecord};
use exporter::ports::{Accounts, Clock, PortError};
use exporter::provider::ProviderId;
use exporter::registry::{Audit, CheckLog, Page, Part, Registry, RunLog, Secrets};

/// All that management needs.
pub trait Ports:
    Registry + Audit + Secrets + CheckLog + RunLog + Accounts + Clock + Tests + Orders + OrderLog + Send + Sync + 'static
{
}

impl<T> Ports for T where
    T: Registry
        + Audit
        + Secrets
        + CheckLog
        + RunLog
        + Accounts
        + Clock
        + Tests
        + Orders
        + OrderLog
        + Send
        + Sync
        + 'static
{
}

/// Checks connections when an operator asks.
pub trait Tests {
    /// Checks every account that the provider's integration reaches, and keeps what it found. Of an organisation's accounts
    /// those of which something is known.
    fn test(&self, provider: &ProviderId) -> impl Future<Output = Result<Vec<Connection>, PortError>> + Send;
}

/// Gives the exporter work to do.
pub trait Orders {
    /// Records an order and places it. When this returns the order won't be lost; it is carried out once, though it may be
    /// tried more often.
    fn place(&self, record: &OrderRecord) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Puts a job that failed on the queue again ([`exporter::order::retry`]). Its record then; none, and nothing done, if it
    /// has not failed.
    fn retry(&self, record: &OrderRecord) -> impl Future<Output = Result<Option<OrderRecord>, PortError>> + Send;

    /// Orders, newest first.
    fn orders(&self, page: &Page) -> impl Future<Output = Result<Part<OrderRecord>, PortError>> + Send;
}

/// Who asks: an ARN, as far as the host knows it. The host adds it to the request's extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub String);

impl Default for Caller {
    /// Somebody; the host does not know who.
    fn default() -> Self {
        Self("unknown".to_owned())
    }
}
