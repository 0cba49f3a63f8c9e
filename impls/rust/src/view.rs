//! What a view of a buffer holds on to.

use std::ffi::c_int;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::buffer::AudioBuffer;

/// Exports the bytes of a buffer, read-only, and keeps count: `memoryview(buffer)` itself must not work.
#[pyclass(frozen, module = "callbot_rust", name = "_Exporter")]
pub struct Exporter(Py<AudioBuffer>);

impl Exporter {
    pub fn of(buffer: &Bound<'_, AudioBuffer>) -> Self {
        Self(buffer.clone().unbind())
    }
}

#[pymethods]
impl Exporter {
    /// # Safety
    /// Called by the interpreter, with a view to fill.
    unsafe fn __getbuffer__(slf: &Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let py = slf.py();
        let buffer = slf.get().0.bind(py).get();
        let (start, length) = buffer.lend(py)?;
        // SAFETY: the bytes stay where they are until `__releasebuffer__`; the view holds a reference to `slf`, and
        // so to the buffer. Read-only: a request to write is refused with BufferError.
        let status = unsafe {
            let start = start.cast_mut().cast();
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), start, length as ffi::Py_ssize_t, 1, flags)
        };
        if status != 0 {
            buffer.give_back(py);
            return Err(PyErr::fetch(py));
        }
        Ok(())
    }

    /// # Safety
    /// Called by the interpreter, once for every view that was filled.
    unsafe fn __releasebuffer__(slf: &Bound<'_, Self>, _view: *mut ffi::Py_buffer) {
        slf.get().0.bind(slf.py()).get().give_back(slf.py());
    }
}
