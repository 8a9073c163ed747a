//! Types for names that must not be confused: accounts, Regions, checks, and findings.
//!
//! Each name is validated once, when it is parsed, and is cheap to copy from then on.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Number of digits of an AWS account ID (contract 1.3, `AwsAccountId`).
const ACCOUNT_ID_DIGITS: usize = 12;
/// Maximum number of characters of a Region name in a finding (contract 1.3, `Resources[].Region`).
const REGION_NAME_CHARS_MAX: usize = 16;
/// Maximum number of characters of a check name. `GeneratorId` is limited to 512 characters including its prefix. An ID is
/// limited to 512 characters, and contains the check, the account, the Region, and up to 32 digits. Prowler's longest check
/// name has 93.
const CHECK_ID_CHARS_MAX: usize = 400;
/// Maximum number of characters of a finding ID (contract 1.3, `Id`).
const FINDING_ID_CHARS_MAX: usize = 512;

/// The error for a name with an invalid format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}")]
pub struct InvalidName {
    value: String,
    expected: &'static str,
}

impl InvalidName {
    /// Maximum number of characters of an invalid value in an error: enough to recognize the value, too few to flood a
    /// report.
    const VALUE_CHARS_MAX: usize = 64;

    fn new(value: &str, expected: &'static str) -> Self {
        let value = value.chars().take(Self::VALUE_CHARS_MAX).collect();
        Self { value, expected }
    }
}

/// An AWS account ID of 12 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId([u8; ACCOUNT_ID_DIGITS]);

impl AccountId {
    /// The 12 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for AccountId {
    type Err = InvalidName;

    fn from_str(value: &str) -> Result<Self, InvalidName> {
        match <[u8; ACCOUNT_ID_DIGITS]>::try_from(value.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(InvalidName::new(value, "an AWS account id of 12 digits")),
        }
    }
}

/// The name of a Region, such as `eu-central-1`. Only its format is validated; [`crate::Regions`] has the existing Regions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionName {
    // Padded with zeros, so that the derived order is that of the string.
    letters: [u8; REGION_NAME_CHARS_MAX],
    length: u8,
}

impl RegionName {
    /// The name in AWS's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.letters[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl FromStr for RegionName {
    type Err = InvalidName;

    fn from_str(value: &str) -> Result<Self, InvalidName> {
        let in_form = (1..=REGION_NAME_CHARS_MAX).contains(&value.len())
            && value.bytes().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'-');
        if !in_form {
            return Err(InvalidName::new(value, "a Region name"));
        }
        let mut letters = [0; REGION_NAME_CHARS_MAX];
        letters[..value.len()].copy_from_slice(value.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "at most REGION_NAME_CHARS_MAX, checked above")]
        let length = value.len() as u8;
        Ok(Self { letters, length })
    }
}

/// The name of a Prowler check, such as `s3_bucket_default_encryption`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(Arc<str>);

impl CheckId {
    /// The name in Prowler's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CheckId {
    type Err = InvalidName;

    fn from_str(value: &str) -> Result<Self, InvalidName> {
        if is_name(value, CHECK_ID_CHARS_MAX) {
            Ok(Self(value.into()))
        } else {
            Err(InvalidName::new(value, "the name of a check"))
        }
    }
}

/// The ID of a finding in Security Hub, within a product, an account, and a Region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingId(Arc<str>);

impl FindingId {
    /// The ID as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FindingId {
    type Err = InvalidName;

    /// At most 512 characters, not blank, and not beginning with `arn:`, which is reserved for AWS's own products.
    fn from_str(value: &str) -> Result<Self, InvalidName> {
        if is_name(value, FINDING_ID_CHARS_MAX) && !value.starts_with("arn:") {
            Ok(Self(value.into()))
        } else {
            Err(InvalidName::new(value, "a finding Id of 1 to 512 characters that does not begin with arn:"))
        }
    }
}

/// Whether a value is one line of at most `chars_max` characters and not blank.
fn is_name(value: &str, chars_max: usize) -> bool {
    !value.trim().is_empty()
        && !value.bytes().any(|byte| byte.is_ascii_control())
        && (value.len() <= chars_max || value.chars().count() <= chars_max)
}

macro_rules! text_newtype {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{}({})", stringify!($name), self.as_str())
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl TryFrom<&str> for $name {
            type Error = InvalidName;

            fn try_from(value: &str) -> Result<Self, InvalidName> {
                value.parse()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                value.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

text_newtype!(AccountId, RegionName, CheckId, FindingId);

impl Borrow<str> for CheckId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for FindingId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

/// The first 128 bits of the SHA-512 of a resource's UID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceHash(pub u128);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_exactly_twelve_digits() {
        assert_eq!("123456789012".parse::<AccountId>().unwrap().as_str(), "123456789012");
        for wrong in ["", "12345678901", "1234567890123", "12345678901a", "１２３４"] {
            assert!(wrong.parse::<AccountId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn region_names_are_sorted_like_strings() {
        let mut names: Vec<RegionName> =
            ["us-east-1", "eu-west-1", "eu-west", "ap-south-1"].iter().map(|name| name.parse().unwrap()).collect();
        names.sort();
        let sorted: Vec<&str> = names.iter().map(RegionName::as_str).collect();
        assert_eq!(sorted, ["ap-south-1", "eu-west", "eu-west-1", "us-east-1"]);
        assert!("EU-WEST-1".parse::<RegionName>().is_err());
        assert!("a-region-name-that-is-long".parse::<RegionName>().is_err());
    }

    #[test]
    fn an_error_quotes_only_the_beginning_of_a_long_value() {
        let error = "x".repeat(5000).parse::<AccountId>().unwrap_err();
        assert!(error.to_string().len() < 120, "{error}");
    }
}
