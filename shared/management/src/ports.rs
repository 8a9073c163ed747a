//! What management needs of the world beside what the exporter keeps: checks on demand, and work for the exporter.

use std::future::Future;

use asff::AccountId;
use exporter::connection::Connection;
use exporter::ports::{Accounts, Clock, PortError};
use exporter::provider::ProviderId;
use exporter::registry::{Audit, CheckLog, Registry, RunLog, Secrets};
use serde::{Deserialize, Serialize};

/// All that management needs.
pub trait Ports:
    Registry + Audit + Secrets + CheckLog + RunLog + Accounts + Clock + Tests + Orders + Send + Sync + 'static
{
}

impl<T> Ports for T where
    T: Registry + Audit + Secrets + CheckLog + RunLog + Accounts + Clock + Tests + Orders + Send + Sync + 'static
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
    /// Places an order. When this returns the order won't be lost, and may be carried out more than once.
    fn place(&self, order: &Order) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// Work for the exporter that no upload asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Export the upload of a run once more.
    Replay {
        /// The run.
        run_id: String,
    },
    /// The same, and archive whatever the scan shows to be over.
    Approve {
        /// The run.
        run_id: String,
    },
    /// Make active again what a run archived.
    UndoArchive {
        /// The run.
        run_id: String,
    },
    /// Send once more what a run put into quarantine.
    Redrive {
        /// The run.
        run_id: String,
    },
    /// Build an account's state anew from what Security Hub holds.
    Reconcile {
        /// The account.
        account: AccountId,
    },
    /// Archive everything that an integration sent.
    Withdraw {
        /// The integration, which is marked as being removed.
        provider: ProviderId,
    },
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
