//! Contract 6.1: STS over HTTP, and the use of its keys at Security Hub.

use std::net::SocketAddr;
use std::time::Duration;

use simulator::{AccessKey, Config, Server, Simulator};

use crate::http::{Answer, send, signature};
use crate::stage::{ACCOUNT, OTHER, REGION, config};

const ROLE: &str = "arn:aws:iam::210987654321:role/exporter";

fn world() -> Config {
    let mut config =
        config().account(OTHER, &[REGION, "af-south-1"]).role(OTHER, "exporter", ACCOUNT, Some("secret/id:1"));
    let lambda = "arn:aws:sts::123456789012:assumed-role/function/run".to_owned();
    config.account_mut(ACCOUNT).access_keys.push(AccessKey { id: "AKIALAMBDA".to_owned(), arn: Some(lambda) });
    config
}

async fn serve(config: Config) -> (Simulator, Server) {
    let simulator = Simulator::new(config);
    let server = simulator.serve("127.0.0.1:0").await.unwrap();
    (simulator, server)
}

async fn ask(address: SocketAddr, key: &str, token: Option<&str>, form: &str) -> Answer {
    let signature = signature(key, REGION, "sts");
    let mut headers = vec![("authorization", signature.as_str())];
    headers.extend(token.map(|token| ("x-amz-security-token", token)));
    send(address, "POST", "/", &headers, &format!("Version=2011-06-15&{form}")).await.unwrap()
}

fn assume(extra: &str) -> String {
    format!(
        "Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A210987654321%3Arole%2Fexporter&RoleSessionName=run-1{extra}"
    )
}

const RIGHT: &str = "&ExternalId=secret%2Fid%3A1";

async fn describe_hub(address: SocketAddr, key: &str, token: &str, region: &str) -> Answer {
    let signature = signature(key, region, "securityhub");
    let headers = [("authorization", signature.as_str()), ("x-amz-security-token", token)];
    send(address, "GET", "/accounts", &headers, "").await.unwrap()
}

#[tokio::test]
async fn contract_6_1_get_caller_identity() {
    let (_, server) = serve(world()).await;
    let who = ask(server.address(), "anything", None, "Action=GetCallerIdentity").await;
    assert_eq!((who.status, who.element("Account")), (200, ACCOUNT));
    assert_eq!(who.headers["content-type"], "text/xml");
    let lambda = ask(server.address(), "AKIALAMBDA", None, "Action=GetCallerIdentity").await;
    assert_eq!(lambda.element("Arn"), "arn:aws:sts::123456789012:assumed-role/function/run");
    let other = ask(server.address(), OTHER, None, "Action=GetCallerIdentity").await;
    assert_eq!(other.element("Account"), OTHER);
}

#[tokio::test]
async fn contract_6_1_unknown_keys_without_a_default_account() {
    let (_, server) = serve(Config { default_account: None, ..world() }).await;
    let who = ask(server.address(), "anything", None, "Action=GetCallerIdentity").await;
    assert_eq!((who.status, who.element("Code")), (403, "InvalidClientTokenId"));
    let hub = describe_hub(server.address(), "anything", "x", REGION).await;
    assert_eq!((hub.status, hub.headers["x-amzn-errortype"].as_str()), (403, "UnrecognizedClientException"));
}

#[tokio::test]
async fn contract_6_1_the_external_id_must_be_right() {
    let (_, server) = serve(world()).await;
    for wrong in ["", "&ExternalId=wrong"] {
        let answer = ask(server.address(), "test", None, &assume(wrong)).await;
        assert_eq!((answer.status, answer.element("Code")), (403, "AccessDenied"));
        let user = "arn:aws:iam::123456789012:user/simulated";
        let message = format!("User: {user} is not authorized to perform: sts:AssumeRole on resource: {ROLE}");
        assert_eq!(answer.element("Message"), message);
    }
    let answer = ask(server.address(), "test", None, &assume(RIGHT)).await;
    assert_eq!(answer.element("Arn"), "arn:aws:sts::210987654321:assumed-role/exporter/run-1");
}

