//! The integrations of accounts.

use std::future::Future;

use asff::AccountId;
use jiff::Timestamp;

use super::PortError;
use crate::model::integration::Integration;
use crate::model::provider::ProviderId;

/// Reads the integrations of accounts.
pub trait Integrations {
    /// The integration of an account, read consistently: its own, or else that of its organization. `None` if it has
    /// neither.
    fn integration(&self, account: &AccountId) -> impl Future<Output = Result<Option<Integration>, PortError>> + Send;

    /// Deletes the integration whose deletion was requested at `deletion_requested_at`, after all its findings were
    /// archived. Returns false if no such integration exists, or if the implementation doesn't delete integrations, which is
    /// the default.
    fn delete_after_archive(
        &self,
        provider: &ProviderId,
        deletion_requested_at: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send {
        let _ = (provider, deletion_requested_at);
        async { Ok(false) }
    }
}
