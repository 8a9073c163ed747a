//! Forms and queries as they arrive: names and values, in order. Values may be secrets, so they are erased when dropped.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use zeroize::Zeroize as _;

/// Bytes of a form at most. The largest has a session token of 4,096 characters.
const FORM_BYTES_MAX: usize = 64 * 1024;

/// The fields of a form or a query.
#[derive(Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// Fields that were read.
    pub(crate) fn from_fields(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The first value of a field, without spaces around it. Empty: it isn't there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or_default().trim()
    }

    /// A value that isn't empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// The first value of a field, unchanged.
    pub(crate) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a checkbox is checked.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// All fields.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Drop for Form {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|(_, value)| value.zeroize());
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = (StatusCode, &'static str);

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let bytes = to_bytes(request.into_body(), FORM_BYTES_MAX).await;
        let bytes = bytes.map_err(|_| (StatusCode::PAYLOAD_TOO_LARGE, "The form is larger than 64 KiB."))?;
        let form = Self::parse(&bytes);
        if let Ok(mut bytes) = bytes.try_into_mut() {
            bytes.as_mut().zeroize();
        }
        Ok(form)
    }
}

/// A part of a path or a query, percent-encoded.
pub(crate) fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_the_first_of_a_name_counts() {
        let form = Form::parse(b"a=1+2%2B&b=&a=3&c");
        assert_eq!((form.get("a"), form.given("b"), form.has("c"), form.has("d")), ("1 2+", None, true, false));
        assert_eq!(form.fields().count(), 4);
    }

    #[test]
    fn special_characters_of_paths_are_encoded() {
        assert_eq!(encoded("../a?b&c=ü"), "..%2Fa%3Fb%26c%3D%C3%BC");
    }
}
