//! Kernels: the inner loops that decode whole quads, one file each, and which of them is used.

use std::env::var_os;
use std::sync::LazyLock;

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
pub mod scalar;

/// An inner loop: `decode_quads(source, quads, target)` decodes whole quads of four symbols to three bytes each.
///
/// It returns how many leading quads it decoded, all of them or the number before the first that it does not accept,
/// padding included. It reads no more than `4 * quads` bytes at `source` and writes no more than `3 * quads` at
/// `target`; what it writes behind the quads that it decoded is unspecified.
pub type DecodeQuads = unsafe fn(source: *const u8, quads: usize, target: *mut u8) -> usize;

/// A kernel and the name by which users choose it.
pub struct Kernel {
    pub name: &'static str,
    pub decode_quads: DecodeQuads,
}

/// Names of all kernels, the best first.
pub const NAMES: [&str; 3] = ["avx512", "avx2", "scalar"];

static CHOSEN: LazyLock<Result<&'static Kernel, String>> =
    LazyLock::new(|| choice(&var_os("CALLBOT_KERNEL").unwrap_or_default().to_string_lossy()));

/// The kernel that CALLBOT_KERNEL asks for, else the first that this CPU runs; the error says why it cannot be had.
pub fn chosen() -> Result<&'static Kernel, &'static str> {
    CHOSEN.as_ref().copied().map_err(String::as_str)
}

/// The kernel of a name, or the first that this CPU runs where the name is empty.
pub fn choice(wanted: &str) -> Result<&'static Kernel, String> {
    if wanted.is_empty() {
        return Ok(NAMES.iter().find_map(|name| named(name).ok()).unwrap_or(&scalar::SCALAR));
    }
    named(wanted).map_err(|why| format!("CALLBOT_KERNEL: {why}"))
}

/// A kernel by name; the error says in words why there is none.
pub fn named(name: &str) -> Result<&'static Kernel, String> {
    match name {
        "scalar" => Ok(&scalar::SCALAR),
        #[cfg(target_arch = "x86_64")]
        "avx2" if avx2::runs_here() => Ok(&avx2::AVX2),
        #[cfg(target_arch = "x86_64")]
        "avx512" if avx512::runs_here() => Ok(&avx512::AVX512),
        "avx2" => Err("the avx2 kernel needs a CPU with AVX2".to_owned()),
        "avx512" => Err("the avx512 kernel needs a CPU with AVX-512 F, BW and VBMI".to_owned()),
        _ => Err(format!("there is no kernel '{name}'; there are: {}", NAMES.join(", "))),
    }
}
