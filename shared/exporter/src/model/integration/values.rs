//! Enumerations that are values of settings.

use serde::{Deserialize, Serialize};

/// What the scans of an account cover.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ArchiveScope {
    /// The whole account, within the scanner's permissions.
    #[default]
    Full,
    /// Some checks in some Regions, each of them completely.
    Partial,
    /// Single resources: the absence of a finding proves nothing.
    Observed,
}

impl ArchiveScope {
    /// All values as strings.
    pub const WORDS: &[&str] = &["full", "partial", "observed"];

    /// The value as a string.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Observed => "observed",
        }
    }
}

/// How findings that the scan's mutelist silenced are handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(as = Muted))]
#[serde(rename_all = "snake_case")]
pub enum MutedFindings {
    /// Not sent if only failed findings are sent, otherwise sent as WARNING.
    #[default]
    AsProwler,
    /// Never sent.
    Omit,
    /// Always sent, as WARNING.
    Send,
}

impl MutedFindings {
    /// All values as strings.
    pub const WORDS: &[&str] = &["as_prowler", "omit", "send"];
}
