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
        "run",
        "run list",
        "run show",
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
    ];
    for command in commands {
        let ended = run(&format!("{command} --help"));
        assert_eq!(ended.exit, 0, "{command}");
        let wide: Vec<_> = ended.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{command}: {wide:?}");
        let is_group = ["integration", "run", "quarantine"].contains(&command);
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
