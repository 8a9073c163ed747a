//! NextToken: the position at which the next page starts. It is bound to its request and to a lifetime (contract 3.1).

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::context::Context;

/// A position in a list of results.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Token {
    place: usize,
    product_arn: String,
    id: String,
    count: usize,
}

#[derive(Deserialize, Serialize)]
struct Sealed {
    query: u64,
    issued_ms: i64,
    token: Token,
}

impl Token {
    /// The next page starts after this finding.
    pub(super) fn behind(place: usize, product_arn: &str, id: &str) -> Self {
        Self { place, product_arn: product_arn.to_owned(), id: id.to_owned(), count: 0 }
    }

    /// The next page starts after this many findings.
    pub(super) fn at(count: usize) -> Self {
        Self { place: 0, product_arn: String::new(), id: String::new(), count }
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn key(&self) -> (&str, &str) {
        (&self.product_arn, &self.id)
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The token for the caller: opaque hexadecimal digits.
    pub(super) fn seal(self, query: u64, context: &Context<'_>) -> String {
        let sealed = Sealed { query, issued_ms: context.now.as_millisecond(), token: self };
        let text = serde_json::to_string(&sealed).unwrap_or_default();
        text.bytes().fold(String::with_capacity(text.len() * 2), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    /// Parses a token. The error is the message of the service.
    pub(super) fn open(text: &str, query: u64, context: &Context<'_>) -> Result<Self, String> {
        let sealed = unseal(text).ok_or_else(|| "Invalid NextToken".to_owned())?;
        if sealed.query != query {
            return Err("Invalid NextToken: Input Query has changed".to_owned());
        }
        let age_ms = context.now.as_millisecond() - sealed.issued_ms;
        let lifetime_ms = context.world.config.rules.next_token_seconds.saturating_mul(1000);
        if u64::try_from(age_ms).is_ok_and(|age| age > lifetime_ms) {
            return Err("Invalid NextToken".to_owned());
        }
        Ok(sealed.token)
    }
}

fn unseal(text: &str) -> Option<Sealed> {
    let digits = text.as_bytes().chunks(2);
    let bytes = digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    serde_json::from_slice(&bytes.collect::<Option<Vec<u8>>>()?).ok()
}
