//! The operations of the API. Each validates its input, changes one resource under the version that the caller read, and
//! records the caller in the audit log in the same transaction.

mod apply_resource;
mod attention;
mod create;
mod credentials;
mod deletion;
mod evaluate;
mod exports;
mod history;
mod idempotency;
mod integrations;
mod jobs;
mod keys;
mod managed_resource;
mod providers;
mod reports;
mod resource;
mod runs;
mod search;
mod switch;
mod test;
mod version;
mod view;

use std::sync::Arc;

use exporter::ports::PortError;
use exporter::ports::settings_store::Page;

pub use self::apply_resource::{CurrentState, Deletion, DesiredResource, Resource};
pub use self::idempotency::IdempotencyKey;
pub use self::version::{IfMatch, etag};
use crate::check::Settings;
use crate::ports::Ports;
use crate::problem::ApiError;

/// Maximum number of attempts to make a change, if the caller stated no version and concurrent writers change the resource.
const TRIES_MAX: usize = 4;

/// The operations, over ports.
pub struct Service<P> {
    ports: Arc<P>,
    settings: Settings,
}

/// A created resource, possibly by an earlier delivery of the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<T> {
    /// The resource.
    pub view: T,
    /// Whether an earlier delivery of the request created it.
    pub replayed: bool,
}

impl<P: Ports> Service<P> {
    /// The operations over these ports.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { ports, settings }
    }
}

/// The first page.
fn first(limit: usize) -> Page {
    Page { limit, after: None }
}

/// An internal error: a step that has no condition failed with a conflict.
fn unexpected_conflict(step: usize) -> ApiError {
    ApiError::Port(PortError {
        action: "write the change".to_owned(),
        message: format!("unexpected precondition failure in step {step}"),
    })
}
