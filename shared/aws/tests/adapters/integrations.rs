//! Integrations as items of the table.

use asff::AccountId;
use aws::CreateError;
use exporter::integration::{Credentials, Integration, Role};
use exporter::ports::Integrations;
use serde_json::{Value, json};

use crate::wire::{Reply, Request, Wire};
use crate::{ACCOUNT, cloud};

fn integration() -> Integration {
    let role =
        Role { external_id: Some("an-id".to_owned()), ..Role::new(format!("arn:aws:iam::{ACCOUNT}:role/Exporter")) };
    Integration {
        alias: Some("production".to_owned()),
        regions: Some(vec!["eu-west-1".parse().unwrap()]),
        credentials: Some(Credentials::Default { role: Some(role) }),
        ..Integration::new(ACCOUNT.parse::<AccountId>().unwrap())
    }
}

fn operation(request: &Request) -> &str {
    request.header("x-amz-target").unwrap().split('.').nth(1).unwrap()
}

/// What the adapter writes into the table for `integration()`.
async fn written() -> Value {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    cloud(&wire.url).await.create_integration(&integration()).await.unwrap();
    wire.requests()[0].json()
}

#[tokio::test]
async fn settings_stand_in_the_table_readably_and_come_back_as_they_were() {
    let put = written().await;
    assert_eq!(put["ConditionExpression"], "attribute_not_exists(pk)");
    let item = &put["Item"];
    assert_eq!((&item["pk"]["S"], &item["sk"]["S"]), (&json!("integration"), &json!(ACCOUNT)));
    assert_eq!(item["version"]["N"], "1");
    let settings = &item["settings"]["M"];
    assert_eq!(settings["alias"]["S"], "production");
    assert_eq!(settings["only_failed"]["BOOL"], true);
    assert_eq!(settings["credentials"]["M"]["kind"]["S"], "default");

    let answer = json!({ "Item": item }).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.clone())).await;
    let cloud = cloud(&wire.url).await;
    let account: AccountId = ACCOUNT.parse().unwrap();
    assert_eq!(cloud.integration(&account).await.unwrap(), Some(integration()));
    let stored = cloud.get_integration(&account.into()).await.unwrap().unwrap();
    assert!(stored.version == 1 && stored.created_at.is_some() && stored.created_at == stored.updated_at, "{stored:?}");
    assert_eq!(wire.requests()[0].json()["ConsistentRead"], true);
}

#[tokio::test]
async fn an_account_without_an_integration_has_none() {
    let wire = Wire::serve(|_, _| Reply::new(200, "{}")).await;
    assert_eq!(cloud(&wire.url).await.integration(&ACCOUNT.parse().unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn an_item_that_is_no_integration_is_an_error() {
    let answer = json!({"Item": {"settings": {"M": {"provider": {"S": "12"}}}}}).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.clone())).await;
    let error = cloud(&wire.url).await.integration(&ACCOUNT.parse().unwrap()).await.unwrap_err();
    assert!(error.to_string().starts_with("read the integration of 123456789012: "), "{error}");
}

#[tokio::test]
async fn an_integration_is_created_once() {
    let taken = r#"{"__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", "message": "no"}"#;
    let wire = Wire::serve(move |_, _| Reply::new(400, taken)).await;
    let error = cloud(&wire.url).await.create_integration(&integration()).await.unwrap_err();
    assert!(matches!(error, CreateError::Exists { ref provider } if provider.as_str() == ACCOUNT), "{error:?}");
}

#[tokio::test]
async fn a_change_counts_the_version_and_keeps_the_time_of_creation() {
    let item = written().await["Item"].clone();
    let answer = json!({ "Attributes": item }).to_string();
    let wire = Wire::serve(move |_, _| Reply::new(200, answer.clone())).await;
    let stored = cloud(&wire.url).await.put_integration(&integration()).await.unwrap();
    assert_eq!(stored.integration, integration());
    let update = wire.requests()[0].json();
    assert_eq!(operation(&wire.requests()[0]), "UpdateItem");
    let expression = update["UpdateExpression"].as_str().unwrap();
    assert!(expression.contains("#version = if_not_exists(#version, :zero) + :one"), "{expression}");
    assert!(expression.contains("#created_at = if_not_exists(#created_at, :now)"), "{expression}");
}

#[tokio::test]
async fn a_list_reads_every_page() {
    let item = written().await["Item"].clone();
    let wire = Wire::serve(move |number, _| {
        let mut page = json!({ "Items": [item, item] });
        if number < 2 {
            page["LastEvaluatedKey"] = json!({"pk": {"S": "integration"}, "sk": {"S": number.to_string()}});
        }
        Reply::new(200, page.to_string())
    })
    .await;
    let all = cloud(&wire.url).await.list_integrations().await.unwrap();
    assert_eq!(all.len(), 6);
    assert_eq!(wire.requests()[2].json()["ExclusiveStartKey"]["sk"]["S"], "1");
}
