//! What the documentation says to type can be typed.

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;

const PAGES: [(&str, &str); 3] = [
    ("README.md", include_str!("../../../../README.md")),
    ("deploy/README.md", include_str!("../../../../deploy/README.md")),
    ("docs/operations.md", include_str!("../../../../docs/operations.md")),
];
/// What stands for something of the reader's own, with an example.
const PLACEHOLDERS: [(&str, &str); 2] = [("ID", "123456789012"), ("BOOL", "true")];

/// Everything in a page that stands as code: lines of blocks, and what is between backticks.
fn code(page: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (index, part) in page.split("```").enumerate() {
        if index % 2 == 1 {
            all.extend(part.replace("\\\n", " ").lines().map(str::to_owned));
        } else {
            all.extend(part.replace('\n', " ").split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    all
}

/// The words of each command of ours in a piece of code.
fn commands(code: &str) -> Vec<Vec<String>> {
    let code = code.split(" # ").next().unwrap_or_default();
    let ours = code.split("hubctl ").skip(1).map(|rest| rest.split([';', '>', '&', '"']).next().unwrap_or_default());
    let word = |word: &str| {
        let word = word.split_once('|').map_or(word, |(first, _)| first);
        PLACEHOLDERS.iter().fold(word.to_owned(), |word, (name, example)| match word.strip_suffix(name) {
            Some(before) if before.is_empty() || before.ends_with('=') => format!("{before}{example}"),
            _ => word,
        })
    };
    ours.map(|command| command.split_whitespace().filter(|word| *word != "...").map(word).collect()).collect()
}

#[test]
fn every_command_in_the_documentation_is_one() {
    for (page, text) in PAGES {
        let found: Vec<_> = code(text).iter().flat_map(|code| commands(code)).collect();
        assert!(!found.is_empty(), "{page} names no command");
        for words in found {
            let words = std::iter::once("hubctl".to_owned()).chain(words);
            let Err(error) = Cli::try_parse_from(words.clone()) else { continue };
            // A sentence may name a command without all that it wants.
            let is_short = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            ) || error.to_string().contains("but none was supplied");
            assert!(is_short, "{page}: {:?}: {error}", words.collect::<Vec<_>>());
        }
    }
}

/// Columns of an example at most, so that it stands in one line wherever help is shown.
const EXAMPLE_WIDTH: usize = 79;

fn with_subcommands(command: &clap::Command) -> Vec<&clap::Command> {
    std::iter::once(command).chain(command.get_subcommands().flat_map(with_subcommands)).collect()
}

#[test]
fn a_command_in_a_help_text_is_one_line_that_can_be_copied() {
    let cli = Cli::command();
    let mut seen = 0;
    for command in with_subcommands(&cli) {
        let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        seen += usize::from(!text.is_empty());
        for line in text.lines() {
            let most = if line.starts_with("  ") { EXAMPLE_WIDTH } else { HELP_WIDTH };
            assert!(line.chars().count() <= most, "{}: {line}", command.get_name());
        }
    }
    assert!(seen > 30, "{seen}");
}
