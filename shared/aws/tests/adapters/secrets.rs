//! Access keys in Secrets Manager are used and never exposed.

use asff::AccountId;
use aws::Cloud;
use exporter::model::integration::{Credentials, Integration, Role};
use exporter::model::problem::Problem;
use exporter::ports::{ConnectError, Hubs};

use crate::hub_errors::identity;
use crate::wire::{Reply, Request, Wire};
use crate::{ACCOUNT, cloud};

const KEY: &str = "AKIAKEYOFTHESECRET00";
const SECRET: &str = "this/is+never/to+be/seen";
const TOKEN: &str = "nor-is-this";

fn integration(role: Option<Role>) -> Integration {
    let credentials = Credentials::Static { secret: "exporter/keys".to_owned(), role };
    Integration { credentials: Some(credentials), ..Integration::new(account()) }
}

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn secret(text: &str) -> Reply {
    Reply::new(200, serde_json::json!({ "Name": "exporter/keys", "SecretString": text }).to_string())
}

fn is_for_the_secret(request: &Request) -> bool {
    request.header("x-amz-target") == Some("secretsmanager.GetSecretValue")
}

/// Secrets Manager with one response, and an STS that accepts all credentials.
async fn serve(reply: Reply) -> (Wire, Cloud) {
    let wire = Wire::serve(move |_, request| match request {
        request if is_for_the_secret(request) => reply.clone(),
        request if request.text().contains("Action=AssumeRole") => Reply::new(
            200,
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIASESSION</AccessKeyId>\
             <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
        ),
        _ => identity(ACCOUNT),
    })
    .await;
    let cloud = cloud(&wire.url).await;
    (wire, cloud)
}

fn signers(wire: &Wire) -> Vec<String> {
    let key = |request: &Request| {
        let signature = request.header("authorization").unwrap().to_owned();
        signature.split(['=', '/']).nth(1).unwrap().to_owned()
    };
    wire.requests().iter().map(key).collect()
}

#[tokio::test]
async fn the_key_of_the_secret_calls_and_is_never_shown() {
    let text = format!(r#"{{"access_key_id": "{KEY}", "secret_access_key": "{SECRET}", "session_token": "{TOKEN}"}}"#);
    let (wire, cloud) = serve(secret(&text)).await;
    let hub = cloud.connect(account(), &integration(None)).await.unwrap();
    assert_eq!(
        signers(&wire),
        [ACCOUNT, KEY],
        "the deployment's identity reads the secret, and the key in it signs the call"
    );
    let last = wire.requests().pop().unwrap();
    assert_eq!(last.header("x-amz-security-token"), Some(TOKEN));
    let shown = format!("{hub:?} {cloud:?}");
    assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "a secret is in the debug text");
}

#[tokio::test]
async fn the_key_of_the_secret_assumes_the_role() {
    let text = format!(r#"{{"access_key_id": "{KEY}", "secret_access_key": "{SECRET}"}}"#);
    let (wire, cloud) = serve(secret(&text)).await;
    let role =
        Role { external_id: Some("an-id".to_owned()), ..Role::new(format!("arn:aws:iam::{ACCOUNT}:role/Exporter")) };
    cloud.connect(account(), &integration(Some(role))).await.unwrap();
    assert_eq!(signers(&wire), [ACCOUNT, KEY, "ASIASESSION"]);
    let asked = wire.requests()[1].text();
    for parameter in ["ExternalId=an-id", "DurationSeconds=3600", "RoleSessionName=securityhub-exporter-123456789012"] {
        assert!(asked.contains(parameter), "{parameter} is not in {asked}");
    }
}

#[tokio::test]
async fn an_invalid_secret_is_rejected_without_repeating_it() {
    for text in [
        "",
        SECRET,
        &format!("[\"{SECRET}\"]"),
        &format!(r#"{{"access_key_id": "{KEY}", "secret_access_key": ["{SECRET}"]}}"#),
        &format!(r#"{{"access_key_id": 7, "secret": "{SECRET}"}}"#),
        &format!(r#"{{"access_key_id": "", "secret_access_key": "{SECRET}"}}"#),
    ] {
        let (_wire, cloud) = serve(secret(text)).await;
        let Err(ConnectError::Rejected(Problem { reason, message, remediation })) =
            cloud.connect(account(), &integration(None)).await.map(drop)
        else {
            panic!("{text} was accepted")
        };
        assert_eq!(reason, "credentials_invalid", "{text}");
        let remediation = remediation.unwrap();
        assert!(
            remediation.starts_with(&format!("hubctl integration credentials {} --access-key-file FILE", account())),
            "{remediation}"
        );
        assert!(message.starts_with("the secret exporter/keys "), "{message}");
        assert!(!message.contains(SECRET) && !message.contains(KEY), "{message}");
    }
}

#[tokio::test]
async fn an_unreadable_secret_is_rejected_with_the_reason() {
    for (code, expected) in [
        ("ResourceNotFoundException", "secret_missing"),
        ("InvalidRequestException", "secret_missing"),
        ("AccessDeniedException", "secret_denied"),
        ("DecryptionFailure", "secret_denied"),
    ] {
        let body = format!(r#"{{"__type": "{code}", "Message": "no"}}"#);
        let (_wire, cloud) = serve(Reply::new(400, body)).await;
        let Err(ConnectError::Rejected(Problem { reason, message, .. })) =
            cloud.connect(account(), &integration(None)).await.map(drop)
        else {
            panic!("{code} was not rejected")
        };
        assert_eq!(reason, expected, "{code}");
        assert!(message.contains("exporter/keys") && message.ends_with(&format!("{code}: no")), "{message}");
    }
    let (_wire, cloud) = serve(Reply::new(500, r#"{"__type": "InternalServiceError", "Message": "no"}"#)).await;
    let answer = cloud.connect(account(), &integration(None)).await.map(drop);
    assert!(matches!(answer, Err(ConnectError::Failed(_))), "{answer:?}");
}
