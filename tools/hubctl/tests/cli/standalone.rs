//! `hubctl export --standalone` and `hubctl plan`: exports real scans, one after the other, to a simulated Security Hub, with
//! only a directory as state.

use std::process::Command;

use serde_json::Value;
use simulator::{Config, Operation, Simulator};

use super::{Ended, hubctl, scan};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const FIRST: &str = "5.46.0-scan-1.ocsf.json.gz";
pub(super) const SECOND: &str = "5.46.0-scan-2-after-fixes.ocsf.json.gz";

/// A simulated Security Hub, and the directory of a CI job.
pub(super) struct World {
    pub(super) simulator: Simulator,
    pub(super) url: String,
    _runtime: tokio::runtime::Runtime,
    _server: simulator::Server,
    pub(super) place: tempfile::TempDir,
}

impl World {
    pub(super) fn new(config: Config) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let simulator = Simulator::new(config.unlimited());
        let server = runtime.block_on(simulator.serve("127.0.0.1:0")).unwrap();
        Self {
            simulator,
            url: server.endpoint_url(),
            _runtime: runtime,
            _server: server,
            place: tempfile::tempdir().unwrap(),
        }
    }

    /// A world with Security Hub enabled in every Region of the scans.
    pub(super) fn whole() -> Self {
        let file = scan(FIRST);
        let ended = super::run(&format!("validate {} --output json", file.display()));
        let json: Value = serde_json::from_str(&ended.stdout).unwrap();
        let regions: Vec<&str> = json["scan"]["regions"].as_object().unwrap().keys().map(String::as_str).collect();
        Self::new(Config::one_account(ACCOUNT, &regions))
    }

    /// Runs a command on a scan, in the directory of the job.
    pub(super) fn run(&self, command: &str, file: &str, options: &str) -> Ended {
        let output = self
            .hubctl()
            .current_dir(self.place.path())
            .arg(command)
            .arg(scan(file))
            .args(["--standalone", "--state", "state"])
            .args(options.split_whitespace())
            .output();
        Ended::of(output.unwrap())
    }

    /// A `hubctl` process that calls this Security Hub.
    pub(super) fn hubctl(&self) -> Command {
        let mut command = hubctl();
        command
            .envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "us-east-1")])
            .envs([("AWS_ENDPOINT_URL_SECURITYHUB", &self.url), ("AWS_ENDPOINT_URL_STS", &self.url)]);
        command
    }

    /// Exports a scan. Returns the report, and the number of import calls.
    fn export(&self, file: &str, options: &str) -> (Value, usize) {
        self.simulator.forget_calls();
        let ended = self.run("export", file, &format!("{options} --output json"));
        let report: Value = serde_json::from_str(&ended.stdout).expect(&ended.stderr);
        (report, self.imports())
    }

    fn imports(&self) -> usize {
        self.simulator.calls().iter().filter(|call| call.operation == Operation::BatchImportFindings).count()
    }

    /// Number of findings in all hubs with this record state.
    pub(super) fn count(&self, record_state: &str) -> usize {
        self.simulator.summary().iter().filter_map(|region| region.by_record_state.get(record_state)).sum()
    }
}

