//! Words that settings have as values.

use serde::{Deserialize, Serialize};

/// What the scans of an account cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArchiveScope {
    /// The whole account, as far as the scanner's permissions reach.
    #[default]
    Full,
    /// Some checks in some Regions, each of them completely.
    Partial,
    /// Single resources: a finding that is absent says nothing.
    Observed,
}

impl ArchiveScope {
    /// The words of all values.
    pub const WORDS: &[&str] = &["full", "partial", "observed"];

    /// The word that settings have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Observed => "observed",
        }
    }
}

/// What happens to findings that the scan's mutelist silenced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Muted))]
#[serde(rename_all = "snake_case")]
pub enum MutedFindings {
    /// Left out where only failed findings are sent, otherwise sent as WARNING.
    #[default]
    AsProwler,
    /// Never sent.
    Omit,
    /// Always sent, as WARNING.
    Send,
}

impl MutedFindings {
    /// The words of all values.
    pub const WORDS: &[&str] = &["as_prowler", "omit", "send"];
}
