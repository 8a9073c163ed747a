//! Commands that a run without a deployment prints: each is run unchanged, from another directory, and works.

use serde_json::Value;

use super::Ended;
use super::standalone::{ACCOUNT, FIRST, SECOND, World, genuine};

/// The Region that is removed from the second scan; it has failed findings.
const BLIND: &str = "eu-west-1";

impl World {
    /// Runs a command as it was printed, in another directory. The comment after a command is removed.
    fn typed(&self, line: &str) -> Ended {
        let elsewhere = tempfile::tempdir().unwrap();
        let words = line.split("  # ").next().unwrap().split_whitespace().skip_while(|word| *word == "hubctl");
        Ended::of(self.hubctl().current_dir(elsewhere.path()).args(words).output().unwrap())
    }

    /// Like `typed`, with JSON output.
    fn json(&self, line: &str) -> Value {
        let line = line.split("  # ").next().unwrap();
        let ended = self.typed(&format!("{line} --output json"));
        serde_json::from_str(&ended.stdout).expect(&ended.stderr)
    }

    /// Exports the first scan, and then the second one without a Region. Returns the result of the second export.
    fn blind(&self) -> Ended {
        assert_eq!(self.run("export", FIRST, "--archive").exit, 0);
        let mut findings = genuine(SECOND);
        findings.retain(|finding| finding["cloud"]["region"] != BLIND);
        let path = self.place.path().join("blind.json");
        std::fs::write(&path, serde_json::to_vec(&findings).unwrap()).unwrap();
        self.run("export", path.to_str().unwrap(), "--archive")
    }
}

/// The `hubctl` commands that are on separate lines of a text.
fn commands(text: &str) -> Vec<String> {
    let mut all: Vec<_> =
        text.lines().map(str::trim).filter(|line| line.starts_with("hubctl ")).map(str::to_owned).collect();
    all.dedup();
    all
}

#[test]
fn printed_commands_work_from_any_directory() {
    let world = World::whole();
    let ended = world.blind();
    assert_eq!(ended.exit, 3, "{}\n{}", ended.stdout, ended.stderr);
    let because = "active, because the scan has no results for the Region (eu-west-1)";
    assert!(ended.stdout.contains(because), "{}", ended.stdout);
    let active = world.count("ACTIVE");
    let printed = commands(&ended.stdout);
    let [list, approve] = printed.as_slice() else { panic!("{printed:?}") };
    assert!(list.starts_with("hubctl run pending") && approve.contains(" --unproven"), "{printed:?}");

    let findings = world.json(list);
    let findings = findings.as_array().unwrap();
    assert!(
        findings.iter().all(|finding| finding["region"] == BLIND && finding["class"] == "unproven"),
        "{findings:?}"
    );
    let csv = world.typed(&format!("{} --format csv", list.split("  # ").next().unwrap()));
    assert_eq!(csv.stdout.lines().count(), findings.len() + 1, "{}", csv.stdout);
    let table = world.typed(list);
    assert!(table.stdout.contains(&format!("{} unproven findings stay active", findings.len())), "{}", table.stdout);
    assert_eq!(commands(&table.stdout).last().unwrap(), approve.split("  # ").next().unwrap());

    let options = approve.split("  # ").next().unwrap().split_once(" --unproven").unwrap().1.to_owned();
    let id = findings[0]["finding_id"].as_str().unwrap();
    let explained = world.typed(&format!("explain {id}{options}")).stdout;
    let words = explained.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("because the scan has no results for the Region"), "{explained}");
    assert!(words.contains(approve.split("  # ").next().unwrap()), "{explained}");

    assert_eq!(world.typed(approve).exit, 2, "without a terminal, the command can't ask for confirmation");
    let approved = world.json(&format!("{} --yes", approve.split("  # ").next().unwrap()));
    assert_eq!(approved["counts"]["archived"].as_u64(), Some(findings.len() as u64), "{approved:#}");
    assert_eq!(world.count("ACTIVE"), active - findings.len());
    let run_id = approved["run_id"].as_str().unwrap();
    assert_eq!(world.json(&format!("run show {run_id}{options}")), approved);
    assert_eq!(world.json(&format!("run list --account {ACCOUNT}{options}"))[0]["run_id"], run_id);

    let undone = world.json(&format!("run undo-archive {run_id} --yes{options}"));
    assert_eq!(undone[0]["counts"]["sent"].as_u64(), Some(findings.len() as u64), "{undone:#}");
    assert_eq!(world.count("ACTIVE"), active);
    let replayed = world.json(&format!("run replay {run_id}{options}"));
    assert_eq!(replayed["counts"]["sent"], 0, "{replayed:#}");
    let compared = world.typed(&format!("reconcile --account {ACCOUNT} --dry-run{options}"));
    assert_eq!(compared.exit, 0, "{}\n{}", compared.stdout, compared.stderr);
}

#[test]
fn a_changed_or_deleted_file_is_not_exported_again() {
    let world = World::whole();
    let printed = commands(&world.blind().stdout);
    let approve = printed.last().unwrap().split("  # ").next().unwrap().to_owned();
    let path = world.place.path().join("blind.json");
    std::fs::write(&path, serde_json::to_vec(&genuine(SECOND)).unwrap()).unwrap();
    let changed = world.typed(&format!("{approve} --yes"));
    assert_eq!(changed.exit, 1, "{}", changed.stdout);
    assert!(changed.stderr.contains("has changed since run"), "{}", changed.stderr);
    std::fs::remove_file(&path).unwrap();
    let gone = world.typed(&format!("{approve} --yes"));
    assert!(gone.stderr.contains("no longer exists"), "{}", gone.stderr);

    let outdated = world.run("export", SECOND, "--archive");
    assert!([0, 3].contains(&outdated.exit), "{}", outdated.stderr);
    let nothing = world.typed(&format!("{} --yes", approve.replace(" --unproven", "")));
    assert!(
        nothing.stderr.contains("hubctl run approve") && nothing.stderr.contains("--unproven"),
        "{}",
        nothing.stderr
    );
}

#[test]
fn a_run_that_is_not_found_is_reported_with_the_state_location() {
    let world = World::whole();
    let missing = world.typed(&format!("run show nobody --state {}", world.place.path().display()));
    assert_eq!(missing.exit, 1);
    assert!(missing.stderr.contains("run nobody not found") && missing.stderr.contains("hubctl run list --state"));
    let nowhere = world.typed("run list --state nowhere");
    assert!(nowhere.stderr.contains("directory nowhere not found"), "{}", nowhere.stderr);
}
