//! The table of exit codes in docs/configuration.md is true: each entry is driven, and each command is in it.

mod deployed;
mod here;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use super::manage::{ACCOUNT, runs};
use super::standalone::FIRST as FIRST_SCAN;
use super::{hubctl, run, scan};

/// Drives one entry of the table: the exit code that came of it.
type Driver = Box<dyn FnOnce() -> i32>;

/// One entry: a command, the code, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    command: String,
    code: i32,
    when: String,
}

/// How the entries of a kind are driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A command line that is wrong.
    Line,
    /// Without credentials.
    Caller,
    /// With nobody at the other end, or a file that is not there.
    Failed,
    /// By the API over ports in memory.
    Deployed,
    /// On this machine.
    Here,
}

/// Commands that ask nobody.
const OFFLINE: [&str; 4] = ["convert", "validate", "completion", "man"];

fn document() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    text.split_once("## Exit codes of hubctl").expect("the section").1.to_owned()
}

/// The rows below a heading, as cells.
fn rows<'a>(document: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let below = document.lines().skip_while(|line| !line.starts_with(heading)).skip(2);
    let rows = below.take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

fn entries(document: &str) -> BTreeSet<Entry> {
    let mut all = BTreeSet::new();
    for row in rows(document, "| command |") {
        assert_eq!(row.len(), 8, "{row:?}");
        let command = row[0].trim_matches('`').to_owned();
        for (code, cell) in (0..).zip(&row[1..]) {
            for when in cell.split(',').map(str::trim).filter(|when| !when.is_empty()) {
                let entry = Entry { command: command.clone(), code, when: when.to_owned() };
                assert!(all.insert(entry), "{row:?}");
            }
        }
    }
    all
}

/// The commands that a help text lists, and theirs.
fn commands(of: &str) -> BTreeSet<String> {
    let help = run(&format!("{of} --help")).stdout;
    let Some((_, list)) = help.split_once("Commands:\n") else { return BTreeSet::from([of.to_owned()]) };
    let names = list.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.flat_map(|name| commands(format!("{of} {name}").trim())).collect()
}

/// How an entry is driven. None: nobody drives it, and it may be wrong.
fn driver(Entry { command, when, .. }: &Entry) -> Option<(Kind, Driver)> {
    let of = command.clone();
    let generic = |kind, driver: fn(&str) -> i32| Some((kind, Box::new(move || driver(&of)) as Driver));
    match when.as_str() {
        "usage" => generic(Kind::Line, |command| run(&format!("{command} --no-such-option")).exit),
        "caller" => generic(Kind::Caller, without_credentials),
        "failed" => generic(Kind::Failed, failing),
        _ => here::driver(command, when)
            .map(|driver| (Kind::Here, driver))
            .or_else(|| deployed::driver(command, when).map(|driver| (Kind::Deployed, driver))),
    }
}

/// Drives all entries of a kind.
fn drive(kind: Kind) {
    let (mut driven, mut wrong) = (0, Vec::new());
    for entry in entries(&document()) {
        let (of, driver) = driver(&entry).expect("a driver of each entry");
        if of == kind {
            driven += 1;
            let ended = driver();
            wrong.extend((ended != entry.code).then(|| format!("{entry:?}, but it ended with {ended}")));
        }
    }
    assert!(driven > 10 && wrong.is_empty(), "{driven} driven, {wrong:#?}");
}

