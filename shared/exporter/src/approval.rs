//! What a user approved of an earlier run of the same scan.

/// What a user approved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Approval {
    /// Archive what the scan shows to be resolved, however much it is.
    pub pending: bool,
    /// Archive what the scan proves nothing about.
    pub unproven: bool,
}

impl Approval {
    /// What a user asked for; what is pending, where neither is named.
    pub fn for_job(pending: bool, unproven: bool) -> Self {
        Self { pending: pending || !unproven, unproven }
    }
}
