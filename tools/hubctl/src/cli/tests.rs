//! The commands in the documentation, in help texts, and in printed messages parse.

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;

const PAGES: [(&str, &str); 13] = [
    ("README.md", include_str!("../../../../README.md")),
    ("SECURITY.md", include_str!("../../../../SECURITY.md")),
    ("deploy/README.md", include_str!("../../../../deploy/README.md")),
    ("deploy/release/README.md", include_str!("../../../../deploy/release/README.md")),
    ("docs/configuration.md", include_str!("../../../../docs/configuration.md")),
    ("docs/console.md", include_str!("../../../../docs/console.md")),
    ("docs/glossary.md", include_str!("../../../../docs/glossary.md")),
    ("docs/guide.md", include_str!("../../../../docs/guide.md")),
    ("docs/http-api.md", include_str!("../../../../docs/http-api.md")),
    ("docs/operations.md", include_str!("../../../../docs/operations.md")),
    ("docs/performance.md", include_str!("../../../../docs/performance.md")),
    ("docs/style.md", include_str!("../../../../docs/style.md")),
    ("docs/troubleshooting.md", include_str!("../../../../docs/troubleshooting.md")),
];
/// Placeholders in the documentation, each with an example value.
const PLACEHOLDERS: [(&str, &str); 2] = [("ID", "123456789012"), ("BOOL", "true")];

/// All code in a page: the lines of code blocks, and the text between backticks.
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

/// The words of each `hubctl` command in a piece of code.
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
fn every_command_in_the_documentation_parses() {
    for (page, text) in PAGES {
        let found: Vec<_> = code(text).iter().flat_map(|code| commands(code)).collect();
        assert!(!found.is_empty(), "{page} names no command");
        for words in found {
            let words = std::iter::once("hubctl".to_owned()).chain(words);
            let Err(error) = Cli::try_parse_from(words.clone()) else { continue };
            assert!(is_short(&error), "{page}: {:?}: {error}", words.collect::<Vec<_>>());
        }
    }
}

/// Maximum width of an example, in columns, so that it fits on one line in every help text.
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

/// Directories of the programs that print commands.
const SOURCES: [&str; 3] = ["shared", "functions", "tools/hubctl/src"];
/// Example values for the placeholders of string literals. A placeholder that is not listed is an ID.
const VALUES: [(&str, &str); 16] = [
    ("of_run", ""),
    ("template", "policy"),
    ("keeper", "integration"),
    ("noun", "integration"),
    ("options", ""),
    ("command_options", ""),
    ("role", ""),
    ("key", ""),
    ("code", ""),
    ("url", "s3://bucket/key"),
    ("source", "s3://bucket/key"),
    ("option", "alias"),
    ("name", "name"),
    ("region", "eu-west-1"),
    ("external_id.unwrap_or_default()", ""),
    ("format", "csv"),
];

/// The source files below a directory, without tests.
fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !["tests", "target", "examples"].contains(&name.as_str()) {
                sources(&path, found);
            }
        } else if name.ends_with(".rs") && name != "tests.rs" {
            found.push(path);
        }
    }
}

/// The string literals of a source file as they are printed. Tests and comments are skipped.
fn literals(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n");
    let mut found = Vec::new();
    let mut letters = code.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' && letters.peek() == Some(&'"') {
            letters.next();
            continue;
        }
        if letter != '"' {
            continue;
        }
        let mut literal = String::new();
        while let Some(letter) = letters.next() {
            match letter {
                '"' => break,
                '\\' => match letters.next() {
                    Some('n') => literal.push('\n'),
                    // A backslash at the end of a line: the literal continues on the next line.
                    Some('\n') => while letters.next_if(|letter| letter.is_whitespace()).is_some() {},
                    Some(letter) => literal.push(letter),
                    None => break,
                },
                letter => literal.push(letter),
            }
        }
        found.push(literal);
    }
    found
}

