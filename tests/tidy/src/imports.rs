//! The imports between the files of a crate: the `use` items and the paths that begin with `crate`, `self`, or `super`.
//!
//! A name that a module only re-exports belongs to the file that defines it, and a re-export is not an import. Test modules are
//! skipped: they may import everything.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, File, Item, ItemMod, ItemUse, Meta, UseTree, Visibility};

use crate::Source;

/// The files that each file imports, by path relative to the root of the tree.
pub type Imports = BTreeMap<String, BTreeSet<String>>;

/// A module's path inside its crate; empty for the root of the crate.
type ModulePath = Vec<String>;

struct Module {
    file: String,
    /// Re-exported names, with their original paths.
    exports: BTreeMap<String, ModulePath>,
    uses: Vec<ModulePath>,
}

/// The imports between the files of the crate whose sources are in `folder`.
///
/// # Errors
///
/// If a file isn't valid Rust.
pub fn imports(sources: &[Source], folder: &str) -> Result<Imports, String> {
    let mut modules = BTreeMap::new();
    for source in sources {
        let Some(path) = module_path(&source.path, folder) else { continue };
        let syntax = syn::parse_file(&source.text).map_err(|error| format!("{}: {error}", source.path))?;
        modules.insert(path.clone(), read(&source.path, &path, &syntax));
    }
    let mut imports = Imports::new();
    for module in modules.values() {
        let used = module.uses.iter().filter_map(|path| file_of(&modules, path, 0));
        let others = used.filter(|file| *file != module.file).map(str::to_owned).collect();
        imports.insert(module.file.clone(), others);
    }
    Ok(imports)
}

/// The groups of files that import each other in a cycle.
pub fn circles(imports: &Imports) -> Vec<BTreeSet<String>> {
    let reachable: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), below(imports, file))).collect();
    let mut circles: Vec<BTreeSet<String>> = Vec::new();
    for (file, below) in &reachable {
        if !below.contains(file) || circles.iter().any(|circle| circle.contains(*file)) {
            continue;
        }
        let mutual = below.iter().filter(|other| reachable.get(**other).is_some_and(|back| back.contains(file)));
        circles.push(mutual.map(|other| (*other).to_owned()).collect());
    }
    circles
}

fn below<'a>(imports: &'a Imports, file: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&str> = imports.get(file).into_iter().flatten().map(String::as_str).collect();
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(imports.get(next).into_iter().flatten().map(String::as_str));
        }
    }
    found
}

/// The path of the module in a file. `None` if the file isn't in the crate, or contains tests.
fn module_path(file: &str, folder: &str) -> Option<ModulePath> {
    let inside = file.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".rs")?;
    let mut path: ModulePath = inside.split('/').map(str::to_owned).collect();
    if path.iter().any(|name| name == "tests") {
        return None;
    }
    if matches!(path.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        path.pop();
    }
    Some(path)
}

fn read(file: &str, path: &[String], syntax: &File) -> Module {
    let mut module = Module { file: file.to_owned(), exports: BTreeMap::new(), uses: Vec::new() };
    let children: BTreeSet<String> = syntax.items.iter().filter_map(child).collect();
    let mut reader = Reader { path, children: &children, module: &mut module };
    reader.visit_file(syntax);
    module
}

fn child(item: &Item) -> Option<String> {
    match item {
        Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
        _ => None,
    }
}

struct Reader<'a> {
    path: &'a [String],
    children: &'a BTreeSet<String>,
    module: &'a mut Module,
}

impl Reader<'_> {
    /// A path from the crate's root. `None` if it is outside of the crate.
    fn absolute(&self, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let mut absolute = self.path.to_vec();
        match first.as_str() {
            "crate" => absolute.clear(),
            "self" => {}
            "super" => drop(absolute.pop()),
            child if self.children.contains(child) => absolute.push(child.to_owned()),
            _ => return None,
        }
        for name in rest {
            if name == "super" { drop(absolute.pop()) } else { absolute.push(name.clone()) }
        }
        Some(absolute)
    }

    fn leaves(&mut self, tree: &UseTree, prefix: &mut Vec<String>, exported: bool) {
        match tree {
            UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.leaves(&path.tree, prefix, exported);
                prefix.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|item| self.leaves(item, prefix, exported)),
            UseTree::Name(name) => self.leaf(prefix, &name.ident.to_string(), &name.ident.to_string(), exported),
            UseTree::Rename(name) => self.leaf(prefix, &name.ident.to_string(), &name.rename.to_string(), exported),
            UseTree::Glob(_) => self.leaf(prefix, "*", "*", exported),
        }
    }

    fn leaf(&mut self, prefix: &[String], name: &str, known_as: &str, exported: bool) {
        let mut path = prefix.to_vec();
        if name != "self" {
            path.push(name.to_owned());
        }
        let Some(path) = self.absolute(&path) else { return };
        if exported {
            self.module.exports.insert(known_as.to_owned(), path);
        } else {
            self.module.uses.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) && module.content.is_none() {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            let exported = !matches!(item.vis, Visibility::Inherited);
            self.leaves(&item.tree, &mut Vec::new(), exported);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if matches!(names.first().map(String::as_str), Some("crate" | "super")) && names.len() > 1 {
            self.module.uses.extend(self.absolute(&names));
        }
        visit::visit_path(self, path);
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.tokens.to_string() == "test",
        _ => false,
    })
}

/// The file that defines the item with a path. `depth` limits re-exports of re-exports.
fn file_of<'a>(modules: &'a BTreeMap<ModulePath, Module>, path: &[String], depth: u32) -> Option<&'a str> {
    for length in (0..=path.len()).rev() {
        let Some(module) = modules.get(&path[..length]) else { continue };
        let exported = path.get(length).and_then(|name| module.exports.get(name));
        return match exported {
            Some(origin) if depth < 8 => {
                let mut origin = origin.clone();
                origin.extend_from_slice(&path[length + 1..]);
                file_of(modules, &origin, depth + 1)
            }
            _ => Some(&module.file),
        };
    }
    None
}
