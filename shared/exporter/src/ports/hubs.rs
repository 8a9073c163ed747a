//! Sessions with an account's Security Hub.

use std::future::Future;

use asff::AccountId;

use super::{Hub, PortError};
use crate::model::integration::Integration;
use crate::model::problem::Problem;
use crate::report::undelivered;

/// Connects to the Security Hub of an account.
pub trait Hubs {
    /// A session with one account, for all its Regions.
    type Hub: Hub + Clone + Send + Sync + 'static;

    /// Obtains the credentials of the integration, or else of its provider, and verifies that they belong to the account.
    fn connect(
        &self,
        account: AccountId,
        integration: &Integration,
    ) -> impl Future<Output = Result<Self::Hub, ConnectError>> + Send;
}

/// Why an account can't be connected.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials are invalid until a user fixes them.
    #[error("{}: {}", .0.reason, .0.message)]
    Rejected(Problem),
    /// A failure that may be transient.
    #[error(transparent)]
    Failed(#[from] PortError),
}

impl ConnectError {
    /// The error as a problem for users.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Rejected(problem) => problem,
            Self::Failed(error) => Problem::new(undelivered::CREDENTIALS_UNAVAILABLE, error.to_string()),
        }
    }
}
