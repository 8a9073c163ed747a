//! The tags in a resource's data, and labels, which join a tag's key and value with a colon.
//!
//! The list of tags is the only part of `resources[].data` that is ever read.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// Maximum size of a resource's data that is searched for tags, in bytes. Lists of 50 tags have up to 20 KB; a complete resource
/// rarely has 100 KB.
const DATA_BYTES_MAX: usize = 1 << 20;
/// Number of colons before the value in labels whose key AWS set, such as `aws:cloudformation:stack-name`.
const AWS_KEY_COLONS: usize = 2;

/// Whether a label has more than one colon.
pub(crate) fn is_ambiguous(label: &str) -> bool {
    label.bytes().filter(|&byte| byte == b':').count() > 1
}

/// Whether `label` is `key:value`.
pub(crate) fn is_joined(label: &str, key: &str, value: &str) -> bool {
    label.strip_prefix(key).and_then(|rest| rest.strip_prefix(':')) == Some(value)
}

/// The end of a key that AWS set: `aws:`, the service, and a name.
pub(crate) fn aws_key(label: &str) -> Option<usize> {
    label.starts_with("aws:").then(|| label.match_indices(':').nth(AWS_KEY_COLONS))?.map(|(at, _)| at)
}

/// The tags in a resource's data, in any of the formats that AWS services use.
pub(crate) fn known_tags(data: &RawValue) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    match tags_of(data).and_then(|raw| serde_json::from_str(raw.get()).ok()) {
        Some(Value::Array(items)) => items.iter().for_each(|item| add_item(item, &mut tags)),
        Some(map) => add_item(&map, &mut tags),
        None => {}
    }
    tags
}

/// The list of tags in a resource's data.
fn tags_of(data: &RawValue) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Data<'a> {
        #[serde(borrow)]
        metadata: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Metadata<'a> {
        #[serde(borrow, alias = "Tags", alias = "tag_list", alias = "TagList")]
        tags: Option<&'a RawValue>,
    }
    if data.get().len() > DATA_BYTES_MAX {
        return None;
    }
    let data: Data<'_> = serde_json::from_str(data.get()).ok()?;
    serde_json::from_str::<Metadata<'_>>(data.metadata?.get()).ok()?.tags
}

fn add_item(item: &Value, tags: &mut Vec<(String, String)>) {
    let Value::Object(item) = item else { return };
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let pair = [("Key", "Value"), ("key", "value")];
    for (key, value) in pair {
        if let (Some(key), Some(value)) = (text(key), text(value)) {
            return tags.push((key.to_owned(), value.to_owned()));
        }
    }
    let pairs = item.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    tags.extend(pairs);
}
