//! Upload locks: which run exports which upload, and which uploads are done.

use std::future::Future;

use jiff::Timestamp;

use super::PortError;

/// Locks uploads, so that each is exported by one run, and once.
pub trait UploadLocks {
    /// Claims an upload for a run until `until`. Of two callers at once, exactly one gets [`Claim::Granted`]. A claim
    /// whose time is over counts as released; with `again`, so does one that is done.
    fn claim(
        &self,
        identity: &str,
        run_id: &str,
        again: bool,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Claim, PortError>> + Send;

    /// Keeps a claimed upload locked until `until`, if the run still has the lock; false, if it does not.
    fn renew_claim(
        &self,
        identity: &str,
        run_id: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Marks the claim as done, so that the same upload is not exported again; `done == false` releases it.
    fn finish_claim(
        &self,
        identity: &str,
        run_id: &str,
        done: bool,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The answer to a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The upload is ours.
    Granted,
    /// An earlier run exported it.
    Completed {
        /// That run.
        run_id: String,
    },
    /// Another run works on it right now.
    InProgress {
        /// That run.
        run_id: String,
    },
}
