//! A deployment can use neither resources of another partition nor secrets of another account. The API and templates reject both,
//! with the reason.

use serde_json::{Value, json};

use crate::client::{ACCOUNT, Api, DEPLOYED_IN, ORGANIZATION, connected};
use crate::stack::{OTHER, Stack, integration, provider};

/// Partitions, each with one of its Regions.
const PARTITIONS: [(&str, &str); 3] = [("aws", "eu-west-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")];

/// Each pair of two partitions, with a Region of the second one.
fn partition_pairs() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let others = |own| PARTITIONS.into_iter().filter(move |(other, _)| *other != own);
    PARTITIONS.into_iter().flat_map(move |(own, _)| others(own).map(move |(other, region)| (own, other, region)))
}

fn api_of(partition: &str, region: &str) -> Api {
    let api = Api::of(partition);
    for account in [ACCOUNT, OTHER] {
        api.memory.contents().put_connection_test(account, vec![connected(account, account, &[region])]);
    }
    api
}

fn reason(own: &str, other: &str) -> String {
    format!(
        "must be in partition {own}, the deployment's, not in partition {other}: credentials are not valid across partitions"
    )
}

fn role_of(partition: &str, account: &str) -> Value {
    json!({"kind": "default", "role": {"arn": format!("arn:{partition}:iam::{account}:role/Exporter")}})
}

fn secret_of(partition: &str, region: &str, account: &str) -> Value {
    let arn = format!("arn:{partition}:secretsmanager:{region}:{account}:secret:securityhub-exporter/x-AbCdEf");
    json!({"kind": "static", "secret": arn})
}

