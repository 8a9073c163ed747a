//! The connections of the accounts of an organization.

use serde_json::{Value, json};

use crate::client::{Api, ORGANIZATION, connected};
use crate::stack::OTHER;

/// The API with an organization of three accounts and its integration.
async fn organization() -> Api {
    let api = Api::new();
    let role = json!({"kind": "default", "role": {"arn": "arn:aws:iam::*:role/Exporter"}});
    let made = api.post("/providers", &json!({"id": ORGANIZATION, "credentials": role})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let accounts = ["000000000001", "000000000002", "000000000003"];
    let found = accounts.map(|account| connected(account, ORGANIZATION, &["eu-west-1"])).to_vec();
    api.memory.contents().put_connection_test(ORGANIZATION, found);
    let made = api.post("/integrations", &json!({"provider": ORGANIZATION})).await;
    assert_eq!(made.status, 201, "{}", made.text);
    api
}

async fn summary(api: &Api) -> Value {
    api.get(&format!("/integrations/{ORGANIZATION}")).await.body["connection"].clone()
}

#[tokio::test]
async fn one_unreachable_account_does_not_make_an_organization_unreachable() {
    let api = organization().await;
    let stale = |number: usize, since: &str| {
        let account = format!("{number:012}").parse().unwrap();
        api.memory.contents().connections.get_mut(&account).unwrap().stale_since = Some(since.parse().unwrap());
    };
    stale(2, "2026-11-22T08:00:00Z");
    let one = summary(&api).await;
    assert_eq!(
        (&one["accounts"], &one["accounts_not_reached"], &one["stale_since"]),
        (&json!(3), &json!(1), &Value::Null)
    );
    stale(1, "2026-11-21T08:00:00Z");
    stale(3, "2026-11-20T08:00:00Z");
    let all = summary(&api).await;
    assert_eq!(all["accounts_not_reached"], 3);
    assert_eq!(all["stale_since"], "2026-11-22T08:00:00Z", "one account was reachable until then");
}

#[tokio::test]
async fn the_connections_of_an_organization_are_deleted_with_its_integration() {
    let api = organization().await;
    api.memory.contents().connections.insert(OTHER.parse().unwrap(), connected(OTHER, OTHER, &["eu-west-1"]));
    let path = format!("/integrations/{ORGANIZATION}");
    let etag = api.get(&path).await.etag();
    assert_eq!(api.delete(&path, &etag).await.status, 204);
    let left: Vec<_> = api.memory.contents().connections.keys().map(ToString::to_string).collect();
    assert_eq!(left, [OTHER], "connections of other accounts are unchanged");
    api.memory.contents().connection_tests.clear();
    assert_eq!(api.post("/integrations", &json!({"provider": ORGANIZATION})).await.status, 201);
    assert_eq!((&summary(&api).await["status"], &summary(&api).await["accounts"]), (&json!("unknown"), &json!(0)));
}
