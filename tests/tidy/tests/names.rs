//! The names of test functions fit on one line of a test report.

/// Maximum number of characters of a test function's name. A longer one is a sign of two tests.
const TEST_NAME_CHARS_MAX: usize = 70;

/// Whether an attribute marks the next function as a test: `test` of the standard library or of tokio.
fn is_test_attribute(line: &str) -> bool {
    line.strip_prefix("#[").is_some_and(|attribute| {
        let path = attribute.split(['(', ']']).next().unwrap_or_default();
        path.rsplit("::").next() == Some("test")
    })
}

/// The name of the function that a line declares.
fn function_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// The names of the test functions in a source, each with the number of its line.
fn test_names(text: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let mut is_test = false;
    for (index, line) in text.lines().map(str::trim_start).enumerate() {
        is_test |= is_test_attribute(line);
        if let Some(name) = function_name(line) {
            if is_test {
                names.push((index + 1, name));
            }
            is_test = false;
        }
    }
    names
}

#[test]
fn test_functions_are_recognized() {
    let text =
        "#[test]\nfn a() {}\nfn b() {}\n    #[tokio::test(start_paused = true)]\n    #[ignore]\n    async fn c() {}\n";
    assert_eq!(test_names(text), [(2, "a"), (6, "c")]);
    assert!(!is_test_attribute("#[cfg(test)]"));
}

#[test]
fn names_of_tests_are_short() {
    let sources = tidy::sources(&[".rs"]);
    let mut found = 0;
    let mut long = Vec::new();
    for source in &sources {
        for (number, name) in test_names(&source.text) {
            found += 1;
            if name.len() > TEST_NAME_CHARS_MAX {
                long.push(format!("{}:{number}: {name} has {} characters", source.path, name.len()));
            }
        }
    }
    assert!(found > 1000, "only {found} tests were found");
    assert!(long.is_empty(), "{TEST_NAME_CHARS_MAX} characters is the maximum\n{}", long.join("\n"));
}
