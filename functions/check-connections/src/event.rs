//! Parses events: a schedule, a direct invocation that selects accounts, or messages of the function's own queue.

use asff::AccountId;
use exporter::connection::targets::TargetSelection;
use exporter::model::provider::ProviderId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request to check accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The selected accounts.
    pub selection: TargetSelection,
    /// Number of earlier invocations of this function in the chain.
    pub round: u32,
    /// Whether accounts that exceed this invocation are forwarded to further ones. If not, the response lists them.
    pub fan_out: bool,
    /// Whether the event is a message of the function's own queue.
    pub queued: bool,
}

/// An invalid event. A retry can't succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid event: {0}; send {{\"integration\": \"123456789012\"}}, {{\"integrations\": [...]}}, \
     {{\"accounts\": [...]}}, or none of them to check all"
)]
pub struct EventError(String);

/// The fields that the function reads. Other fields of a payload, such as those of a schedule, are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    integration: Option<ProviderId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    integrations: Option<Vec<ProviderId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<AccountId>>,
    #[serde(default)]
    round: u32,
    #[serde(default = "default_true")]
    fan_out: bool,
}

/// Parses the payload of an invocation. Each message of a queue is a separate request.
///
/// # Errors
///
/// If a field is invalid, or a message is not JSON.
pub fn parse(payload: &Value) -> Result<Vec<Request>, EventError> {
    let Some(records) = payload.get("Records").and_then(Value::as_array) else {
        return Ok(vec![request(payload, false)?]);
    };
    let message = |record: &Value| {
        let body = record.get("body").and_then(Value::as_str).unwrap_or_default();
        let body = serde_json::from_str(body).map_err(|error| EventError(error.to_string()))?;
        request(&body, true)
    };
    records.iter().map(message).collect()
}

fn request(payload: &Value, queued: bool) -> Result<Request, EventError> {
    // A schedule may send any string as its input, which requests a check of all accounts.
    let payload = match payload {
        Value::Object(_) => Payload::deserialize(payload).map_err(|error| EventError(error.to_string()))?,
        _ => Payload { fan_out: true, ..Payload::default() },
    };
    let mut named = payload.integrations;
    if let Some(one) = payload.integration {
        named.get_or_insert_default().push(one);
    }
    let selection = match (named, payload.accounts) {
        (None, None) => TargetSelection::All,
        (Some(integrations), None) => TargetSelection::Integrations(integrations),
        (None, Some(accounts)) => TargetSelection::Accounts(accounts),
        (Some(_), Some(_)) => return Err(EventError("integrations and accounts can't be combined".to_owned())),
    };
    Ok(Request { selection, round: payload.round, fan_out: payload.fan_out, queued })
}

/// The message that makes another invocation check these accounts.
pub fn message(accounts: Vec<AccountId>, round: u32) -> String {
    let payload = Payload { accounts: Some(accounts), round, fan_out: true, ..Payload::default() };
    serde_json::to_string(&payload).unwrap_or_default()
}

const fn default_true() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(payload: &Value) -> Request {
        let [request] = parse(payload).unwrap().try_into().unwrap();
        request
    }

    fn sample(text: &str) -> Request {
        one(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_schedule_selects_all_accounts() {
        let scheduled = json!({"version": "0", "source": "aws.scheduler", "detail": {}, "resources": []});
        for payload in [scheduled, json!({}), json!(null), json!("go")] {
            let request = one(&payload);
            assert_eq!(
                request,
                Request { selection: TargetSelection::All, round: 0, fan_out: true, queued: false },
                "{payload}"
            );
        }
    }

    #[test]
    fn the_sample_events_are_parsed() {
        let all = sample(include_str!("../../../events/check-scheduled.json"));
        assert_eq!(all.selection, TargetSelection::All);
        let one = sample(include_str!("../../../events/check-integration.json"));
        assert_eq!(one.selection, TargetSelection::Integrations(vec!["123456789012".parse().unwrap()]));
        let some = sample(include_str!("../../../events/check-accounts.json"));
        assert!(matches!(some.selection, TargetSelection::Accounts(accounts) if accounts.len() == 2) && !some.fan_out);
        let queued = sample(include_str!("../../../events/sqs-check-accounts.json"));
        assert!(queued.queued && queued.round == 1, "{queued:?}");
    }

    #[test]
    fn a_forwarded_message_is_parsed() {
        let accounts: Vec<AccountId> = vec!["123456789012".parse().unwrap()];
        let body = message(accounts.clone(), 3);
        let request = one(&json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": body}]}));
        assert_eq!(
            request,
            Request { selection: TargetSelection::Accounts(accounts), round: 3, fan_out: true, queued: true }
        );
    }

    #[test]
    fn errors_show_a_valid_event() {
        for payload in [
            json!({"integration": "everything"}),
            json!({"accounts": "123456789012"}),
            json!({"accounts": ["123456789012"], "integration": "123456789012"}),
            json!({"Records": [{"body": "{"}]}),
        ] {
            let error = parse(&payload).unwrap_err().to_string();
            assert!(error.contains("{\"integration\": \"123456789012\"}"), "{error}");
        }
    }
}
