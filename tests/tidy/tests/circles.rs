//! No file imports a file that imports it, directly or indirectly.

use std::collections::BTreeSet;

use tidy::Source;
use tidy::imports::{circles, imports};

fn source(path: &str, text: &str) -> Source {
    Source { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn a_cycle_is_found_through_re_exports() {
    let sources = [
        source("x/src/lib.rs", "mod a; mod b; mod c; pub use crate::b::B;"),
        source("x/src/a.rs", "use crate::B; pub struct A;"),
        source("x/src/b/mod.rs", "mod inner; pub use self::inner::B;"),
        source("x/src/b/inner.rs", "pub struct B(crate::c::C);"),
        source("x/src/c.rs", "use crate::a::A; pub struct C(A);"),
    ];
    let found = circles(&imports(&sources, "x/src").unwrap());
    let circle = ["x/src/a.rs", "x/src/b/inner.rs", "x/src/c.rs"];
    assert_eq!(found, [circle.map(str::to_owned).into_iter().collect::<BTreeSet<_>>()]);
}

#[test]
fn module_declarations_and_tests_are_not_cycles() {
    let sources = [
        source("x/src/lib.rs", "mod a; pub struct Shared; use self::a::A; #[cfg(test)] mod tests { use crate::a::*; }"),
        source("x/src/a.rs", "#[cfg(test)] mod tests { use super::*; } pub struct A;"),
        source("x/src/a/tests.rs", "use crate::Shared;"),
    ];
    assert_eq!(circles(&imports(&sources, "x/src").unwrap()), Vec::<BTreeSet<String>>::new());
}

#[test]
fn no_files_import_each_other() {
    let sources = tidy::sources(&[".rs"]);
    let mut found = Vec::new();
    for package in tidy::packages().unwrap() {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let root = tidy::root();
        let folder = std::path::Path::new(manifest).parent().unwrap().strip_prefix(&root).unwrap().join("src");
        let imports = imports(&sources, &folder.to_string_lossy()).unwrap();
        for circle in circles(&imports) {
            let arrow = |file: &String| {
                let inside: Vec<&str> = imports[file].intersection(&circle).map(String::as_str).collect();
                format!("{file} imports {}", inside.join(", "))
            };
            found.push(circle.iter().map(arrow).collect::<Vec<_>>().join("\n  "));
        }
    }
    assert!(found.is_empty(), "{} cycles of imports:\n  {}", found.len(), found.join("\n\n  "));
}
