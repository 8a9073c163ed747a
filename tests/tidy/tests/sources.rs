//! Rules for the content of source files.

use tidy::Source;

/// Maximum number of lines of a Rust file, including its tests; aim for 100 to 250.
const LINES_MAX: usize = 400;

/// Maximum number of lines of a function of the product, including its signature.
const FUNCTION_LINES_MAX: usize = 70;

/// Names with which a clock is read.
const CLOCKS: [&str; 5] = ["SystemTime", "Instant::now", "Timestamp::now", "Zoned::now", "std::time::Instant"];

/// Modules with which code accesses the environment.
const OUTSIDE: [&str; 4] = ["std::fs", "std::env", "std::net", "std::process"];

/// Beginnings of paths that exist on one machine only. They are split, so that this test does not find itself.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/", "work/"), concat!("/", "home/"), concat!("/", "root/"), concat!("/", "Users/")];

/// Asserts that no line of the files is wrong.
fn none_has(sources: &[Source], wrong: impl Fn(&str) -> bool, rule: &str) {
    let mut findings = Vec::new();
    for source in sources {
        let wrong = source.code().filter(|(_, line)| wrong(line));
        findings.extend(wrong.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())));
    }
    assert!(findings.is_empty(), "{rule}\n{}", findings.join("\n"));
}

fn rust_below(folder: &str) -> Vec<Source> {
    tidy::sources(&[".rs"]).into_iter().filter(|source| source.path.starts_with(folder)).collect()
}

#[test]
fn the_environment_is_read_in_config_only() {
    let mut sources = tidy::sources(&[".rs"]);
    // The environment of a build script is Cargo's.
    let may = |path: &str| path.ends_with("/config.rs") || path.ends_with("/build.rs") || path.contains("tests/");
    sources.retain(|source| !may(&source.path));
    none_has(&sources, |line| line.contains("env::var"), "the environment is read once, into the config of config.rs");
}

#[test]
fn the_pure_crate_has_no_clock() {
    let has = |line: &str| CLOCKS.iter().any(|clock| line.contains(clock));
    none_has(&rust_below("shared/asff/src/"), has, "asff is pure: the caller tells it the time");
}

#[test]
fn the_pure_crate_does_not_access_its_environment() {
    let mut sources = rust_below("shared/asff/src/");
    sources.retain(|source| !source.path.contains("test"));
    let reaches = |line: &str| OUTSIDE.iter().any(|way| line.contains(way));
    none_has(&sources, reaches, "asff is pure: bytes come in, values go out");
}

#[test]
fn files_are_short() {
    let sources = tidy::sources(&[".rs"]);
    assert!(!sources.is_empty(), "no source files were found");
    for source in sources {
        let lines = source.text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines: split it, {LINES_MAX} is the most", source.path);
    }
}

/// Whether a word is allowed before `fn`.
fn is_qualifier(word: &str) -> bool {
    matches!(word, "pub" | "async" | "const") || word.starts_with("pub(") || word.ends_with(')')
}

/// The functions of a file: the number of the first line, and the number of lines of each. Rustfmt closes a function at the
/// indentation at which it begins. The tests at the end of a file are skipped.
fn functions(text: &str) -> Vec<(usize, usize)> {
    let product = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines: Vec<&str> = product.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let begins = |(before, _): (&str, &str)| before.split_whitespace().all(is_qualifier);
        if !code.split_once("fn ").is_some_and(begins) {
            continue;
        }
        let closes = |line: &&str| {
            let rest = line.strip_prefix(indent).filter(|rest| !rest.starts_with(' '));
            rest.is_some_and(|rest| rest.starts_with('}') || rest.ends_with(';'))
        };
        let is_whole = code.ends_with([';', '}']);
        let rest = if is_whole { Some(0) } else { lines[index..].iter().position(closes) };
        found.extend(rest.map(|rest| (index + 1, rest + 1)));
    }
    found
}

#[test]
fn a_function_is_measured_from_its_signature_to_its_end() {
    let text = "fn a() {}\n\nimpl X {\n    pub(crate) async fn b<T>(\n        x: T,\n    ) -> u8 {\n        0\n    }\n}\n\
                \n#[cfg(test)]\nmod tests {\n    fn c() {\n    }\n}\n";
    assert_eq!(functions(text), [(1, 1), (4, 5)]);
}

#[test]
fn functions_are_short() {
    let mut measured = 0;
    for source in ["shared/", "functions/", "tools/"].iter().flat_map(|folder| rust_below(folder)) {
        if !source.path.contains("/src/") || source.path.contains("tests") {
            continue;
        }
        for (number, lines) in functions(&source.text) {
            measured += 1;
            let path = &source.path;
            assert!(
                lines <= FUNCTION_LINES_MAX,
                "{path}:{number} has a function of {lines} lines, {FUNCTION_LINES_MAX} is the most"
            );
        }
    }
    assert!(measured > 1000, "only {measured} functions were found");
}

#[test]
fn no_file_contains_a_path_of_one_machine() {
    for source in tidy::sources(&[".json", ".md", ".py", ".rs", ".sh", ".toml", ".yaml", "Makefile", "/run"]) {
        for (index, line) in source.text.lines().enumerate() {
            let path = MACHINE_PATHS.iter().find(|path| line.contains(*path));
            assert!(path.is_none(), "{}:{}: {path:?} exists on one machine only", source.path, index + 1);
        }
    }
}
