//! Upload locks: which run exports which upload, and which uploads are complete.

use std::future::Future;

use jiff::Timestamp;

use super::PortError;

/// Locks uploads, so that each is exported by one run, and only once.
pub trait UploadLocks {
    /// Claims an upload for a run until `until`. Of concurrent callers, exactly one gets [`Claim::Granted`]. An expired
    /// claim counts as released; with `again`, a completed claim does too.
    fn claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Claim, PortError>> + Send;

    /// Extends the claim until `until` if the run still has it. Returns false if it doesn't.
    fn renew_claim(
        &self,
        identity: &str,
        run_id: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Completes the claim, so that the upload isn't exported again. With `done == false`, releases it instead.
    fn finish_claim(
        &self,
        identity: &str,
        run_id: &str,
        done: bool,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The result of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The run has the upload locked now.
    Granted,
    /// An earlier run exported it.
    Completed {
        /// That run's ID.
        run_id: String,
    },
    /// Another run is exporting the upload.
    InProgress {
        /// That run's ID.
        run_id: String,
    },
}
