//! The services that callers of Security Hub use: the Regions of an account (contract 4.3) and the accounts of an organization
//! (contract 8).

use serde_json::{Value, json};
use simulator::{Config, Deny, Organization, Server, Simulator};

use crate::http::{Answer, send, signature};
use crate::stage::{ACCOUNT, OTHER, REGION, config};

async fn serve(config: Config) -> Server {
    Simulator::new(config).serve("127.0.0.1:0").await.unwrap()
}

async fn regions(server: &Server, form: &str) -> Answer {
    let signature = signature(ACCOUNT, REGION, "ec2");
    send(server.address(), "POST", "/", &[("authorization", &signature)], form).await.unwrap()
}

async fn accounts(server: &Server, caller: &str, body: &Value) -> Answer {
    let signature = signature(caller, "us-east-1", "organizations");
    let target = ("x-amz-target", "AWSOrganizationsV20161128.ListAccounts");
    send(server.address(), "POST", "/", &[("authorization", &signature), target], &body.to_string()).await.unwrap()
}

fn statuses(answer: &Answer) -> Vec<(&str, &str)> {
    let text = |item: &'_ str, name: &str| {
        let start = item.find(&format!("<{name}>")).unwrap() + name.len() + 2;
        (start, start + item[start..].find('<').unwrap())
    };
    let items = answer.body.split("<item>").skip(1);
    items
        .map(|item| {
            let (name, status) = (text(item, "regionName"), text(item, "optInStatus"));
            (&item[name.0..name.1], &item[status.0..status.1])
        })
        .collect()
}

#[tokio::test]
async fn contract_4_3_describe_regions_returns_the_opt_in_status() {
    let config = config()
        .region(ACCOUNT, "af-south-1", |_| {})
        .region(ACCOUNT, "me-south-1", |region| region.opted_in = false)
        .region(ACCOUNT, "xx-new-1", |_| {});
    let server = serve(config).await;
    let all = regions(&server, "Action=DescribeRegions&Version=2016-11-15&AllRegions=true").await;
    let all = statuses(&all);
    for expected in [
        (REGION, "opt-in-not-required"),
        ("af-south-1", "opted-in"),
        ("me-south-1", "not-opted-in"),
        ("ap-east-1", "not-opted-in"),
        ("xx-new-1", "opt-in-not-required"),
    ] {
        assert!(all.contains(&expected), "{expected:?} in {all:?}");
    }
    assert_eq!(all.len(), 35, "the Regions of the partition and the new one: {all:?}");
    let own = regions(&server, "Action=DescribeRegions&Version=2016-11-15").await;
    let names: Vec<_> = statuses(&own).into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(names, ["af-south-1", REGION, "us-east-1", "xx-new-1"]);
}

#[tokio::test]
async fn contract_4_3_describe_regions_requires_the_permission() {
    let mut config = config();
    let action = "ec2:DescribeRegions".to_owned();
    config.account_mut(ACCOUNT).denies.push(Deny {
        action,
        regions: Vec::new(),
        caller: None,
        explicit: false,
        policy: None,
    });
    let server = serve(config).await;
    let answer = regions(&server, "Action=DescribeRegions&Version=2016-11-15").await;
    assert_eq!((answer.status, answer.element("Code")), (403, "UnauthorizedOperation"));
}

#[tokio::test]
async fn contract_8_the_administrator_lists_the_accounts_by_page() {
    let members: Vec<String> = (0..45).map(|number| format!("{number:012}")).collect();
    let suspended = vec![members[7].clone()];
    let mut config = config().account(OTHER, &[REGION]);
    config.organization = Some(Organization { administrator: ACCOUNT.to_owned(), members, suspended });
    let server = serve(config).await;
    let (mut found, mut closed, mut request) = (0, 0, json!({}));
    loop {
        let page = accounts(&server, ACCOUNT, &request).await.json();
        let page_accounts = page["Accounts"].as_array().unwrap();
        assert!(page_accounts.len() <= 20);
        found += page_accounts.len();
        closed += page_accounts.iter().filter(|account| account["State"] == "SUSPENDED").count();
        match page["NextToken"].as_str() {
            Some(token) => request = json!({ "NextToken": token }),
            None => break,
        }
    }
    assert_eq!((found, closed), (46, 1));
    let refused = accounts(&server, OTHER, &json!({})).await;
    assert_eq!((refused.status, refused.json()["__type"].as_str().unwrap()), (400, "AccessDeniedException"));
}

#[tokio::test]
async fn contract_8_an_account_may_have_no_organization() {
    let server = serve(config()).await;
    let answer = accounts(&server, ACCOUNT, &json!({})).await;
    assert_eq!(answer.json()["__type"], "AWSOrganizationsNotInUseException");
}
