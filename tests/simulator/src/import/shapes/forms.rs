//! The forms of a finding's strings as functions: patterns, character sets, URIs (contract 1.3).

use super::super::schema::Chars;
use crate::arn::is_account_id;

/// The namespaces with which a type may begin (contract 1.3, types taxonomy).
const NAMESPACES: [&str; 5] =
    ["Software and Configuration Checks", "TTPs", "Effects", "Unusual Behaviors", "Sensitive Data Identifications"];

/// The pattern of a type in the service's message (contract 1.3, observed).
pub(crate) const TYPE_PATTERN: &str = "^([^/]+)(/[^/]+){0,2}$";

/// Whether a type has one to three parts between slashes, none of them empty.
pub(crate) fn is_type_path(text: &str) -> bool {
    text.split('/').count() <= 3 && text.split('/').all(|part| !part.is_empty())
}

/// Whether a type begins with a documented namespace.
pub(crate) fn has_known_namespace(text: &str) -> bool {
    text.split('/').next().is_some_and(|first| NAMESPACES.contains(&first))
}

/// Products other than AWS's own must not use ARNs as Ids.
pub(super) fn arn_free(text: &str) -> bool {
    !text.starts_with("arn:")
}

pub(super) fn twelve_digits(text: &str) -> bool {
    is_account_id(text)
}

/// No rule.
pub(super) const ANY_CHARS: Chars = Chars { pattern: ".*", holds: |_| true, always: true };

pub(super) const PRODUCT_FIELD_CHARS: Chars = Chars {
    pattern: "^[A-Za-z0-9 .:+=@_/-]*$",
    holds: |char| char.is_ascii_alphanumeric() || " .:+=@_/-".contains(char),
    always: true,
};

pub(super) const USER_FIELD_CHARS: Chars = Chars {
    pattern: r"^[-_+=.:/@\w\s]{1,128}$",
    holds: |char| char.is_ascii_alphanumeric() || char.is_whitespace() || "-_+=.:/@".contains(char),
    always: true,
};

/// AWS's own rule for tags: letters and digits of any script, spaces, and the signs of product field keys.
pub(super) const TAG_CHARS: Chars = Chars {
    pattern: r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$",
    holds: |char| char.is_alphanumeric() || char.is_whitespace() || ".:+=@_/-".contains(char),
    always: false,
};

/// Whether a text is a scheme, a colon, and only characters that RFC 3986 allows in a URI.
pub(crate) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else {
        return false;
    };
    let scheme_fits = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
    scheme_fits && !rest.is_empty() && has_uri_chars_only(rest.as_bytes())
}

fn has_uri_chars_only(bytes: &[u8]) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte);
    let escaped = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    bytes.iter().enumerate().all(|(at, &byte)| legal(byte) || (byte == b'%' && escaped(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contract 1.3: `""` is rejected, a partial path is valid, a fourth part is not.
    #[test]
    fn a_type_is_a_path_of_up_to_three_parts() {
        assert!(is_type_path("TTPs"));
        assert!(is_type_path("Software and Configuration Checks/Vulnerabilities/CVE"));
        for text in ["", "TTPs/", "TTPs//x", "TTPs/a/b/c"] {
            assert!(!is_type_path(text), "{text}");
        }
        assert!(has_known_namespace("TTPs/x"));
        assert!(!has_known_namespace("Data Protection"));
    }

    #[test]
    fn a_uri_has_a_scheme_and_no_spaces() {
        assert!(is_uri("https://hub.prowler.com/check/x?a=b%20c#d"));
        for text in ["", "hub.prowler.com", "https:", "https://a b", "https://ü", "https://a%2", "1https://a", "<a:b>"]
        {
            assert!(!is_uri(text), "{text}");
        }
    }
}
