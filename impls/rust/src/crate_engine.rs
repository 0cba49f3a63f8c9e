//! The kernel of the variant `rust-crate`: the `base64` crate with its SIMD engine.

use std::slice::{from_raw_parts, from_raw_parts_mut};
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::{GeneralPurposeConfig, Simd};
use callbot_core::kernels::Kernel;

pub static CRATE: Kernel = Kernel { name: concat!("base64 ", env!("CALLBOT_BASE64")), decode_quads };

// Finds out what the CPU can do.
static ENGINE: LazyLock<Simd> = LazyLock::new(|| Simd::standard(GeneralPurposeConfig::new()));

/// Decode whole quads: all or none, since the caller only asks whether it was all.
///
/// # Safety
/// `source` is readable for `4 * quads` bytes and `target` writable for `3 * quads`.
unsafe fn decode_quads(source: *const u8, quads: usize, target: *mut u8) -> usize {
    // SAFETY: as the caller promises. What is at the target may not be initialised; the engine only writes there.
    let (text, bytes) = unsafe { (from_raw_parts(source, 4 * quads), from_raw_parts_mut(target, 3 * quads)) };
    match ENGINE.decode_slice_unchecked(text, bytes) {
        Ok(size) if size == 3 * quads => quads, // less where there was padding
        _ => 0,
    }
}
