//! Sessions with the Security Hub of an account.

use std::future::Future;

use asff::AccountId;

use super::{Hub, PortError};
use crate::integration::Integration;
use crate::problem::Problem;
use crate::report::undelivered;

/// Connects to the Security Hub of an account.
pub trait Hubs {
    /// A connection to one account, in all its Regions.
    type Hub: Hub + Clone + Send + Sync + 'static;

    /// Obtains the credentials that the integration, or else its provider, has for the account, and makes sure that they
    /// belong to it.
    fn connect(
        &self,
        account: AccountId,
        integration: &Integration,
    ) -> impl Future<Output = Result<Self::Hub, ConnectError>> + Send;
}

/// Why there is no connection to an account.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectError {
    /// The credentials will not work until a user fixes them.
    #[error("{}: {}", .0.reason, .0.message)]
    Rejected(Problem),
    /// Anything that may pass.
    #[error(transparent)]
    Failed(#[from] PortError),
}

impl ConnectError {
    /// The same, for a user.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::Rejected(problem) => problem,
            Self::Failed(error) => Problem::new(undelivered::CREDENTIALS_UNAVAILABLE, error.to_string()),
        }
    }
}
