//! Stores the tag keys that contain colons.
//!
//! Prowler joins a tag's key and value with a colon. Some checks also include the resource's own tags, which determine the key;
//! others don't, even for the same resource. The keys from the first ones are used to split the labels of the others. They are
//! collected while reading, in the file's order, so that mapping remains a function of the element.

use std::sync::Arc;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::map::shapes::{First, Texts};
use crate::resource_tags::{aws_key, is_ambiguous, is_joined, known_tags};

/// Maximum number of keys; an organization has a handful.
const KEYS_MAX: usize = 256;
/// Maximum number of bytes of a list of labels that are examined: 50 tags of 384 characters.
const LABELS_BYTES_MAX: usize = 32 * 1024;

/// Tag keys with colons, the longest first. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagKeys(Arc<Vec<Box<str>>>);

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    resources: Option<First<Resource<'a>>>,
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow)]
    labels: Option<Texts<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl TagKeys {
    /// The key of a label, if it is a stored key.
    pub(crate) fn key_of(&self, label: &str) -> Option<&str> {
        let begins = |key: &&str| label.strip_prefix(*key).is_some_and(|rest| rest.starts_with(':'));
        self.0.iter().map(AsRef::as_ref).find(begins)
    }

    /// Stores the keys of an entry.
    pub(super) fn learn(&mut self, entry: &[u8]) {
        if self.0.len() >= KEYS_MAX || !self.may_have_new_key(entry) {
            return;
        }
        let Ok(Entry { resources: Some(First(Some(resource))) }) = serde_json::from_slice(entry) else {
            return;
        };
        let labels = resource.labels.map(|labels| labels.0).unwrap_or_default();
        for (key, value) in resource.data.map(known_tags).unwrap_or_default() {
            let is_new = key.contains(':') && !self.0.iter().any(|known| **known == *key);
            if is_new && self.0.len() < KEYS_MAX && labels.iter().any(|label| is_joined(label, &key, &value)) {
                let keys = Arc::make_mut(&mut self.0);
                keys.push(key.into());
                keys.sort_by(|one, other| other.len().cmp(&one.len()).then(one.cmp(other)));
            }
        }
    }

    /// Whether an entry has a label that may have a new key. Only searches the bytes, since it is called for every entry.
    fn may_have_new_key(&self, entry: &[u8]) -> bool {
        memmem::find_iter(entry, b"\"labels\"").any(|found| {
            let list = &entry[found..entry.len().min(found + LABELS_BYTES_MAX)];
            let end = memchr::memchr(b']', list).unwrap_or(list.len());
            let labels = list[..end].split(|&byte| byte == b'"').skip(3).step_by(2);
            labels
                .filter_map(|label| std::str::from_utf8(label).ok())
                .any(|label| is_ambiguous(label) && self.key_of(label).is_none() && aws_key(label).is_none())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(label: &str, tags: &str) -> String {
        format!(r#"{{"resources":[{{"labels":["a:b","{label}"],"data":{{"metadata":{{"tags":{tags}}}}}}}]}}"#)
    }

    #[test]
    fn a_key_is_learned_from_the_tags_of_the_resource() {
        let mut keys = TagKeys::default();
        keys.learn(entry("cost:center:x:y", "[]").as_bytes());
        assert_eq!(keys.key_of("cost:center:x:y"), None);
        keys.learn(entry("cost:center:x:y", r#"[{"Key":"cost:center","Value":"other"}]"#).as_bytes());
        assert_eq!(keys.key_of("cost:center:x:y"), None);
        keys.learn(entry("cost:center:x:y", r#"[{"Key":"cost:center","Value":"x:y"}]"#).as_bytes());
        assert_eq!(keys.key_of("cost:center:z:z"), Some("cost:center"));
        assert_eq!(keys.key_of("cost:centers:z"), None);
    }

    #[test]
    fn the_number_of_keys_is_bounded() {
        let mut keys = TagKeys::default();
        for number in 0..2 * KEYS_MAX {
            let tags = format!(r#"{{"k{number}:k":"x:y"}}"#);
            keys.learn(entry(&format!("k{number}:k:x:y"), &tags).as_bytes());
        }
        assert_eq!(keys.0.len(), KEYS_MAX);
    }
}
