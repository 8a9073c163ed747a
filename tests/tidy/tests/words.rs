//! The words of the field: what `docs/glossary.md` says not to write is not written.

/// What is not written, in lowercase, and what is. A word ends where a letter, digit, or underscore does not follow.
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

/// Pages that quote the words that are not written, and the sample text of a finding, which is in hashes of its content.
const QUOTES: [&str; 5] = [
    "docs/glossary.md",
    "docs/style.md",
    "shared/exporter/tests/simulation/promises.rs",
    "shared/exporter/tests/simulation/scan.rs",
    "tests/tidy/tests/words.rs",
];

fn has(line: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word)
        .any(|(at, _)| !is_part(line[..at].chars().next_back()) && !is_part(line[at + word.len()..].chars().next()))
}

#[test]
fn words_are_found_whole() {
    assert!(has("what mends it", "mends") && has("(mend)", "mend"));
    assert!(!has("a recommendation", "mend") && !has("mended", "mend") && !has("what_mends_it", "mends"));
}

#[test]
fn the_words_of_the_glossary_are_written() {
    let mut found = Vec::new();
    let sources = tidy::sources(&[".rs", ".md", ".yaml", ".py", ".snap"]);
    for source in sources.iter().filter(|source| !QUOTES.contains(&source.path.as_str())) {
        for (number, line) in source.text.lines().enumerate() {
            let lower = line.to_lowercase();
            let wrong = WORDS.iter().filter(|(word, _)| has(&lower, word));
            found.extend(wrong.map(|(word, right)| format!("{}:{}: {word}: write {right}", source.path, number + 1)));
        }
    }
    assert!(found.is_empty(), "docs/glossary.md has the words of this project\n{}", found.join("\n"));
}
