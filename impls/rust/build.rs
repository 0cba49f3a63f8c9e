//! Notes, for BUILD, how the compiler is called.

use std::env::var;
use std::fs::read_to_string;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.toml");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let profile = var("PROFILE").unwrap_or_default();
    let flags = [
        ("opt-level", var("OPT_LEVEL").unwrap_or_default()),
        ("lto", setting(&profile, "lto")),
        ("codegen-units", setting(&profile, "codegen-units")),
        ("target", var("TARGET").unwrap_or_default()),
        ("RUSTFLAGS", var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().replace('\x1f', " ")),
    ];
    let flags: Vec<String> = flags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    println!("cargo::rustc-env=CALLBOT_FLAGS={}", flags.join(" "));
    println!("cargo::rustc-env=CALLBOT_OPT_LEVEL={}", var("OPT_LEVEL").unwrap_or_default());
    println!("cargo::rustc-env=CALLBOT_RUSTC={}", compiler());
    println!("cargo::rustc-env=CALLBOT_BASE64={}", locked_version("base64"));
}

fn compiler() -> String {
    let output = Command::new(var("RUSTC").unwrap()).arg("--version").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A setting of the profile, from where cargo takes it: the environment first, then the manifest.
fn setting(profile: &str, name: &str) -> String {
    let variable = format!("CARGO_PROFILE_{}_{}", profile, name.replace('-', "_")).to_uppercase();
    println!("cargo::rerun-if-env-changed={variable}");
    if let Ok(value) = var(variable) {
        return value;
    }
    let manifest = read_to_string("Cargo.toml").unwrap();
    let mut lines = manifest.lines().skip_while(|line| *line != format!("[profile.{profile}]")).skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('='))
        .map_or("default".to_owned(), |value| value.trim().trim_matches('"').to_owned())
}

fn locked_version(package: &str) -> String {
    let lock = read_to_string("Cargo.lock").unwrap();
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = \"{package}\""));
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.unwrap_or_default().trim_matches('"').to_owned()
}
