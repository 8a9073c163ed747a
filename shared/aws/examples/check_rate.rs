//! Measures the duration of connection checks against a simulator in the same process, over HTTP: one account with 34 Regions,
//! then many accounts.
//!
//! `cargo run --release -p aws --example check_rate -- --accounts 1000 --latency-ms 80`

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example: it prints, and may fail")]

use std::sync::Arc;
use std::time::Duration;

use asff::{AccountId, Availability, Partition, Regions};
use aws::{Cloud, ResourceNames};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::SharedCredentialsProvider;
use exporter::connection::{CheckSettings, CheckTarget, Checker, ConnectionStatus};
use exporter::model::integration::{Credentials, Integration, Role};
use exporter::testing::InMemory;
use simulator::{Config, Simulator};
use tokio::time::Instant;

/// The account of the caller.
const OWN: &str = "999999999999";
/// Time limit of one round in a function: the maximum of Lambda, less the time to complete the invocation.
const DEADLINE: Duration = Duration::from_secs(14 * 60);

/// A numeric option of the command line.
fn option(name: &str, default: u64) -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let place = arguments.iter().position(|argument| argument == name);
    place.map_or(default, |place| arguments[place + 1].parse().unwrap())
}

fn target(number: u64) -> CheckTarget {
    let account: AccountId = format!("{number:012}").parse().unwrap();
    let role = Role {
        external_id: Some("an-external-id".to_owned()),
        ..Role::new(format!("arn:aws:iam::{account}:role/Exporter"))
    };
    let credentials = Some(Credentials::Default { role: Some(role) });
    CheckTarget::new(account, Arc::new(Integration { credentials, ..Integration::new(account) }))
}

#[tokio::main]
async fn main() {
    let (accounts, latency_ms) = (option("--accounts", 100), option("--latency-ms", 80));
    let open = |(name, region): (asff::RegionName, asff::Region)| {
        (region.availability != Availability::Announced).then(|| name.to_string())
    };
    let regions: Vec<String> = Regions::known().of_partition(Partition::Aws).filter_map(open).collect();
    let names: Vec<&str> = regions.iter().map(String::as_str).collect();
    let mut config = Config { latency_ms, ..Config::one_account(OWN, &names) };
    for number in 0..=accounts {
        let id = format!("{number:012}");
        config = config.account(&id, &names).role(&id, "Exporter", OWN, Some("an-external-id"));
    }
    let server = Simulator::new(config).serve("127.0.0.1:0").await.unwrap();
    let keys = SharedCredentialsProvider::new(Keys::new(OWN, "secret", None, None, "example"));
    let sdk = aws::sdk_config_of(None, Some("eu-west-1")).await;
    let sdk = sdk.to_builder().endpoint_url(server.endpoint_url()).credentials_provider(keys).build();
    let names = ResourceNames { table: "-".to_owned(), state_bucket: "-".to_owned(), queue_url: None };
    let ports = InMemory::default().with_hubs(Cloud::new(&sdk, names));
    let checker = Arc::new(Checker::new(Arc::new(ports), CheckSettings::default()));

    for attempt in ["first", "second"] {
        let start = Instant::now();
        let CheckTarget { account, integration, .. } = target(0);
        let connection = checker.check(account, &integration, None).await.connection;
        assert_eq!(connection.status, ConnectionStatus::Connected, "{connection:?}");
        println!("{} Regions at {latency_ms} ms a call, {attempt}: {:.2?}", connection.regions.len(), start.elapsed());
    }
    let start = Instant::now();
    let targets = (1..=accounts).map(target).collect();
    let round = checker.check_all(targets, Some(start + DEADLINE)).await;
    let connected =
        round.checked.iter().filter(|checked| checked.connection.status == ConnectionStatus::Connected).count();
    println!(
        "{connected} of {} accounts connected, {} left over, in {:.1?}; {:.1} accounts a second",
        round.checked.len(),
        round.not_reached.len(),
        start.elapsed(),
        round.checked.len() as f64 / start.elapsed().as_secs_f64()
    );
}
