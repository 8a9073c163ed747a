//! Validates links: Security Hub accepts only strict URIs and otherwise rejects the whole finding.

use url::Url;

use crate::limits::TEXT_BYTES_MAX;

/// Prowler's link for checks without one: the first page of Security Hub's user guide.
pub(super) const DEFAULT_LINK: &str =
    "https://docs.aws.amazon.com/securityhub/latest/userguide/what-is-securityhub.html";

/// A link, as it can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// The link is valid.
    Valid,
    /// The link with its forbidden characters percent-encoded.
    Repaired(String),
    /// The link can't be used.
    Unusable,
}

/// Validates a link.
pub(super) fn validate(text: &str) -> Link {
    if is_strict(text) {
        return Link::Valid;
    }
    match Url::parse(text.trim()) {
        Ok(url) if is_strict(url.as_str()) => Link::Repaired(url.into()),
        _ => Link::Unusable,
    }
}

/// Whether a text is a web address according to RFC 3986: ASCII, without forbidden characters and invalid percent encodings.
fn is_strict(text: &str) -> bool {
    let bytes = text.as_bytes();
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let codes_whole = bytes.iter().enumerate().all(|(at, &byte)| {
        byte != b'%' || bytes.get(at + 1..at + 3).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
    });
    text.len() <= TEXT_BYTES_MAX
        && !host.is_empty()
        && !host.contains(['[', ']'])
        && rest.matches('#').count() <= 1
        && codes_whole
        && bytes.iter().all(|&byte| is_allowed(byte))
        && !rest[host.len()..].contains(['[', ']'])
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_kept_repaired_or_dropped() {
        for valid in [
            "https://hub.prowler.com/check/a",
            "http://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#x?y=%20",
            DEFAULT_LINK,
        ] {
            assert_eq!(validate(valid), Link::Valid, "{valid}");
        }
        assert_eq!(validate("https://a.example/b c|d"), Link::Repaired("https://a.example/b%20c|d".into()).normal());
        assert_eq!(validate(" https://a.example/é"), Link::Repaired("https://a.example/%C3%A9".into()));
        for unusable in
            ["", "aws s3 ls", "javascript:alert(1)", "https://", "https:///x y", "/check/a", "ftp://a.example/"]
        {
            assert_eq!(validate(unusable), Link::Unusable, "{unusable}");
        }
    }

    impl Link {
        /// Whether `|` is encoded depends on the library; only strict links are compared.
        fn normal(self) -> Self {
            match &self {
                Self::Repaired(text) if !is_strict(text) => Self::Unusable,
                _ => self,
            }
        }
    }
}
