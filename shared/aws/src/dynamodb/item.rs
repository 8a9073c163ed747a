//! Values of ours as items of the table and back. They stand there as maps, so that the console shows them readably and
//! a new setting is just one more attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

/// An item of the table.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// Why a value can't be an item, or an item is not the value that it should be.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemError {
    #[error("the item has no {0}")]
    Missing(&'static str),
    #[error("the item has a value of a kind that we do not write: {0}")]
    Kind(&'static str),
    #[error(transparent)]
    Value(#[from] serde_json::Error),
}

/// Text as an attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A whole number as an attribute.
pub(crate) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The text of an attribute.
pub(crate) fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The whole number of an attribute.
pub(crate) fn get_number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A value as an attribute.
pub(crate) fn to_attribute(value: &impl Serialize) -> Result<AttributeValue, ItemError> {
    Ok(attribute(serde_json::to_value(value)?))
}

/// An attribute as a value.
pub(crate) fn from_attribute<T: DeserializeOwned>(attribute: &AttributeValue) -> Result<T, ItemError> {
    Ok(serde_json::from_value(json(attribute)?)?)
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(value) => AttributeValue::N(value.to_string()),
        Value::String(value) => AttributeValue::S(value),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Value::Object(values) => {
            AttributeValue::M(values.into_iter().map(|(name, value)| (name, attribute(value))).collect())
        }
    }
}

fn json(attribute: &AttributeValue) -> Result<Value, ItemError> {
    Ok(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(value) => Value::Bool(*value),
        AttributeValue::N(value) => Value::Number(value.parse::<Number>()?),
        AttributeValue::S(value) => Value::String(value.clone()),
        AttributeValue::L(values) => Value::Array(values.iter().map(json).collect::<Result<_, _>>()?),
        AttributeValue::M(values) => {
            let pairs = values.iter().map(|(name, value)| Ok((name.clone(), json(value)?)));
            Value::Object(pairs.collect::<Result<Map<_, _>, ItemError>>()?)
        }
        AttributeValue::B(_) | AttributeValue::Bs(_) => return Err(ItemError::Kind("binary")),
        AttributeValue::Ns(_) | AttributeValue::Ss(_) => return Err(ItemError::Kind("set")),
        _ => return Err(ItemError::Kind("unknown")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_survives_the_way_into_the_table_and_back() {
        let value: Value = serde_json::from_str(
            r#"{"text": "a", "count": 18446744073709551615, "share": 0.5, "on": true, "none": null,
                "list": [1, "b", []], "map": {"": {}}}"#,
        )
        .unwrap();
        let attribute = to_attribute(&value).unwrap();
        assert_eq!(from_attribute::<Value>(&attribute).unwrap(), value);
    }

    #[test]
    fn what_others_wrote_into_the_table_is_an_error_and_not_a_panic() {
        for attribute in [
            AttributeValue::N("many".to_owned()),
            AttributeValue::Ss(vec!["a".to_owned()]),
            AttributeValue::L(vec![AttributeValue::B(aws_smithy_types::Blob::new("a"))]),
        ] {
            from_attribute::<Value>(&attribute).unwrap_err();
        }
    }
}
