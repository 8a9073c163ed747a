//! The differences between Security Hub and the Region state.

use serde::{Deserialize, Serialize};

/// The findings of one Region, as Security Hub returns them, compared with the Region state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drift {
    /// In both, and equal.
    pub same: u64,
    /// Active in the state, and not in Security Hub.
    pub missing: u64,
    /// Active in Security Hub, and not in the state.
    pub unknown: u64,
    /// In both, and different: Security Hub has an older or a newer version, or a finding that was archived is active.
    pub different: u64,
    /// The number of these differences that were fixed: resent as last sent, or adopted into the state.
    pub fixed: u64,
    /// Why the comparison was incomplete. In this case, nothing was fixed. Absent if it was complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

impl Drift {
    /// The number of findings that differ.
    pub fn total(&self) -> u64 {
        self.missing + self.unknown + self.different
    }

    /// Adds the counts of another Region.
    pub fn merge(&mut self, other: &Self) {
        self.same += other.same;
        self.missing += other.missing;
        self.unknown += other.unknown;
        self.different += other.different;
        self.fixed += other.fixed;
    }
}
