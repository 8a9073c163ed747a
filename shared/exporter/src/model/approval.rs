//! What a user approved of an earlier run of the same scan.

/// The parts of a run that a user approved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// Archive resolved findings even if they exceed the archive limit.
    pub pending: bool,
    /// Archive absent findings about which the scan proves nothing.
    pub unproven: bool,
}

impl Approval {
    /// The approval that a job requests. If neither is requested, pending findings are approved.
    pub fn for_job(pending: bool, unproven: bool) -> Self {
        Self { pending: pending || !unproven, unproven }
    }
}