/// A command line that is right, where there is an integration, a run and a file.
fn sample(command: &str) -> String {
    let there = "--table t --state-bucket b";
    let scan = scan(FIRST_SCAN).display().to_string();
    let rest = match command {
        "convert" | "validate" => scan,
        "plan" | "export" => format!("{scan} {there}"),
        "integration create" => format!("--provider {ACCOUNT}"),
        "integration configure" => format!("{ACCOUNT} --archive"),
        "integration credentials" | "provider credentials" => format!("{ACCOUNT} --sdk-default"),
        "integration delete" | "provider delete" => format!("{ACCOUNT} --yes"),
        "integration show" | "integration test" | "integration enable" | "integration disable" | "provider show" => {
            ACCOUNT.to_owned()
        }
        "provider create" => "333333333333".to_owned(),
        "provider configure" => format!("{ACCOUNT} --alias production"),
        "permissions print" => "--account 333333333333".to_owned(),
        "integration send-sample" => ACCOUNT.to_owned(),
        "apply" | "config diff" => "-f file.yaml".to_owned(),
        "run show" | "run pending" | "run replay" | "quarantine show" => runs::RUN.to_owned(),
        "run approve" | "run undo-archive" => format!("{} --yes", runs::RUN),
        "job show" | "job retry" => "01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b".to_owned(),
        "reconcile" => format!("--account {ACCOUNT}"),
        "explain" => format!("prowler-s3_bucket_acl-{ACCOUNT}-eu-west-1-0123456ab --local {there}"),
        "doctor" => format!("--local {there}"),
        "console" => "--no-open --idle-timeout 1s".to_owned(),
        "verify" => "--yes --reads-per-second 1000 --settle-seconds 0".to_owned(),
        "completion" => "bash".to_owned(),
        "man" => "pages".to_owned(),
        _ => String::new(),
    };
    format!("{command} {rest}")
}

/// A file that `apply` takes.
const FILE: &str = "providers: [{id: 123456789012}]\nintegrations: [{provider: 123456789012}]\n";

/// A command in a folder with a file, with nobody at the other end.
fn alone(line: &str) -> (Command, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("file.yaml"), FILE).unwrap();
    let mut command = hubctl();
    command.args(line.split_whitespace()).current_dir(place.path());
    command.envs([("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_MAX_ATTEMPTS", "1")]);
    command.env("HUBCTL_MANAGE_FUNCTION", "manage");
    (command, place)
}

fn code(mut command: Command) -> i32 {
    command.output().unwrap().status.code().unwrap()
}

fn without_credentials(command: &str) -> i32 {
    let (command, _place) = alone(&sample(command));
    code(command)
}

fn failing(command: &str) -> i32 {
    let line = match command {
        "convert" | "validate" => format!("{command} nowhere.json"),
        // A file stands where the folder would be.
        "man" => "man file.yaml".to_owned(),
        _ => sample(command),
    };
    let (mut started, _place) = alone(&line);
    started.envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")]);
    if command == "completion" {
        // It reads nothing and asks nobody: what it writes can be lost.
        started.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        return started.status().unwrap().code().unwrap();
    }
    code(started)
}

#[test]
fn every_command_is_in_the_table_and_every_entry_is_driven() {
    let document = document();
    let entries = entries(&document);
    let named: BTreeSet<String> = entries.iter().map(|entry| entry.command.clone()).collect();
    assert_eq!(named, commands(""), "left: docs/configuration.md, right: hubctl --help");
    let undriven: Vec<&Entry> = entries.iter().filter(|entry| driver(entry).is_none()).collect();
    assert!(undriven.is_empty(), "{undriven:#?}");
    let told: BTreeSet<&str> = rows(&document, "| reason |").iter().map(|row| row[0]).collect();
    let used: BTreeSet<&str> = entries.iter().map(|entry| entry.when.as_str()).collect();
    assert_eq!(told, used, "left: what is explained, right: what the table says");
    let mut codes: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for entry in &entries {
        codes.entry(&entry.when).or_default().insert(entry.code);
    }
    assert!(codes.values().all(|codes| codes.len() == 1), "one reason, one code: {codes:?}");
    for command in &named {
        for when in
            ["success", "failed", "usage"].into_iter().chain((!OFFLINE.contains(&command.as_str())).then_some("caller"))
        {
            assert!(entries.iter().any(|entry| entry.command == *command && entry.when == when), "{command}: {when}");
        }
    }
}

#[test]
fn a_wrong_command_line() {
    drive(Kind::Line);
}

#[test]
fn no_credentials() {
    drive(Kind::Caller);
}

#[cfg(target_os = "linux")]
#[test]
fn nobody_at_the_other_end() {
    drive(Kind::Failed);
}

#[test]
fn by_the_deployment() {
    drive(Kind::Deployed);
}

#[test]
fn on_this_machine() {
    drive(Kind::Here);
}
