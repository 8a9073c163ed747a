//! Integrations as items of the table.

use asff::AccountId;
use exporter::connection::targets::CheckTargets;
use exporter::model::integration::{Credentials, Integration, Role};
use exporter::ports::Integrations;
use serde_json::{Value, json};

use crate::wire::{Reply, Wire};
use crate::{ACCOUNT, cloud};

fn integration() -> Integration {
    let role =
        Role { external_id: Some("an-id".to_owned()), ..Role::new(format!("arn:aws:iam::{ACCOUNT}:role/Exporter")) };
    let credentials = Some(Credentials::Default { role: Some(role) });
    Integration { credentials, ..Integration::new(ACCOUNT.parse::<AccountId>().unwrap()) }
        .with(|settings| settings.regions = Some(vec!["eu-west-1".parse().unwrap()]))
}

/// The item of `integration()`.
fn item() -> Value {
    json!({
        "pk": {"S": "integration"}, "sk": {"S": ACCOUNT}, "version": {"N": "1"},
        "settings": {"M": {
            "provider": {"S": ACCOUNT},
            "regions": {"L": [{"S": "eu-west-1"}]},
            "credentials": {"M": {"kind": {"S": "default"}, "role": {"M": {
                "arn": {"S": format!("arn:aws:iam::{ACCOUNT}:role/Exporter")}, "external_id": {"S": "an-id"},
            }}}},
        }},
    })
}

#[tokio::test]
async fn an_integration_is_read_consistently_with_defaults() {
    let answer = json!({ "Item": item() }).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.clone())).await;
    let account: AccountId = ACCOUNT.parse().unwrap();
    assert_eq!(cloud(&wire.url).await.integration(&account).await.unwrap(), Some(integration()));
    assert_eq!(wire.requests()[0].json()["ConsistentRead"], true);
}

#[tokio::test]
async fn an_account_without_an_integration_has_none() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    assert_eq!(cloud(&wire.url).await.integration(&ACCOUNT.parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn an_invalid_item_is_an_error() {
    let answer = json!({"Item": {"settings": {"M": {"provider": {"S": "12"}}}}}).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.clone())).await;
    let error = cloud(&wire.url).await.integration(&ACCOUNT.parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().starts_with("failed to read the integration of 123456789012: "), "{error}");
}

#[tokio::test]
async fn a_list_reads_every_page() {
    let wire = Wire::serve(move |number, _| {
        let mut page = json!({ "Items": [item(), item()] });
        if number < 2 {
            page["LastEvaluatedKey"] = json!({"pk": {"S": "integration"}, "sk": {"S": number.to_string()}});
        }
        Reply::new(200, page.to_string())
    })
    .await;
    let all = CheckTargets::integrations(&cloud(&wire.url).await).await.unwrap();
    assert_eq!(all, vec![integration(); 6]);
    assert_eq!(wire.requests()[2].json()["ExclusiveStartKey"]["sk"]["S"], "1");
}
