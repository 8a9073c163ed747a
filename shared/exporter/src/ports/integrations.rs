//! The integrations of accounts.

use std::future::Future;

use asff::AccountId;
use jiff::Timestamp;

use super::PortError;
use crate::integration::Integration;
use crate::provider::ProviderId;

/// Finds an account's integration.
pub trait Integrations {
    /// The integration of an account, read consistently: its own, otherwise that of its organization, or none.
    fn integration(&self, account: &AccountId) -> impl Future<Output = Result<Option<Integration>, PortError>> + Send;

    /// Deletes the integration of a provider that is being deleted since then, now that its findings are all archived.
    /// False, where there is no such integration, or the implementer leaves that to others; it does by default.
    fn delete_after_archive(
        &self,
        provider: &ProviderId,
        deletion_requested_at: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send {
        let _ = (provider, deletion_requested_at);
        async { Ok(false) }
    }
}
