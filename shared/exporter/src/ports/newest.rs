//! The newest scan of an account: it determines which scans are outdated, and which upload contains the newest scan again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The newest scan of an account, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newest {
    /// The time of the scan.
    pub newest: Timestamp,
    /// The content of its upload, if known. If an upload with entries of several scan times is repeated, it isn't older than
    /// itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_of: Option<String>,
    /// The time of the newest scan of another upload before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_before: Option<Timestamp>,
    /// When a run last exported an upload of the account completely. `None` if none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exported_at: Option<Timestamp>,
}

impl From<Timestamp> for Newest {
    /// A scan of which only the time is known.
    fn from(newest: Timestamp) -> Self {
        Self { newest, newest_of: None, newest_before: None, exported_at: None }
    }
}

impl Newest {
    /// The newest scan after an upload with a scan of this time has begun. Returns the time of the newer scan as the error
    /// if the scan is superseded. Times are compared in milliseconds, as they are stored.
    pub fn with_scan(old: Option<Self>, content: &str, scanned_at: Timestamp) -> Result<Self, Timestamp> {
        let Some(old) = old else {
            let newest_of = Some(content.to_owned());
            return Ok(Self { newest: scanned_at, newest_of, newest_before: None, exported_at: None });
        };
        let is_same_upload = old.newest_of.as_deref() == Some(content);
        let floor = if is_same_upload { old.newest_before } else { Some(old.newest) };
        if let Some(floor) = floor.filter(|floor| floor.as_millisecond() > scanned_at.as_millisecond()) {
            return Err(floor);
        }
        Ok(if scanned_at.as_millisecond() <= old.newest.as_millisecond() {
            old
        } else if is_same_upload {
            Self { newest: scanned_at, ..old }
        } else {
            Self {
                newest: scanned_at,
                newest_of: Some(content.to_owned()),
                newest_before: Some(old.newest),
                exported_at: old.exported_at,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn an_upload_with_several_scan_times_does_not_supersede_itself() {
        let first = Newest::with_scan(None, "a", at(10)).unwrap();
        let newest = Newest::with_scan(Some(first), "b", at(20)).unwrap();
        let newest = Newest::with_scan(Some(newest), "b", at(30)).unwrap();
        let newest_of = Some("b".to_owned());
        assert_eq!(newest, Newest { newest: at(30), newest_of, newest_before: Some(at(10)), exported_at: None });
        assert_eq!(Newest::with_scan(Some(newest.clone()), "b", at(20)), Ok(newest.clone()), "the upload is repeated");
        assert_eq!(Newest::with_scan(Some(newest.clone()), "b", at(5)), Err(at(10)), "another upload's scan was newer");
        assert_eq!(Newest::with_scan(Some(newest.clone()), "a", at(20)), Err(at(30)), "another upload is older");
        assert_eq!(
            Newest::with_scan(Some(newest.clone()), "c", at(30)),
            Ok(newest),
            "two scans of the same time are both exported"
        );
    }

    #[test]
    fn a_record_of_an_earlier_release_supersedes_older_scans() {
        let old: Newest = serde_json::from_str(r#"{"newest": "2026-03-01T00:00:00Z"}"#).unwrap();
        let before = old.newest - jiff::SignedDuration::from_secs(1);
        assert_eq!(Newest::with_scan(Some(old.clone()), "a", before), Err(old.newest));
    }
}
