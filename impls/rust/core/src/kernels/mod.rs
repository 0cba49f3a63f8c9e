//! Kernels: the inner loops that decode whole quads, one file each.

pub mod scalar;

/// An inner loop: `decode_quads(source, quads, target)` decodes whole quads of four symbols to three bytes each.
///
/// It returns how many leading quads it decoded and stops before the first that it does not accept, padding included.
/// It reads no more than `4 * quads` bytes at `source` and writes no more than `3 * quads` at `target`.
pub type DecodeQuads = unsafe fn(source: *const u8, quads: usize, target: *mut u8) -> usize;

/// A kernel and the name by which users choose it.
pub struct Kernel {
    pub name: &'static str,
    pub decode_quads: DecodeQuads,
}

/// The kernel that serves this CPU best.
pub fn best() -> &'static Kernel {
    &scalar::SCALAR
}