/// The commands of a literal as words, with example values instead of placeholders.
fn printed(literal: &str) -> Vec<Vec<String>> {
    let mut text = String::new();
    let mut rest = literal;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = VALUES.iter().find(|(known, _)| *known == name).map_or("123456789012", |(_, value)| value);
        text = text + before + value;
        rest = after;
    }
    text.push_str(rest);
    let ends: &[char] = &['\n', ';', '>', '|', '&', '"', '`', '(', ')', '#', ','];
    let commands = text.split("hubctl ").skip(1).map(|rest| rest.split(ends).next().unwrap_or_default());
    let words = |command: &str| {
        let words = command.split_whitespace().filter(|word| *word != "...");
        let word = |word: &str| match word.trim_end_matches([':', '.', '\'']) {
            "ID" => "123456789012".to_owned(),
            word => word.to_owned(),
        };
        words.map(word).filter(|word| !word.is_empty()).collect::<Vec<_>>()
    };
    commands.map(words).filter(|words| words.first().is_some_and(|word| word.starts_with(char::is_lowercase))).collect()
}

/// Whether a command is only incomplete: a sentence may mention a command without its required arguments.
fn is_short(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) || error.to_string().contains("but none was supplied")
}

/// Whether a command parses. Words of a sentence may follow a command, but not an invalid option.
fn is_command(words: &[String]) -> Result<(), clap::Error> {
    let parse =
        |words: &[String]| Cli::try_parse_from(std::iter::once("hubctl").chain(words.iter().map(String::as_str)));
    let Err(error) = parse(words) else { return Ok(()) };
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Ok(());
    }
    let mut rest = words;
    while let Some((last, before)) = rest.split_last()
        && !last.starts_with('-')
        && !before.is_empty()
    {
        match parse(before) {
            Err(error) if !is_short(&error) => {}
            _ => return Ok(()),
        }
        rest = before;
    }
    Err(error)
}

/// Words after `hubctl` in sentences about the program or about a group of commands.
const NAMES: [&str; 14] = [
    "asks",
    "generates",
    "prints",
    "shows",
    "and",
    "does",
    "is",
    "did",
    "completion",
    "could",
    "can",
    "exported",
    "which",
    "has",
];

