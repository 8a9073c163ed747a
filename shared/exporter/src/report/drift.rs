//! How what Security Hub holds differs from what we believe that it holds.

use serde::{Deserialize, Serialize};

/// One Region's findings of our product, as Security Hub gives them, beside the state's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drift {
    /// In both, and the same.
    pub same: u64,
    /// Active by the state, and not in Security Hub.
    pub missing: u64,
    /// Active in Security Hub, and not in the state.
    pub unknown: u64,
    /// In both, and not the same: Security Hub has an older or a newer version, or has active what was archived.
    pub different: u64,
    /// Of all these, the ones that were fixed: resent as last sent, or taken over into the state.
    pub fixed: u64,
    /// Why the comparison came to no end, if so. Then nothing was fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

impl Drift {
    /// Findings on which Security Hub and the state do not agree.
    pub fn total(&self) -> u64 {
        self.missing + self.unknown + self.different
    }

    /// Adds another Region's.
    pub fn merge(&mut self, other: &Self) {
        self.same += other.same;
        self.missing += other.missing;
        self.unknown += other.unknown;
        self.different += other.different;
        self.fixed += other.fixed;
    }
}
