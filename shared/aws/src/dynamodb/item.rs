//! Converts values to table items and back. Values are maps, so that the DynamoDB console shows them, and a new setting is an
//! additional attribute.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An item of the table.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A failed conversion.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemError {
    #[error("the item has no {0}")]
    Missing(&'static str),
    #[error(transparent)]
    Value(#[from] serde_dynamo::Error),
}

/// A string attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// An integer attribute.
pub(crate) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Value of a string attribute.
pub(crate) fn get_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Value of an integer attribute.
pub(crate) fn get_number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// A value as an attribute.
pub(crate) fn to_attribute(value: &impl Serialize) -> Result<AttributeValue, ItemError> {
    Ok(serde_dynamo::to_attribute_value(value)?)
}

/// The value of an attribute.
pub(crate) fn get<T: DeserializeOwned>(item: &Item, name: &'static str) -> Result<T, ItemError> {
    let attribute = item.get(name).ok_or(ItemError::Missing(name))?;
    Ok(serde_dynamo::from_attribute_value(attribute.clone())?)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_value_survives_a_round_trip_through_the_table() {
        let value: Value = serde_json::from_str(
            r#"{"text": "a", "count": 18446744073709551615, "share": 0.5, "on": true, "none": null,
                "list": [1, "b", []], "map": {"": {}}}"#,
        )
        .unwrap();
        let item = Item::from([("value".to_owned(), to_attribute(&value).unwrap())]);
        assert_eq!(get::<Value>(&item, "value").unwrap(), value);
    }

    #[test]
    fn foreign_items_are_an_error_and_not_a_panic() {
        for attribute in [
            AttributeValue::N("many".to_owned()),
            AttributeValue::Bs(vec![aws_smithy_types::Blob::new("a")]),
            AttributeValue::L(vec![AttributeValue::B(aws_smithy_types::Blob::new("a"))]),
        ] {
            get::<Value>(&Item::from([("value".to_owned(), attribute)]), "value").unwrap_err();
        }
    }
}
