//! Entries whose exit code is determined on this machine: scans, exports without a deployment, and direct calls of Security Hub.

use simulator::{Config, Deviation, Fault, Operation, Simulator};

use super::{Driver, FILE, alone, code, sample};
use crate::manage::{ACCOUNT, Deployment, OTHER};
use crate::standalone::{FIRST, World, genuine};
use crate::verify;
use crate::{Ended, hubctl, run};

pub(super) fn driver(command: &str, when: &str) -> Option<Driver> {
    let of = command.to_owned();
    match (command, when) {
        ("convert" | "validate", "success") => Some(Box::new(move || run(&sample(&of)).exit)),
        ("convert" | "validate", "findings") => Some(Box::new(move || {
            let (command, place) = alone(&format!("{of} empty.json"));
            std::fs::write(place.path().join("empty.json"), "[]").unwrap();
            code(command)
        })),
        ("completion" | "man", "success") => Some(Box::new(move || {
            let (command, _place) = alone(&sample(&of));
            code(command)
        })),
        ("plan" | "export", _) => export(of, when),
        ("explain", "success") => Some(Box::new(|| {
            let world = World::whole();
            assert_eq!(world.run("export", FIRST, "").exit, 0);
            let id = format!("prowler-s3_bucket_acl-{ACCOUNT}-eu-west-1-0123456ab");
            in_world(&world, &format!("explain {id} --state state"))
        })),
        ("reconcile", "differs") => Some(Box::new(|| reconciled(None))),
        ("reconcile", "not compared") => {
            Some(Box::new(|| reconciled(Some(Fault::error(403).on(Operation::GetFindings)))))
        }
        ("integration send-sample", _) => send_sample(when),
        ("doctor", _) => doctor(when),
        ("verify", _) => verified(when),
        _ => None,
    }
}

fn export(command: String, when: &str) -> Option<Driver> {
    let of = command.clone();
    let world = move |config: fn() -> World, file: &'static str, options: &'static str| {
        Some(Box::new(move || config().run(&of, file, options).exit) as Driver)
    };
    match when {
        "success" => world(World::whole, FIRST, ""),
        "run failed" => world(World::whole, "5.46.0-scan-1.csv.gz", "--format ocsf"),
        "credentials" => world(|| World::new(Config::one_account(OTHER, &["us-east-1"])), FIRST, ""),
        "region" => world(|| World::new(Config::one_account(ACCOUNT, &["us-east-1"])), FIRST, ""),
        "findings" => Some(Box::new(move || {
            let world = World::whole();
            let mut findings = genuine(FIRST);
            findings[0]["cloud"]["account"]["uid"] = "12".into();
            let path = world.place.path().join("scan.json");
            std::fs::write(&path, serde_json::to_vec(&findings).unwrap()).unwrap();
            world.run(&command, path.to_str().unwrap(), "").exit
        })),
        _ => None,
    }
}

fn in_world(world: &World, line: &str) -> i32 {
    let output = world.hubctl().current_dir(world.place.path()).args(line.split_whitespace()).output();
    Ended::of(output.unwrap()).exit
}

/// Compares an empty Security Hub with the state of an export to another one.
fn reconciled(fault: Option<Fault>) -> i32 {
    let world = World::whole();
    assert_eq!(world.run("export", FIRST, "").exit, 0);
    let mut other = World::whole();
    if let Some(fault) = fault {
        other.simulator.inject(fault);
    }
    std::mem::swap(&mut other.place, &mut { world }.place);
    in_world(&other, "reconcile --dry-run --state state")
}

/// Runs a command with simulated Security Hub and STS, and the rest of a deployment in memory.
fn with_hub(config: Config, line: &str) -> i32 {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(Simulator::new(config.unlimited()).serve("127.0.0.1:0")).unwrap();
    let deployment = Deployment::new();
    deployment.file("file.yaml", FILE);
    deployment.json(&format!("integration create --provider {ACCOUNT}"));
    let url = server.endpoint_url();
    let output = hubctl()
        .envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "us-east-1")])
        .envs([("AWS_ENDPOINT_URL_SECURITYHUB", &url), ("AWS_ENDPOINT_URL_STS", &url)])
        .envs([("AWS_ENDPOINT_URL", deployment.url.as_str()), ("HUBCTL_MANAGE_FUNCTION", "manage")])
        .env("AWS_MAX_ATTEMPTS", "1")
        .args(line.split_whitespace())
        .output();
    Ended::of(output.unwrap()).exit
}

/// An account in which Security Hub is not enabled.
fn off() -> Config {
    let mut config = Config::one_account(ACCOUNT, &["us-east-1"]);
    config.accounts[0].regions.get_mut("us-east-1").unwrap().hub = false;
    config
}

/// The account of the caller and its Security Hub, for a reason that concerns the credentials or the hub.
fn hub(when: &str, of_credentials: &str, of_hub: &str) -> Option<fn() -> Config> {
    match when {
        "success" => Some(|| Config::one_account(ACCOUNT, &["us-east-1"])),
        when if when == of_credentials => Some(|| Config::one_account(OTHER, &["us-east-1"])),
        when if when == of_hub => Some(off),
        _ => None,
    }
}

fn verified(when: &str) -> Option<Driver> {
    let with = |deviations: &'static [Deviation], options: &'static str| {
        Some(Box::new(move || verify::verify(&verify::world(deviations), options).exit) as Driver)
    };
    match when {
        "success" => with(&[], ""),
        "unconfirmed" => Some(Box::new(|| in_world(&verify::world(&[]), "verify"))),
        "not cleaned up" => Some(Box::new(verify::clean_up_in_vain)),
        "region" => with(&[], "--hub-region us-west-2"),
        "differs" => with(&[Deviation::MaxResultsUnlimited], ""),
        _ => None,
    }
}

fn send_sample(when: &str) -> Option<Driver> {
    let config = hub(when, "credentials", "region")?;
    Some(Box::new(move || {
        with_hub(
            config(),
            &format!("integration send-sample {ACCOUNT} --use-caller-credentials --hub-region us-east-1"),
        )
    }))
}

fn doctor(when: &str) -> Option<Driver> {
    let config = hub(when, "not connected", "unavailable")?;
    Some(Box::new(move || with_hub(config(), &sample("doctor"))))
}