/// An older scan never overwrites a newer one, a repeated scan makes no calls, and resolved findings are archived.
#[test]
fn a_ci_job_sends_changes_and_archives_resolved_findings() {
    let world = World::whole();
    let (first, _) = world.export(FIRST, "--archive --report run.json");
    assert_eq!((first["status"].as_str(), first["counts"]["sent"].as_u64()), (Some("succeeded"), Some(687)));
    let written = std::fs::read(world.place.path().join("run.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&written).unwrap(), first);
    assert_eq!((world.count("ACTIVE"), world.count("ARCHIVED")), (687, 0));

    let (second, _) = world.export(SECOND, "--archive");
    let counts = &second["counts"];
    assert_eq!(second["status"], "succeeded", "{second:#}");
    let live = counts["sent"].as_u64().unwrap() + counts["unchanged"].as_u64().unwrap();
    assert_eq!(world.count("ACTIVE") as u64, live);
    assert_eq!(world.count("ARCHIVED") as u64, counts["archived"].as_u64().unwrap());
    assert!(counts["archived"].as_u64().unwrap() > 0 && counts["unchanged"].as_u64().unwrap() > 0);

    let (again, imports) = world.export(SECOND, "--archive");
    assert_eq!((again["status"].as_str(), imports), (Some("succeeded"), 0), "the same scan again");
    assert_eq!(again["counts"]["unchanged"].as_u64(), Some(live));

    let (older, imports) = world.export(FIRST, "--archive");
    assert_eq!(older["counts"]["filtered"]["superseded"].as_u64(), Some(1472), "{older:#}");
    assert_eq!(imports, 0);
    assert_eq!(world.count("ACTIVE") as u64, live);
}

#[test]
fn skip_exported_exports_an_upload_once() {
    let world = World::whole();
    world.export(SECOND, "--skip-exported");
    let (again, imports) = world.export(SECOND, "--skip-exported");
    assert_eq!((again["status"].as_str(), imports), (Some("duplicate"), 0));
}

#[test]
fn resend_always_sends_all_findings_of_every_scan() {
    let world = World::whole();
    let (first, _) = world.export(FIRST, "--resend always");
    let (second, _) = world.export(SECOND, "--resend always");
    assert_eq!((&first["counts"]["sent"], &second["counts"]["sent"]), (&687.into(), &561.into()));
    let (again, calls) = world.export(SECOND, "--resend always");
    assert_eq!((&again["counts"]["sent"], calls), (&0.into(), 0), "an exported scan is not sent again");
}

#[test]
fn only_selected_regions_receive_findings() {
    let world = World::whole();
    let ended = world.run("export", FIRST, "--region us-east-1 --region eu-west-1 --severity-min high");
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    let summary = world.simulator.summary();
    let with_findings: Vec<_> =
        summary.iter().filter(|region| region.findings > 0).map(|r| r.region.as_str()).collect();
    assert_eq!(with_findings, ["eu-west-1", "us-east-1"]);
}

/// The plan predicts what the export then does, and changes nothing.
#[test]
fn a_plan_predicts_the_export() {
    let world = World::whole();
    let plan = |file: &str| {
        world.simulator.forget_calls();
        let ended = world.run("plan", file, "--archive --output json");
        assert_eq!((ended.exit, world.imports()), (0, 0), "{}", ended.stderr);
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    for file in [FIRST, SECOND, SECOND] {
        let planned = plan(file);
        assert_eq!(planned, plan(file), "a plan changes nothing");
        let (done, _) = world.export(file, "--archive");
        assert_eq!(planned["counts"], done["counts"], "{file}");
        for region in planned["regions"].as_array().unwrap() {
            let report = &done["accounts"][ACCOUNT]["regions"][region["region"].as_str().unwrap()];
            for name in ["new", "changed", "reactivated", "refresh_due"] {
                assert_eq!(region[name], report["changes"][name], "{file} {name}");
            }
            assert_eq!(region["to_archive"], report["archived"]);
            assert_eq!(region["filtered"], report["filtered"]);
            let number = |value: &Value| value.as_u64().unwrap();
            assert_eq!(number(&region["events"]), number(&report["sent"]) + number(&report["archived"]));
        }
    }
    let ended = world.run("plan", SECOND, "--archive --only-failed=false");
    insta::assert_snapshot!(ended.text(world.place.path()));
}

/// Findings that can't be mapped are counted and change the exit code.
#[test]
fn quarantined_findings_have_exit_code_3() {
    let world = World::whole();
    let mut findings: Vec<Value> = genuine(FIRST);
    findings[0]["cloud"]["account"]["uid"] = "12".into();
    let path = world.place.path().join("scan.json");
    std::fs::write(&path, serde_json::to_vec(&findings).unwrap()).unwrap();
    let ended = world.run("export", path.to_str().unwrap(), "");
    assert_eq!(ended.exit, 3, "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("Quarantine"), "{}", ended.stdout);
}

pub(super) fn genuine(name: &str) -> Vec<Value> {
    let file = std::fs::File::open(scan(name)).unwrap();
    serde_json::from_reader(flate2::read::GzDecoder::new(file)).unwrap()
}

/// With credentials of another account, nothing is sent, and the report states the reason.
#[test]
fn credentials_of_another_account_have_exit_code_4() {
    let world = World::new(Config::one_account("210987654321", &["us-east-1"]));
    let ended = world.run("export", FIRST, "");
    assert_eq!(ended.exit, 4, "{}", ended.stdout);
    assert!(ended.stdout.contains("wrong_account"), "{}", ended.stdout);
}

#[test]
fn validate_plan_and_export_agree_in_every_format() {
    for file in [FIRST, "5.46.0-scan-1.asff.json.gz", "5.46.0-scan-1.csv.gz"] {
        let world = World::whole();
        let counts = |ended: &Ended, of: &str| {
            let json: Value = serde_json::from_str(&ended.stdout).expect(&ended.stderr);
            json.pointer(of).unwrap().clone()
        };
        let validated = super::run(&format!("validate {} --output json", scan(file).display()));
        let wanted = counts(&validated, "/plan/counts");
        assert_eq!(wanted["sent"], 687, "{file}");
        assert_eq!(counts(&world.run("plan", file, "--output json"), "/counts"), wanted, "{file}");
        assert_eq!(counts(&world.run("export", file, "--output json"), "/counts"), wanted, "{file}");
    }
    // An error states that the file has another format than the requested one.
    let world = World::whole();
    let ended = world.run("export", "5.46.0-scan-1.csv.gz", "--format ocsf");
    assert!(ended.exit != 0 && ended.stdout.contains("the scan is in csv"), "{}", ended.stdout);
    assert_eq!(world.imports(), 0);
}

#[test]
fn a_file_without_findings_has_exit_code_3_and_archives_nothing() {
    let world = World::whole();
    world.export(FIRST, "--archive");
    let active = world.count("ACTIVE");
    let header = "CHECK_ID;ACCOUNT_UID;STATUS;RESOURCE_UID;REGION\n";
    for (name, content) in [("empty.ocsf.json", "[]"), ("page.json", "{\"Findings\": []}"), ("header.csv", header)] {
        let path = world.place.path().join(name);
        std::fs::write(&path, content).unwrap();
        let path = path.to_str().unwrap();
        for ended in [
            world.run("export", path, "--archive"),
            world.run("plan", path, ""),
            super::run(&format!("validate {path}")),
        ] {
            assert_eq!(ended.exit, 3, "{name}: {}{}", ended.stdout, ended.stderr);
            assert!(ended.stdout.contains("the file contains no findings"), "{name}: {}", ended.stdout);
        }
        assert_eq!(world.count("ACTIVE"), active, "{name}");
    }
}
