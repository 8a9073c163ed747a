//! Reads the source tree, for the tests of this crate: they check rules that no compiler knows.

pub mod imports;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Top-level directories without sources of this repository.
const FOLDERS_SKIPPED: [&str; 12] = [
    ".aws-sam",
    ".git",
    ".local",
    ".venv",
    ".venv-actionlint",
    ".venv-awscli",
    ".venv-checkov",
    ".venv-prowler",
    ".venv-strict",
    "dist",
    "node_modules",
    "target",
];

/// A file of the tree with its content.
#[derive(Debug)]
pub struct Source {
    /// The path relative to the root of the tree.
    pub path: String,
    /// The content.
    pub text: String,
}

impl Source {
    /// The lines that are not comments, with their numbers.
    pub fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// The root of the tree.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.to_path_buf(), Path::to_path_buf)
}

/// All text files of the tree whose name has one of the endings.
pub fn sources(endings: &[&str]) -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() && !path.is_symlink() {
                if !FOLDERS_SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let relative = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
                found.extend(fs::read_to_string(&path).ok().map(|text| Source { path: relative, text }));
            }
        }
    }
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// The metadata of the workspace's packages from Cargo.
///
/// # Errors
///
/// If Cargo can't be run, or its output is not JSON.
pub fn packages() -> Result<Vec<Value>, String> {
    let cargo = option_env!("CARGO").unwrap_or("cargo");
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--offline", "--locked", "--format-version", "1"]).current_dir(root());
    let output = command.output().map_err(|error| error.to_string())?;
    let answer: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(answer["packages"].as_array().cloned().unwrap_or_default())
}
