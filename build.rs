//! Two things that make the program smaller in memory.
//!
//! Its relocations are packed, which are 0.3 MB otherwise, where the C library knows such (glibc from 2.36 on). A program
//! that was built there needs such a library, as the Debian package states.
//!
//! What a running agent calls is put side by side: the kernel maps code in pieces of 64 KiB, and otherwise maps the code of
//! other commands, of TLS that no URL asks for, and of errors that never happen, with it: 2.4 MB.

use std::process::Command;

const SINCE: (u32, u32) = (2, 36);
/// By the names of functions (`make order`). Those that there are not any more do no harm, nor do new ones.
const ORDER: &str = "link/used.ld";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ORDER}");
    let target = |name| std::env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    let is_known = target("ARCH") == "x86_64" && target("ENV") == "gnu";
    if is_known && glibc().is_some_and(|version| version >= SINCE) {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    let is_optimised = std::env::var("OPT_LEVEL").is_ok_and(|level| level != "0");
    if is_optimised && target("OS") == "linux" && knows_scripts() {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bin=seclyzer=-T{folder}/{ORDER}");
    }
}

/// GNU ld and lld do, by one of which Rust links unless it is told otherwise; the others refuse them. `mold -run` takes their
/// place whatever is said.
fn knows_scripts() -> bool {
    println!("cargo::rerun-if-env-changed=MOLD_PATH");
    if std::env::var_os("MOLD_PATH").is_some() {
        return false;
    }
    const OTHERS: [&str; 3] = ["mold", "gold", "wild"];
    let orders = ["CARGO_ENCODED_RUSTFLAGS", "RUSTC_LINKER"].map(|name| std::env::var(name).unwrap_or_default());
    !orders.iter().any(|order| OTHERS.iter().any(|other| order.contains(other)))
}

/// The version here: `getconf` prints "glibc 2.36".
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