#[tokio::test]
async fn contract_6_1_a_role_trusts_only_its_principals() {
    for (trusts, status) in [
        ("*", 200),
        ("arn:aws:iam::123456789012:root", 200),
        ("arn:aws:iam::123456789012:role/func*", 200),
        ("arn:aws:iam::123456789012:role/function", 200),
        ("arn:aws:iam::123456789012:role/other", 403),
        ("999999999999", 403),
    ] {
        let mut config = world();
        config.account_mut(OTHER).roles[0].trusts = vec![trusts.to_owned()];
        let (_, server) = serve(config).await;
        let answer = ask(server.address(), "AKIALAMBDA", None, &assume(RIGHT)).await;
        assert_eq!(answer.status, status, "{trusts}");
    }
}

#[tokio::test]
async fn contract_6_1_durations_and_the_maximum_for_chaining() {
    let (_, server) = serve(world()).await;
    for (key, seconds, status) in [
        ("test", 899, 400),
        ("test", 900, 200),
        ("test", 43_200, 200),
        ("test", 43_201, 400),
        // A function's own credentials are those of a role, so that assuming another role is role chaining.
        ("AKIALAMBDA", 3_600, 200),
        ("AKIALAMBDA", 3_601, 400),
    ] {
        let answer = ask(server.address(), key, None, &assume(&format!("{RIGHT}&DurationSeconds={seconds}"))).await;
        assert_eq!(answer.status, status, "{key} {seconds}: {}", answer.body);
    }
    let mut config = world();
    config.account_mut(OTHER).roles[0].max_session_seconds = 3_600;
    let (_, server) = serve(config).await;
    let answer = ask(server.address(), "test", None, &assume(&format!("{RIGHT}&DurationSeconds=7200"))).await;
    assert_eq!((answer.status, answer.element("Code")), (400, "ValidationError"));
}

#[tokio::test]
async fn contract_6_1_temporary_keys_are_the_roles_account_and_expire() {
    let (simulator, server) = serve(world()).await;
    let keys = ask(server.address(), "test", None, &assume(&format!("{RIGHT}&DurationSeconds=900"))).await;
    let (key, token) = (keys.element("AccessKeyId"), keys.element("SessionToken"));
    assert_eq!(keys.element("Expiration"), "2026-11-23T08:15:00Z");
    let hub = describe_hub(server.address(), key, token, REGION).await;
    assert_eq!(hub.json()["HubArn"], "arn:aws:securityhub:eu-west-1:210987654321:hub/default");
    let forged = describe_hub(server.address(), key, "another-token", REGION).await;
    assert_eq!(forged.headers["x-amzn-errortype"], "UnrecognizedClientException");
    simulator.clock().advance(Duration::from_secs(900));
    let late = describe_hub(server.address(), key, token, REGION).await;
    assert_eq!((late.status, late.headers["x-amzn-errortype"].as_str()), (403, "ExpiredTokenException"));
    let who = ask(server.address(), key, Some(token), "Action=GetCallerIdentity").await;
    assert_eq!(who.element("Code"), "ExpiredToken");
}

#[tokio::test]
async fn contract_6_1_global_endpoint_tokens_are_invalid_in_opt_in_regions() {
    let mut config = world();
    config.rules.global_sts_tokens = true;
    let (_, server) = serve(config).await;
    let keys = ask(server.address(), "test", None, &assume(RIGHT)).await;
    let (key, token) = (keys.element("AccessKeyId"), keys.element("SessionToken"));
    assert_eq!(describe_hub(server.address(), key, token, REGION).await.status, 200);
    let opt_in = describe_hub(server.address(), key, token, "af-south-1").await;
    assert_eq!(opt_in.headers["x-amzn-errortype"], "UnrecognizedClientException");
}

#[tokio::test]
async fn contract_6_1_a_region_not_opted_into_has_no_sts() {
    let (_, server) = serve(world().region(ACCOUNT, REGION, |region| region.opted_in = false)).await;
    let answer = ask(server.address(), "test", None, "Action=GetCallerIdentity").await;
    assert_eq!((answer.status, answer.element("Code")), (403, "RegionDisabledException"));
}
