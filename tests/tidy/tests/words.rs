//! The words that `docs/glossary.md` forbids are not used.

/// Words to avoid, in lowercase, and their replacements. A word ends where no letter, digit, or underscore follows.
const WORDS: [(&str, &str); 14] = [
    ("mend", "fix, remediation"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("withdraw", "archive all findings"),
    ("withdrawn", "archived"),
    ("call off", "cancel"),
    ("called off", "canceled"),
    ("carry out", "run"),
    ("carried out", "run"),
    ("organisation", "organization"),
    ("colour", "color"),
    ("anew", "again; recreate, rewrite"),
    ("once more", "again; resend, re-export"),
];

/// Words to avoid where users read them, in addition: help texts, messages, the API, the template, and pages.
const SURFACE_WORDS: [(&str, &str); 19] = [
    ("as whom", "credentials, caller identity"),
    ("leave to", "permission to"),
    ("switched on", "enabled"),
    ("switched off", "disabled"),
    ("takes findings", "accepts findings"),
    ("take findings", "accept findings"),
    ("takes no findings", "is unavailable"),
    ("all is well", "no problems found"),
    ("defect of ours", "internal error"),
    ("somebody", "another user or process"),
    ("whoever", "the principal, anyone who"),
    ("a name for people", "display name"),
    ("what to type", "the command"),
    ("lies in quarantine", "is quarantined"),
    ("kept back", "filtered, quarantined"),
    ("without asking", "skip the confirmation prompt"),
    ("as-caller", "use-caller-credentials"),
    ("trigger sample", "integration send-sample"),
    ("hubctl map", "hubctl convert"),
];

/// Beginnings of paths of files that users read.
const SURFACE: [&str; 12] = [
    "README.md",
    "SECURITY.md",
    "template.yaml",
    "deploy/",
    "docs/configuration.md",
    "docs/console.md",
    "docs/guide.md",
    "docs/http-api.md",
    "docs/operations.md",
    "docs/troubleshooting.md",
    "shared/management/src/http/",
    "tools/hubctl/",
];

/// Files that quote these words, or have them in the sample text of a finding, whose content hash the tests expect.
const QUOTES: [&str; 5] = [
    "docs/glossary.md",
    "docs/style.md",
    "shared/exporter/tests/simulation/promises.rs",
    "shared/exporter/tests/simulation/scan.rs",
    "tests/tidy/tests/words.rs",
];

fn is_surface(path: &str) -> bool {
    SURFACE.iter().any(|beginning| path.starts_with(beginning))
}

fn has(line: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word)
        .any(|(at, _)| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next()))
}

#[test]
fn only_whole_words_are_found() {
    assert!(has("what mends it", "mends") && has("(mend)", "mend"));
    assert!(!has("a recommendation", "mend") && !has("mended", "mend") && !has("what_mends_it", "mends"));
}

#[test]
fn the_terms_of_the_glossary_are_used() {
    let mut found = Vec::new();
    let sources = tidy::sources(&[".rs", ".md", ".yaml", ".py", ".snap"]);
    for source in sources.iter().filter(|source| !QUOTES.contains(&source.path.as_str())) {
        for (number, line) in source.text.lines().enumerate() {
            let lower = line.to_lowercase();
            let surface = SURFACE_WORDS.iter().filter(|_| is_surface(&source.path));
            let wrong = WORDS.iter().chain(surface).filter(|(word, _)| has(&lower, word));
            found.extend(wrong.map(|(word, right)| format!("{}:{}: {word}: write {right}", source.path, number + 1)));
        }
    }
    assert!(found.is_empty(), "use the terms of docs/glossary.md\n{}", found.join("\n"));
}