#[test]
fn every_printed_command_parses() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    SOURCES.iter().for_each(|folder| sources(&root.join(folder), &mut files));
    let (mut seen, mut wrong) = (0, Vec::new());
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        for words in literals(&source).iter().flat_map(|literal| printed(literal)) {
            if NAMES.contains(&words[0].as_str()) {
                continue;
            }
            seen += 1;
            let Err(error) = is_command(&words) else { continue };
            if !is_short(&error) {
                wrong.push(format!("{}: {}: {error}", file.display(), words.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 100, "{seen}");
}

#[test]
fn every_command_about_a_run_accepts_the_options_that_find_it() {
    let options = [
        "--state /ci/state --profile audit",
        "--state s3://bucket/prefix",
        "--stack exporter --profile audit --region eu-west-1 --local",
        "--table t --state-bucket b --local",
        "--stack exporter --manage-function manage",
    ];
    let commands = [
        "run list",
        "run history --by region --days 7",
        "run show r",
        "run pending r --format csv",
        "run approve r",
        "run approve r --unproven",
        "run approve r --pending --unproven",
        "run replay r",
        "run undo-archive r",
        "reconcile --account 123456789012 --regions eu-west-1",
    ];
    for line in commands.iter().flat_map(|command| options.map(|options| format!("hubctl {command} {options}"))) {
        assert!(Cli::try_parse_from(line.split_whitespace()).is_ok(), "{line}");
    }
    for line in ["hubctl run show r --state d --local", "hubctl run pending r --format xml"] {
        assert!(Cli::try_parse_from(line.split_whitespace()).is_err(), "{line}");
    }
}

fn read(line: &str) -> Result<Cli, Wrong> {
    Cli::read(["hubctl"].into_iter().chain(line.split_whitespace()).map(Into::into))
}

/// Each line has an option that the command would not use, or that would have no effect.
#[test]
fn an_option_that_would_be_ignored_is_rejected() {
    for (option, line) in [
        ("--table", "provider delete 123456789012 --yes --table t --state-bucket b"),
        ("--table", "--stack s --table t config export"),
        ("--state-bucket", "run list --stack s --state-bucket b"),
        ("--table", "apply -f a.yaml --table t"),
        ("--table", "reconcile --table t"),
        ("--table", "job list --table t"),
        ("--table", "integration send-sample 123456789012 --table t"),
        ("--manage-function", "integration list --local --manage-function f"),
        ("--stack", "run list --state s --stack x"),
        ("--table", "explain x --state s --table t"),
        ("--manage-function", "run list --state s --manage-function f"),
        ("--stack", "export a.json --standalone --state s --stack x"),
        ("--stack", "plan a.json --standalone --state s --stack x"),
        ("--stack", "explain x --local --stack x --table t --state-bucket b"),
        ("--table", "explain x --stack s --table t"),
        ("--table", "plan s3://b/k --stack s --table t"),
        ("--manage-function", "plan a.json --stack s --manage-function f"),
        ("--manage-function", "plan s3://b/k --local --manage-function f"),
        ("--stack", "doctor --local --stack x --table t --state-bucket b"),
        ("--stack", "convert a.json --stack x"),
        ("--region", "validate a.json --region eu-west-1"),
        ("--profile", "completion bash --profile p"),
        ("--output", "man pages --output json"),
        ("--output", "convert a.json --output yaml"),
        ("--stack", "integration send-sample 123456789012 --use-caller-credentials --hub-region eu-west-1 --stack x"),
        ("--local", "integration send-sample 123456789012 --use-caller-credentials --hub-region eu-west-1 --local"),
        ("--report", "run replay r --no-wait --report run.json"),
        ("--limit", "run pending r --limit 5 --format csv"),
        ("--output", "permissions print --account 123456789012 --format terraform --output json"),
        (
            "--auto-accept-product",
            "permissions print --account 123456789012 --format trust-policy --auto-accept-product",
        ),
        ("--only-failed", "export a.json --stack s --only-failed=true"),
        ("--archive-previous-findings", "plan a.json --stack s --archive"),
        ("--resend", "export a.json --resend changed"),
    ] {
        let Err(Wrong::Ignored(failure)) = read(line) else { panic!("{line}: {:?}", read(line)) };
        assert!(failure.message.starts_with(&format!("{option} would be ignored: ")), "{line}: {}", failure.message);
        assert_eq!((failure.exit, failure.hint.is_some()), (crate::exit::Exit::Usage, true));
    }
    assert!(matches!(read("integration credentials 123456789012 --use-provider --external-id a"), Err(Wrong::Line(_))));
}

#[test]
fn an_option_that_is_used_is_accepted() {
    for line in [
        "config export --local --stack s --table second",
        "integration list --local --table t --state-bucket b",
        "run undo-archive r --local --table t --state-bucket b",
        "integration list --stack s --manage-function f",
        "explain x --local --stack s --table t",
        "explain x --local --table t --state-bucket b",
        "plan s3://b/k --local --table t --state-bucket b",
        "plan a.json --table t --state-bucket b",
        "doctor --local --table t --state-bucket b",
        "convert a.json --output json",
        "validate a.json --output yaml",
        "run list --state s --profile p",
        "integration send-sample 123456789012 --use-caller-credentials --stack s",
        "run pending r --limit 5",
        "export a.json --standalone --state s --archive --resend changed",
        "permissions print --account 123456789012 --format trust-policy --output yaml",
        "run replay r --report run.json",
    ] {
        assert!(read(line).is_ok(), "{line}: {:?}", read(line));
    }
}
