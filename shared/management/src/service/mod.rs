//! The verbs. Each checks what it is given, changes one thing under the version that the caller saw, and writes who did it
//! into the audit log in the same step.

mod attention;
mod create;
mod credentials;
mod declarable;
mod declare;
mod deletion;
mod history;
mod integrations;
mod jobs;
mod judge;
mod keys;
mod once;
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
use exporter::registry::Page;

pub use self::declare::{CurrentState, Declaration, Deletion, Resource};
pub use self::once::IdempotencyKey;
pub use self::version::{IfMatch, etag};
use crate::check::Settings;
use crate::ports::Ports;
use crate::problem::ApiError;

/// Tries of a change that names no version, when others change the same thing.
const TRIES_MAX: usize = 4;

/// The verbs, over ports.
pub struct Service<P> {
    ports: Arc<P>,
    settings: Settings,
}

/// What was created, or was before by the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created<T> {
    /// It.
    pub view: T,
    /// Whether an earlier request did it.
    pub replayed: bool,
}

impl<P: Ports> Service<P> {
    /// The verbs over these ports.
    pub fn new(ports: Arc<P>, settings: Settings) -> Self {
        Self { ports, settings }
    }
}

/// A page from its beginning.
fn first(limit: usize) -> Page {
    Page { limit, after: None }
}

/// An internal error: a step without a condition failed its precondition.
fn impossible(step: usize) -> ApiError {
    ApiError::Port(PortError {
        action: "write the change".to_owned(),
        message: format!("unexpected precondition failure in step {step}"),
    })
}
