//! Canonical base64 without Python: kernels that decode whole quads, and what every kernel shares.

pub mod decode;
pub mod kernels;
