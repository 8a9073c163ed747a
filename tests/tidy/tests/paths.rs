//! Each file that a page of the documentation or the Makefile mentions exists.

use std::collections::BTreeSet;

#[test]
fn each_file_that_a_page_mentions_exists() {
    let files: BTreeSet<String> = tidy::sources(&["rs", "py", "json", "yaml", "toml", "html", "css"])
        .into_iter()
        .map(|source| format!("/{}", source.path))
        .collect();
    let exists = |name: &str| {
        // Pages omit `src/`, and the directories above a crate.
        let is_it = |path: &String| {
            path.ends_with(&format!("/{name}")) || path.replace("/src/", "/").ends_with(&format!("/{name}"))
        };
        files.iter().any(is_it)
    };
    let mut missing = Vec::new();
    for page in tidy::sources(&["md"]) {
        for name in page.text.split('`').skip(1).step_by(2) {
            let is_path = name.contains('/')
                && !name.starts_with(['/', '.'])
                && [".rs", ".py", ".yaml", ".toml"].iter().any(|ending| name.ends_with(ending))
                && name.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"_-./".contains(&letter));
            if is_path && !exists(name) {
                missing.push(format!("{}: {name}", page.path));
            }
        }
    }
    assert!(missing.is_empty(), "files not found: {missing:#?}");
}

#[test]
fn make_simulate_uses_existing_modules() {
    let makefile = std::fs::read_to_string(tidy::root().join("Makefile")).unwrap();
    let command = makefile.lines().find(|line| line.contains("--test simulation --")).unwrap();
    let modules: Vec<&str> = command.split(' ').filter_map(|word| word.strip_suffix("::")).collect();
    assert!(modules.len() >= 4, "{modules:?}");
    for module in modules {
        let file = tidy::root().join(format!("shared/exporter/tests/simulation/{module}.rs"));
        assert!(file.exists(), "a filter that matches nothing runs nothing: {module}");
    }
}
