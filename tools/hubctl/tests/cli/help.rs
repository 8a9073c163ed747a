//! Snapshots of the help texts, which are part of the interface.

use super::run;

/// A command and its subcommands: the words that follow `hubctl`, and whether the command only groups others.
fn commands(command: &clap::Command, words: &str) -> Vec<(String, bool)> {
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    let below = below.flat_map(|command| commands(command, format!("{words} {}", command.get_name()).trim_start()));
    let is_group = !words.is_empty() && command.has_subcommands();
    std::iter::once((words.to_owned(), is_group)).chain(below).collect()
}

#[test]
fn every_help_text_has_an_example_and_fits_80_columns() {
    let commands = commands(&hubctl::command(), "");
    assert!(commands.len() > 50, "{commands:?}");
    for (command, is_group) in commands {
        let ended = run(&format!("{command} --help"));
        assert_eq!(ended.exit, 0, "{command}");
        let wide: Vec<_> = ended.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(wide.is_empty(), "{command}: {wide:?}");
        assert!(is_group || ended.stdout.contains("Example"), "{command} has no example");
        let name = if command.is_empty() { "hubctl".to_owned() } else { command.replace(' ', "_") };
        insta::assert_snapshot!(format!("help_{name}"), ended.stdout);
    }
}

#[test]
fn completion_supports_every_common_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(&format!("completion {shell}"));
        assert_eq!(ended.exit, 0);
        assert!(ended.stdout.contains("integration"), "{shell}");
    }
}
