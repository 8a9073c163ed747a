//! What templates may contain. They have no inline script or style, and only those attributes of htmx that the content security
//! policy allows.

use std::path::Path;

/// The attributes of htmx that templates may use.
const HTMX: [&str; 6] = ["hx-get", "hx-trigger", "hx-target", "hx-swap", "hx-sse:connect", "hx-sse:close"];

fn templates(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            templates(&path, found);
        } else {
            found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn templates_have_no_inline_script_or_style() {
    let mut found = Vec::new();
    templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut found);
    assert!(found.len() > 8);
    for (name, text) in found {
        let lower = text.to_lowercase();
        for bad in ["<style", " style=", "hx-on", "js:", "\"javascript:", "|safe", "| safe", "http://", "https://"] {
            assert!(!lower.contains(bad), "{name} contains {bad}");
        }
        for handler in ["onclick", "onload", "onerror", "onsubmit", "onchange"] {
            assert!(!lower.contains(handler), "{name} contains {handler}");
        }
        for (_, rest) in lower.match_indices("<script").map(|(at, _)| lower.split_at(at)) {
            assert!(rest.starts_with("<script src="), "{name} has an inline script");
        }
        for (at, _) in lower.match_indices(" hx-") {
            let attribute = lower[at + 1..].split(['=', ' ', '>']).next().unwrap();
            assert!(HTMX.contains(&attribute), "{name} uses {attribute}");
        }
    }
}

#[test]
fn templates_compute_nothing() {
    let mut found = Vec::new();
    templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut found);
    for (name, text) in found {
        for bad in ["{% let ", "{% set ", "{{ 1", " + ", " * "] {
            assert!(!text.contains(bad), "{name} contains {bad}");
        }
    }
}
