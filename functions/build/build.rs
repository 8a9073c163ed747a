//! Links a function's release program without unwind tables. A panic aborts, so that the tables are unused, and they would be a
//! twelfth of the zip file. A panic still prints its message and location.

use std::env;
use std::path::PathBuf;

/// Path of the linker script, relative to a package.
const SCRIPT: &str = "../../functions/build/no_unwind_tables.ld";

fn main() {
    println!("cargo:rerun-if-changed=../../functions/build/build.rs");
    println!("cargo:rerun-if-changed={SCRIPT}");
    // Other profiles unwind, and only linkers of Linux support such scripts.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let is_linux = env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux");
    if let (true, true, Some(package)) = (is_release, is_linux, env::var_os("CARGO_MANIFEST_DIR")) {
        let script = PathBuf::from(package).join(SCRIPT);
        println!("cargo:rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
}
