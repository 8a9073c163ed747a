//! The version that a change applies to: `ETag` and `If-Match` (RFC 9110).

use exporter::model::provider::ProviderId;
use exporter::ports::settings_store::Revision;

use crate::problem::ApiError;

/// The `ETag` of a version. The versions of a recreated resource have other `ETag`s.
pub fn etag(revision: Revision) -> String {
    format!("\"{}.{}\"", revision.version, revision.created_at.as_millisecond())
}

/// The version that the client expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IfMatch {
    /// The request has no `If-Match` header.
    #[default]
    Missing,
    /// Any version: `*`.
    Any,
    /// One of these, as `ETag`s.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Parses the header. A weak tag matches nothing, since `If-Match` requires the strong comparison.
    pub fn parse(header: &str) -> Self {
        match header.trim() {
            "*" => Self::Any,
            tags => Self::Tags(tags.split(',').map(|tag| tag.trim().to_owned()).collect()),
        }
    }

    /// Compares the current version with the expected one.
    pub(super) fn check(&self, id: &ProviderId, revision: Revision) -> Result<(), ApiError> {
        match self {
            Self::Missing => Err(ApiError::PreconditionRequired),
            Self::Any => Ok(()),
            Self::Tags(tags) if tags.contains(&etag(revision)) => Ok(()),
            Self::Tags(_) => Err(ApiError::PreconditionFailed { id: id.clone(), current: etag(revision) }),
        }
    }

    /// Expects exactly this version: for a change that was derived from it.
    pub(super) fn exactly(revision: Revision) -> Self {
        Self::Tags(vec![etag(revision)])
    }

    /// Makes `If-Match` optional: for a change that can't revert another one.
    pub(super) fn or_any(&self) -> Self {
        if *self == Self::Missing { Self::Any } else { self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_version_matches_only_its_own_etag() {
        let id: ProviderId = "123456789012".parse().unwrap();
        let now: Timestamp = "2026-11-23T00:00:00Z".parse().unwrap();
        let this = Revision { version: 3, created_at: now };
        let recreated = Revision { version: 3, created_at: now + jiff::SignedDuration::from_millis(1) };
        let tag = etag(this);
        for (header, matches) in [
            (tag.as_str(), true),
            ("*", true),
            (&format!("\"1.0\", {tag}"), true),
            (&format!("W/{tag}"), false),
            ("\"3\"", false),
            ("", false),
            (&etag(recreated), false),
        ] {
            assert_eq!(IfMatch::parse(header).check(&id, this).is_ok(), matches, "{header}");
        }
        assert!(matches!(IfMatch::Missing.check(&id, this), Err(ApiError::PreconditionRequired)));
    }
}
