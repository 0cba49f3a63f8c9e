//! The ladder: what a call does on its way to a decoded chunk, one thing more on each rung.
//!
//! The last rung is the implementation's own `decode`. The functions that the interpreter calls are at the end, without
//! PyO3's wrapper as in `entry`; `ladder.pyx` of the Cython implementation is the same. Read it beside this.

use std::ffi::CStr;
use std::hint::black_box;
use std::ptr::{copy_nonoverlapping, null, null_mut};

use callbot_core::decode::decoded_size;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::source::{Loan, Text, plain_text};

/// Take pointer and length of a chunk's text; TypeError for what is no chunk.
#[inline]
pub fn accept(chunk: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Some(text) = plain_text(chunk) {
        black_box(text);
        return Ok(());
    }
    let mut loan = Loan::new();
    black_box(loan.acquire_text(chunk)?);
    Ok(())
}

/// New bytes of the size that a chunk decodes to, with unspecified contents; TypeError for what is no chunk.
#[inline]
pub fn allocate<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = chunk.py();
    if let Some(text) = plain_text(chunk) {
        return allocated(py, text);
    }
    let mut loan = Loan::new();
    allocated(py, loan.acquire_text(chunk)?)
}

/// The same, filled with the first bytes of the chunk's text.
#[inline]
pub fn copy<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let py = chunk.py();
    if let Some(text) = plain_text(chunk) {
        return copied(py, text);
    }
    let mut loan = Loan::new();
    copied(py, loan.acquire_text(chunk)?)
}

#[inline]
fn allocated(py: Python<'_>, text: Text) -> PyResult<Bound<'_, PyBytes>> {
    // SAFETY: the text is readable while the chunk, or the loan of its buffer, is alive.
    unsafe {
        let size = decoded_size(text.data, text.length);
        // Without a source the bytes are not initialised.
        let object = ffi::PyBytes_FromStringAndSize(null(), size as ffi::Py_ssize_t);
        Ok(Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked())
    }
}

#[inline]
fn copied(py: Python<'_>, text: Text) -> PyResult<Bound<'_, PyBytes>> {
    // SAFETY: as above. The size is less than the length of the text. New bytes that nobody else has seen may be
    // written, up to their size.
    unsafe {
        let size = decoded_size(text.data, text.length);
        let object = ffi::PyBytes_FromStringAndSize(null(), size as ffi::Py_ssize_t);
        let copy = Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked();
        // A text without a pointer has the size 0.
        if size != 0 {
            copy_nonoverlapping(text.data, ffi::PyBytes_AS_STRING(object).cast_mut().cast(), size);
        }
        Ok(copy)
    }
}

/// The rungs below `decode`; `callbot_rust.ladder` offers them.
#[pymodule(submodule, gil_used = true)]
pub mod ladder {
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Kept for ever, since definitions must live as long as their functions.
        let definitions = Box::leak(Box::new([
            definition(c"noop", c"noop(x, /)\n--\n\nDo nothing.", call_noop),
            definition(
                c"accept",
                c"accept(chunk, /)\n--\n\nTake pointer and length of a chunk's text; TypeError for what is no chunk.",
                call_accept,
            ),
            definition(
                c"allocate",
                c"allocate(chunk, /)\n--\n\nNew bytes of the size that a chunk decodes to, with unspecified contents; \
                  TypeError for what is no chunk.",
                call_allocate,
            ),
            definition(
                c"copy",
                c"copy(chunk, /)\n--\n\nThe same, filled with the first bytes of the chunk's text.",
                call_copy,
            ),
            ffi::PyMethodDef::zeroed(),
        ]));
        // SAFETY: the definitions end with an empty one, and are of functions that take one argument.
        match unsafe { ffi::PyModule_AddFunctions(module.as_ptr(), definitions.as_mut_ptr()) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(module.py())),
        }
    }
}

fn definition(name: &'static CStr, doc: &'static CStr, function: ffi::PyCFunction) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: ffi::PyMethodDefPointer { PyCFunction: function },
        ml_flags: ffi::METH_O,
        ml_doc: doc.as_ptr(),
    }
}

/// # Safety
/// Called by the interpreter, as are those below.
unsafe extern "C" fn call_noop(_: *mut ffi::PyObject, _: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter holds the GIL.
    unsafe { ffi::Py_NewRef(ffi::Py_None()) }
}

unsafe extern "C" fn call_accept(_: *mut ffi::PyObject, chunk: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter holds the GIL and a reference to the chunk.
    unsafe {
        let py = Python::assume_attached();
        match accept(&Borrowed::from_ptr(py, chunk)) {
            Ok(()) => ffi::Py_NewRef(ffi::Py_None()),
            Err(error) => raise(py, error),
        }
    }
}

unsafe extern "C" fn call_allocate(_: *mut ffi::PyObject, chunk: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let py = Python::assume_attached();
        match allocate(&Borrowed::from_ptr(py, chunk)) {
            Ok(bytes) => bytes.into_ptr(),
            Err(error) => raise(py, error),
        }
    }
}

unsafe extern "C" fn call_copy(_: *mut ffi::PyObject, chunk: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let py = Python::assume_attached();
        match copy(&Borrowed::from_ptr(py, chunk)) {
            Ok(bytes) => bytes.into_ptr(),
            Err(error) => raise(py, error),
        }
    }
}

#[cold]
fn raise(py: Python<'_>, error: PyErr) -> *mut ffi::PyObject {
    error.restore(py);
    null_mut()
}
