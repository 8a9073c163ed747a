//! Verifies the table of exit codes in docs/configuration.md: each entry is tested, and the table has each command.

mod deployed;
mod here;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::manage::{ACCOUNT, runs};
use super::standalone::FIRST as FIRST_SCAN;
use super::{hubctl, run, scan};

/// Tests one entry of the table. Returns the actual exit code.
type Driver = Box<dyn FnOnce() -> i32>;

/// One entry: a command, the exit code, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    command: String,
    code: i32,
    when: String,
}

/// The environment in which an entry is tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An invalid command line.
    Line,
    /// No credentials.
    Caller,
    /// No server at the endpoint, or a file that doesn't exist.
    Failed,
    /// The management API over in-memory ports.
    Deployed,
    /// This machine.
    Here,
}

/// Commands that make no calls.
const OFFLINE: [&str; 4] = ["convert", "validate", "completion", "man"];

fn document() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    text.split_once("## Exit codes of hubctl").expect("the section").1.to_owned()
}

/// The rows of the table below a heading, as cells.
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

/// The commands that a help text lists, and their subcommands.
fn commands(of: &str) -> BTreeSet<String> {
    let help = run(&format!("{of} --help")).stdout;
    let Some((_, list)) = help.split_once("Commands:\n") else { return BTreeSet::from([of.to_owned()]) };
    let names = list.lines().take_while(|line| line.starts_with("  ")).filter(|line| !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.flat_map(|name| commands(format!("{of} {name}").trim())).collect()
}

/// The test of an entry. `None` if no test exists, so that the entry may be wrong.
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

/// Tests all entries of a kind, several at a time: most of them wait for a process or a job.
fn drive(kind: Kind) {
    const WORKERS: usize = 4;
    let is_of_kind = |entry: &Entry| driver(entry).expect("each entry has a test").0 == kind;
    let all: Vec<Entry> = entries(&document()).into_iter().filter(is_of_kind).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(entry) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (_, driver) = driver(entry).unwrap();
            let ended = driver();
            if ended != entry.code {
                wrong.lock().unwrap().push(format!("{entry:?}, but it ended with {ended}"));
            }
        }
    };
    std::thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().unwrap();
    assert!(all.len() > 10 && wrong.is_empty(), "{} tested, {wrong:#?}", all.len());
}

/// A valid command line, for a deployment with an integration, a run, and a file.
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

/// A file that `apply` accepts.
const FILE: &str = "providers: [{id: 123456789012}]\nintegrations: [{provider: 123456789012}]\n";

/// A command in a directory with a file. No server listens at its endpoint.
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
        // A file has the name of the output directory.
        "man" => "man file.yaml".to_owned(),
        _ => sample(command),
    };
    let (mut started, _place) = alone(&line);
    started.envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any")]);
    if command == "completion" {
        // The command reads no files and makes no calls: it can fail only when it writes its output.
        started.stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
        return started.status().unwrap().code().unwrap();
    }
    code(started)
}

#[test]
fn every_command_is_in_the_table_and_every_entry_is_tested() {
    let document = document();
    let entries = entries(&document);
    let named: BTreeSet<String> = entries.iter().map(|entry| entry.command.clone()).collect();
    assert_eq!(named, commands(""), "left: docs/configuration.md, right: hubctl --help");
    let undriven: Vec<&Entry> = entries.iter().filter(|entry| driver(entry).is_none()).collect();
    assert!(undriven.is_empty(), "{undriven:#?}");
    let explained: BTreeSet<&str> = rows(&document, "| reason |").iter().map(|row| row[0]).collect();
    let used: BTreeSet<&str> = entries.iter().map(|entry| entry.when.as_str()).collect();
    assert_eq!(explained, used, "left: the reasons that are explained, right: those in the table");
    let mut codes: BTreeMap<&str, BTreeSet<i32>> = BTreeMap::new();
    for entry in &entries {
        codes.entry(&entry.when).or_default().insert(entry.code);
    }
    assert!(codes.values().all(|codes| codes.len() == 1), "a reason has one exit code: {codes:?}");
    for command in &named {
        for when in
            ["success", "failed", "usage"].into_iter().chain((!OFFLINE.contains(&command.as_str())).then_some("caller"))
        {
            assert!(entries.iter().any(|entry| entry.command == *command && entry.when == when), "{command}: {when}");
        }
    }
}

#[test]
fn entries_of_invalid_command_lines() {
    drive(Kind::Line);
}

#[test]
fn entries_without_credentials() {
    drive(Kind::Caller);
}

#[cfg(target_os = "linux")]
#[test]
fn entries_without_a_server() {
    drive(Kind::Failed);
}

#[test]
fn entries_of_the_deployment() {
    drive(Kind::Deployed);
}

#[test]
fn entries_of_this_machine() {
    drive(Kind::Here);
}
