//! Which version a change is made to: `ETag` and `If-Match` (RFC 9110).

use exporter::provider::ProviderId;
use exporter::registry::Revision;

use crate::problem::ApiError;

/// The `ETag` of a version. What was deleted and made again has others.
pub fn etag(revision: Revision) -> String {
    format!("\"{}.{}\"", revision.version, revision.created_at.as_millisecond())
}

/// What a client says that it saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// Nothing.
    #[default]
    Missing,
    /// Whatever there is.
    Any,
    /// One of these, as `ETag`s.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Reads the header. A weak tag matches nothing, as the comparison is the strong one.
    pub fn parse(header: &str) -> Self {
        match header.trim() {
            "*" => Self::Any,
            tags => Self::Tags(tags.split(',').map(|tag| tag.trim().to_owned()).collect()),
        }
    }

    /// Holds what is there against what the client saw.
    pub(super) fn check(&self, id: &ProviderId, revision: Revision) -> Result<(), ApiError> {
        match self {
            Self::Missing => Err(ApiError::PreconditionRequired),
            Self::Any => Ok(()),
            Self::Tags(tags) if tags.contains(&etag(revision)) => Ok(()),
            Self::Tags(_) => Err(ApiError::PreconditionFailed { id: id.clone(), current: etag(revision) }),
        }
    }

    /// The version that was seen, for a change that was worked out from it.
    pub(super) fn exactly(revision: Revision) -> Self {
        Self::Tags(vec![etag(revision)])
    }

    /// The same for a change that cannot undo another's, and so need not name a version.
    pub(super) fn or_any(&self) -> Self {
        if *self == Self::Missing { Self::Any } else { self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_version_matches_its_own_tag_and_no_other() {
        let id: ProviderId = "123456789012".parse().unwrap();
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let this = Revision { version: 3, created_at: now };
        let reborn = Revision { version: 3, created_at: now + jiff::SignedDuration::from_millis(1) };
        let tag = etag(this);
        for (header, matches) in [
            (tag.as_str(), true),
            ("*", true),
            (&format!("\"1.0\", {tag}"), true),
            (&format!("W/{tag}"), false),
            ("\"3\"", false),
            ("", false),
            (&etag(reborn), false),
        ] {
            assert_eq!(IfMatch::parse(header).check(&id, this).is_ok(), matches, "{header}");
        }
        assert!(matches!(IfMatch::Missing.check(&id, this), Err(ApiError::PreconditionRequired)));
    }
}
