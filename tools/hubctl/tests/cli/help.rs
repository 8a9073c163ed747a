//! Help texts are part of the interface: a change shows here.

use super::run;

#[test]
fn every_command_explains_itself_with_an_example_in_80_columns() {
    let commands = [
        "",
        "map",
        "validate",
        "plan",
        "export",
        "integration",
        "integration create",
        "integration list",
        "integration show",
        "integration test",
        "integration configure",
        "integration credentials",
        "integration enable",
        "integration disable",
        "integration delete",
        "provider",
        "provider create",
        "provider list",
        "provider show",
        "provider configure",
        "provider credentials",
        "provider delete",
        "permissions",
        "permissions print",
        "trigger",
        "trigger sample",
        "apply",
        "config",
        "config export",
        "config diff",
        "audit",
        "run",
        "run list",
        "run show",
        "run pending",
        "run replay",
        "run approve",
        "run undo-archive",
        "quarantine",
        "quarantine list",
        "quarantine show",
        "quarantine redrive",
        "reconcile",
        "explain",
        "doctor",
        "completion",
        "man",
    ];
    for command in commands {
        let ended = run(&format!("{command} --help"));
        assert_eq!(ended.exit, 0, "{command}");
        let wide: Vec<_> = ended.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{command}: {wide:?}");
        let groups = ["integration", "provider", "permissions", "trigger", "config", "run", "quarantine"];
        let is_group = groups.contains(&command);
        assert!(is_group || ended.stdout.contains("Example"), "{command} has no example");
        let name = if command.is_empty() { "hubctl".to_owned() } else { command.replace(' ', "_") };
        insta::assert_snapshot!(format!("help_{name}"), ended.stdout);
    }
}

#[test]
fn completion_is_for_every_usual_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(&format!("completion {shell}"));
        assert_eq!(ended.exit, 0);
        assert!(ended.stdout.contains("integration"), "{shell}");
    }
}
