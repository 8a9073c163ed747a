//! The types of fields in Prowler's JSON: borrowed if possible, bounded, and only as strict as necessary.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::frameworks::Frameworks;
use super::time;

/// Maximum number of entries of a list that are read; Security Hub's limits are 50 or less.
const ENTRIES_MAX: usize = 256;

/// A string, borrowed unless it has escape sequences.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A list of strings, of which the first 256 are read.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a>(pub(crate) Vec<Cow<'a, str>>);

/// The first entry of a list. `None` if the list is empty.
#[derive(Debug)]
pub(crate) struct First<T>(pub(crate) Option<T>);

/// The last entry of a list of strings. `None` if the list is empty.
#[derive(Debug, Default)]
pub(crate) struct Last<'a>(pub(crate) Option<Cow<'a, str>>);

/// A number or string that represents a time. `None` if it is invalid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Option<Timestamp>);

/// A string or a list of strings: old versions of Prowler joined lists.
#[derive(Debug)]
pub(crate) enum TextOrList<'a> {
    Text(Cow<'a, str>),
    List(Vec<Cow<'a, str>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Texts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Entries<'a> {
            type Value = Texts<'a>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts<'a>, A::Error> {
                let mut texts = Vec::new();
                while texts.len() < ENTRIES_MAX {
                    match list.next_element::<Text<'a>>()? {
                        Some(Text(text)) => texts.push(text),
                        None => return Ok(Texts(texts)),
                    }
                }
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Texts(texts))
            }
        }
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = First<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First<T>, A::Error> {
                let first = list.next_element()?;
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
        }
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Last<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<'a>(PhantomData<&'a ()>);

        impl<'de: 'a, 'a> Visitor<'de> for Entries<'a> {
            type Value = Last<'a>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of strings")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Last<'a>, A::Error> {
                // The entries before the last one are long code snippets, which are skipped without parsing.
                let mut last: Option<&'a RawValue> = None;
                while let Some(entry) = list.next_element::<&'a RawValue>()? {
                    last = Some(entry);
                }
                let text = last.map(|raw| serde_json::from_str::<Text<'a>>(raw.get()));
                Ok(Last(text.transpose().map_err(A::Error::custom)?.map(|Text(text)| text)))
            }
        }
        deserializer.deserialize_seq(Entries(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Time;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a time")
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Time, E> {
                Ok(Time(time::from_epoch(number)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Time, E> {
                Ok(Time(i64::try_from(number).ok().and_then(time::from_epoch)))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Time, E> {
                #[expect(clippy::cast_possible_truncation, reason = "saturates, and is then out of range")]
                let number = number as i64;
                Ok(Time(time::from_epoch(number)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Time, E> {
                Ok(Time(time::from_str(text)))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for TextOrList<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw: &'a RawValue = Deserialize::deserialize(deserializer)?;
        let read = if raw.get().starts_with('"') {
            serde_json::from_str(raw.get()).map(|Text(text)| Self::Text(text))
        } else {
            serde_json::from_str(raw.get()).map(|Texts(texts)| Self::List(texts))
        };
        read.map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Frameworks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Frameworks;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a map of frameworks and their requirements")
            }

            /// Prowler 4.1 wrote the frameworks as in its CSV file.
            fn visit_str<E: Error>(self, text: &str) -> Result<Frameworks, E> {
                Ok(Frameworks::from_cell(text))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Frameworks, A::Error> {
                let mut frameworks = Frameworks::default();
                while !frameworks.are_full() {
                    let Some(Text(name)) = map.next_key()? else { return Ok(frameworks) };
                    let requirements = map.next_value::<Texts<'de>>()?;
                    frameworks.add(&name, requirements.0.iter().map(AsRef::as_ref));
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(frameworks)
            }
        }
        deserializer.deserialize_any(Entries)
    }
}
