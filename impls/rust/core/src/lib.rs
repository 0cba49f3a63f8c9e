//! Without Python: canonical base64, with kernels that decode whole quads and what every kernel shares; JSON, and what
//! the messages of voice services say in it.

pub mod decode;
pub mod escapes;
pub mod json;
pub mod kernels;
mod members;
pub mod message;
mod values;
