//! What becomes of findings that a scan shows to be over.

use asff::Status;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::index::Seen;

/// Accounts with fewer live findings than this may archive any share of them: a few fixes are a large share there.
const HELD_FROM_LIVE: usize = 100;

/// How a finding ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The scan does not have it any more.
    Gone,
    /// It passes now.
    Passed,
    /// It is muted now.
    Muted,
}

impl Ended {
    /// How a finding of the state ended, if it did, by what a whole scan says of it.
    pub fn of(seen: Seen) -> Option<Self> {
        match seen {
            Seen::Not => Some(Self::Gone),
            Seen::Passed => Some(Self::Passed),
            Seen::Muted => Some(Self::Muted),
            Seen::Filtered | Seen::Wanted => None,
        }
    }

    /// The status that it is archived with. A finding that is gone keeps its own.
    fn status(self) -> Option<Status> {
        match self {
            Self::Gone => None,
            Self::Passed => Some(Status::Passed),
            Self::Muted => Some(Status::Warning),
        }
    }
}

/// Whether a person must agree before so many findings are archived.
///
/// Counted over the whole account against what was live before the run: a scan that went wrong looks like an account that was
/// cleaned up.
pub fn held(ended: usize, live_before: usize, limit_percent: u8) -> bool {
    live_before > HELD_FROM_LIVE && ended * 100 > live_before * usize::from(limit_percent)
}

/// The finding as last sent, archived.
///
/// # Errors
///
/// When the JSON is not an object.
pub fn archived(json: &[u8], ended: Ended, updated_at: Timestamp) -> serde_json::Result<Vec<u8>> {
    let mut finding: Map<String, Value> = serde_json::from_slice(json)?;
    finding.insert("RecordState".to_owned(), "ARCHIVED".into());
    finding.insert("UpdatedAt".to_owned(), format!("{updated_at:.3}").into());
    if let Some(status) = ended.status() {
        let compliance = finding.entry("Compliance").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(compliance) = compliance {
            compliance.insert("Status".to_owned(), status.as_str().into());
        }
    }
    serde_json::to_vec(&finding)
}
