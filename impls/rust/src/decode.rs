//! `decode`: canonical base64 to bytes.

use callbot_core::decode::{decode_into, decoded_size};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::engine::{Engine, without_gil};
use crate::source::{Loan, Text, invalid, plain_text};

/// Decode a `str` or `bytes` to new bytes; None, and no exception, for anything that is refused.
#[inline]
pub fn decode_plain<'py>(engine: Engine, chunk: &Bound<'py, PyAny>) -> Option<Bound<'py, PyBytes>> {
    try_decode(engine, chunk.py(), plain_text(chunk)?).unwrap_or(None)
}

/// Decode a chunk to new bytes.
pub fn decode<'py>(engine: Engine, chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    if let Some(text) = plain_text(chunk) {
        return decode_text(engine, chunk, text);
    }
    let mut loan = Loan::new();
    let text = loan.acquire_text(chunk)?;
    decode_text(engine, chunk, text)
}

fn decode_text<'py>(engine: Engine, chunk: &Bound<'py, PyAny>, text: Text) -> PyResult<Bound<'py, PyBytes>> {
    try_decode(engine, chunk.py(), text)?.ok_or_else(|| invalid(chunk, text))
}

/// New bytes, or None for text that is not canonical; MemoryError.
#[inline]
pub fn try_decode<'py>(engine: Engine, py: Python<'py>, text: Text) -> PyResult<Option<Bound<'py, PyBytes>>> {
    // SAFETY: the text is readable while the chunk, or the loan of its buffer, is alive. New bytes that nobody else
    // has seen may be written, up to their size.
    unsafe {
        let size = decoded_size(text.data, text.length);
        // Without a source the bytes are not initialised; PyBytes::new_with would fill them with zeros.
        let object = ffi::PyBytes_FromStringAndSize(std::ptr::null(), size as ffi::Py_ssize_t);
        let bytes = Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked::<PyBytes>();
        let target = ffi::PyBytes_AS_STRING(object).cast_mut().cast();
        let work = || decode_into(engine.kernel, text.data, text.length, target, size);
        let good = if engine.releases { without_gil(py, work) } else { work() };
        Ok(good.then_some(bytes))
    }
}