/// Credentials that a deployment of another partition rejects, with the invalid field.
fn wrong_credentials(other: &str, region: &str) -> [(Value, &'static str); 3] {
    [
        (role_of(other, ACCOUNT), "credentials.role.arn"),
        (secret_of(other, region, DEPLOYED_IN), "credentials.secret"),
        (
            json!({"kind": "static", "secret": "securityhub-exporter/x",
            "role": {"arn": format!("arn:{other}:iam::{ACCOUNT}:role/Exporter")}}),
            "credentials.role.arn",
        ),
    ]
}

#[tokio::test]
async fn the_api_rejects_resources_of_another_partition() {
    for (own, other, region) in partition_pairs() {
        let api = api_of(own, region);
        let expected = |field: &str| json!([{"field": field, "message": reason(own, other)}]);
        for (credentials, field) in wrong_credentials(other, region) {
            let rejected = api.post("/providers", &json!({"id": ACCOUNT, "credentials": credentials})).await;
            assert_eq!((rejected.status.as_u16(), &rejected.body["errors"]), (422, &expected(field)), "{own} {other}");
        }
        let organization = json!({"id": ORGANIZATION, "credentials": role_of(other, "*")});
        assert_eq!(api.post("/providers", &organization).await.body["errors"], expected("credentials.role.arn"));
        assert_eq!(api.post("/providers", &json!({ "id": ACCOUNT })).await.status, 201);
        for (field, settings) in [
            ("regions.0", json!({"provider": ACCOUNT, "regions": [region]})),
            ("fallback_region", json!({"provider": ACCOUNT, "fallback_region": region})),
        ] {
            assert_eq!(api.post("/integrations", &settings).await.body["errors"], expected(field), "{own} {other}");
        }
        assert_eq!(api.post("/integrations", &json!({ "provider": ACCOUNT })).await.status, 201);
        let path = format!("/integrations/{ACCOUNT}");
        for (field, settings) in
            [("regions.0", json!({ "regions": [region] })), ("fallback_region", json!({ "fallback_region": region }))]
        {
            assert_eq!(api.patch(&path, "*", &settings).await.body["errors"], expected(field), "{own} {other}");
        }
        for of in [path, format!("/providers/{ACCOUNT}")] {
            for (credentials, field) in wrong_credentials(other, region) {
                let rejected = api.put(&format!("{of}/credentials"), "*", &credentials).await;
                assert_eq!(rejected.body["errors"], expected(field), "{own} {other}: {of}");
            }
        }
    }
}

#[tokio::test]
async fn the_api_accepts_resources_of_the_deployments_partition() {
    for (own, region) in PARTITIONS {
        let api = api_of(own, region);
        for (id, account) in [(ACCOUNT, ACCOUNT), (ORGANIZATION, "*")] {
            let made = api.post("/providers", &json!({"id": id, "credentials": role_of(own, account)})).await;
            assert_eq!(made.status, 201, "a role in the deployment's partition is valid: {}", made.text);
        }
        let settings = json!({"provider": ACCOUNT, "regions": [region], "fallback_region": region,
            "credentials": secret_of(own, region, DEPLOYED_IN)});
        let made = api.post("/integrations", &settings).await;
        assert_eq!((made.status.as_u16(), &made.body["regions"]), (201, &json!([region])), "{}", made.text);
        let changed = api.patch(&format!("/integrations/{ACCOUNT}"), "*", &json!({"fallback_region": region})).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    }
}

#[tokio::test]
async fn a_secret_of_another_account_is_rejected() {
    for (own, region) in PARTITIONS {
        let api = api_of(own, region);
        let stack = Stack::new(&api, "arn:stack");
        let message = format!(
            "must be in account {DEPLOYED_IN}, the deployment's, not in account {ACCOUNT}: its functions can't read secrets \
             of another account"
        );
        let body = json!({"id": ACCOUNT, "credentials": secret_of(own, region, ACCOUNT)});
        let rejected = api.post("/providers", &body).await;
        let expected = json!([{"field": "credentials.secret", "message": message}]);
        assert_eq!((rejected.status.as_u16(), &rejected.body["errors"]), (422, &expected), "{own}");
        let rejected = stack.create(with(provider(ACCOUNT), "Credentials", properties(&body["credentials"]))).await;
        assert!(rejected.status == "FAILED" && rejected.reason.contains(&message), "{own}: {rejected:?}");
        assert!(rejected.reason.contains("Credentials.Secret"), "{own}: {rejected:?}");
    }
}

/// Partitions and Regions that this release doesn't know are detected by the prefix of their name.
#[tokio::test]
async fn a_partition_is_detected_by_the_names_of_its_regions() {
    let api = api_of("aws", "eu-west-1");
    for (region, other) in [
        ("cn-south-9", "aws-cn"),
        ("us-gov-north-9", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("eusc-de-east-1", "aws-eusc"),
    ] {
        let rejected = api.post("/integrations", &json!({"provider": ACCOUNT, "regions": ["eu-west-1", region]})).await;
        let expected = json!([{"field": "regions.1", "message": reason("aws", other)}]);
        assert_eq!(rejected.body["errors"], expected, "{region}");
    }
    let crossed = json!({"id": ACCOUNT, "credentials": secret_of("aws", "cn-north-1", DEPLOYED_IN)});
    let rejected = api.post("/providers", &crossed).await;
    assert_eq!(rejected.body["errors"][0]["message"], reason("aws", "aws-cn"), "{}", rejected.text);
    let isolated = json!({"id": ACCOUNT, "credentials": role_of("aws-iso", ACCOUNT)});
    assert_eq!(api.post("/providers", &isolated).await.body["errors"][0]["message"], reason("aws", "aws-iso"));
    let unknown = api_of("aws-cn", "cn-north-1");
    let rejected = unknown.post("/integrations", &json!({"provider": ACCOUNT, "regions": ["mars-north-1"]})).await;
    assert_eq!(rejected.body["errors"][0]["message"], "must be a Region name, for example cn-north-1");
}

#[tokio::test]
async fn a_template_with_resources_of_another_partition_is_rejected() {
    for (own, other, region) in partition_pairs() {
        let api = api_of(own, region);
        let stack = Stack::new(&api, "arn:stack");
        let assert_rejected = |response: &management::host::ResourceResponse, property: &str| {
            let expected = format!("{property} {}", reason(own, other));
            assert!(response.status == "FAILED" && response.reason.contains(&expected), "{expected}: {response:?}");
        };
        for (credentials, property) in [
            (role_of(other, ACCOUNT), "Credentials.Role.Arn"),
            (secret_of(other, region, DEPLOYED_IN), "Credentials.Secret"),
        ] {
            assert_rejected(
                &stack.create(with(provider(ACCOUNT), "Credentials", properties(&credentials))).await,
                property,
            );
        }
        assert_eq!(stack.create(provider(ACCOUNT)).await.status, "SUCCESS");
        for (name, value, property) in [
            ("Regions", json!([region]), "Regions.0"),
            ("FallbackRegion", json!(region), "FallbackRegion"),
            ("Credentials", properties(&role_of(other, ACCOUNT)), "Credentials.Role.Arn"),
            ("Credentials", properties(&secret_of(other, region, DEPLOYED_IN)), "Credentials.Secret"),
        ] {
            assert_rejected(&stack.create(with(integration(ACCOUNT), name, value)).await, property);
        }
    }
}

#[tokio::test]
async fn a_template_may_name_resources_of_the_deployments_partition() {
    for (own, region) in PARTITIONS {
        let api = api_of(own, region);
        let stack = Stack::new(&api, "arn:stack");
        let made = stack.create(with(provider(ACCOUNT), "Credentials", properties(&role_of(own, ACCOUNT)))).await;
        assert_eq!(made.status, "SUCCESS", "{made:?}");
        let settings = with(integration(ACCOUNT), "Regions", json!([region]));
        let settings = with(settings, "FallbackRegion", json!(region));
        let secret = properties(&secret_of(own, region, DEPLOYED_IN));
        let made = stack.create(with(settings, "Credentials", secret)).await;
        assert_eq!(made.status, "SUCCESS", "{made:?}");
    }
}

/// Properties with one added.
fn with(mut properties: Value, name: &str, value: Value) -> Value {
    properties[name] = value;
    properties
}

/// Credentials as properties of a template.
fn properties(credentials: &Value) -> Value {
    let mut properties = json!({"Kind": credentials["kind"]});
    if let Some(secret) = credentials.get("secret") {
        properties["Secret"] = secret.clone();
    }
    if let Some(role) = credentials.get("role") {
        properties["Role"] = json!({"Arn": role["arn"]});
    }
    properties
}
