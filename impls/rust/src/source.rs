//! Where the text of a chunk lies.

use std::mem::MaybeUninit;
use std::ptr::null;

use callbot_core::decode::error_position;
use pyo3::exceptions::{PyBufferError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyMemoryView};

pub mod binascii {
    pyo3::import_exception!(binascii, Error);
}

/// Text in memory that a chunk owns.
///
/// A `str` with other than ASCII characters has no such memory and is never canonical. It becomes a null pointer with
/// length 1, which is refused for its length before anything is read.
#[derive(Clone, Copy)]
pub struct Text {
    pub data: *const u8,
    pub length: usize,
}

impl Text {
    /// Text that is never canonical.
    pub const NONE: Self = Self { data: null(), length: 1 };
}

/// The text of a `str` or `bytes`, which hold still while the chunk lives; None for anything else.
#[inline]
pub fn plain_text(chunk: &Bound<'_, PyAny>) -> Option<Text> {
    let object = chunk.as_ptr();
    // SAFETY: the macros are called on what they are for, and the GIL is held.
    unsafe {
        if ffi::PyUnicode_Check(object) != 0 {
            if ffi::PyUnicode_IS_ASCII(object) == 0 {
                return Some(Text::NONE);
            }
            let length = ffi::PyUnicode_GET_LENGTH(object) as usize;
            return Some(Text { data: ffi::PyUnicode_DATA(object).cast(), length });
        }
        if ffi::PyBytes_Check(object) != 0 {
            let length = ffi::Py_SIZE(object) as usize;
            return Some(Text { data: ffi::PyBytes_AS_STRING(object).cast(), length });
        }
    }
    None
}

/// A place for a buffer that some object lends, given back when it goes.
///
/// To acquire and to give back may run Python code.
pub struct Loan {
    view: MaybeUninit<ffi::Py_buffer>,
    held: bool,
}

impl Loan {
    pub fn new() -> Self {
        Self { view: MaybeUninit::uninit(), held: false }
    }

    /// Acquire the bytes of a chunk that is neither `str` nor `bytes`.
    pub fn acquire_text(&mut self, chunk: &Bound<'_, PyAny>) -> PyResult<Text> {
        match self.acquire(chunk)? {
            Some(1) => Ok(self.text()),
            _ => Err(refuse_chunk(chunk)),
        }
    }

    /// Acquire the bytes of a message that is neither `str` nor `bytes`.
    pub fn acquire_message(&mut self, message: &Bound<'_, PyAny>) -> PyResult<Text> {
        match self.acquire(message)? {
            Some(1) => Ok(self.text()),
            _ => Err(refuse_message(message)),
        }
    }

    /// The same for what runs no Python code to lend its bytes; None for anything else.
    #[inline]
    pub fn acquire_plain(&mut self, message: &Bound<'_, PyAny>) -> Option<Text> {
        if !message.is_exact_instance_of::<PyMemoryView>() && !message.is_exact_instance_of::<PyByteArray>() {
            return None;
        }
        self.acquire_message(message).ok()
    }

    /// Acquire the bytes of PCM, whatever the size of its items.
    pub fn acquire_pcm(&mut self, pcm: &Bound<'_, PyAny>) -> PyResult<Text> {
        match self.acquire(pcm)? {
            Some(_) => Ok(self.text()),
            None => Err(refuse_pcm(pcm)),
        }
    }

    /// The bytes on loan; none if there is no loan.
    fn text(&self) -> Text {
        if !self.held {
            return Text::NONE;
        }
        // SAFETY: the view is held, so it was written.
        let view = unsafe { self.view.assume_init_ref() };
        Text { data: view.buf.cast_const().cast(), length: view.len as usize }
    }

    /// The size of the items on loan; None if the object lends no C-contiguous buffer now.
    fn acquire(&mut self, object: &Bound<'_, PyAny>) -> PyResult<Option<isize>> {
        debug_assert!(!self.held);
        let py = object.py();
        // SAFETY: the view is written by the call before it is read, and only if the call succeeds.
        unsafe {
            // A simple buffer is C-contiguous; its `itemsize` is still that of the items.
            if ffi::PyObject_GetBuffer(object.as_ptr(), self.view.as_mut_ptr(), ffi::PyBUF_SIMPLE) == 0 {
                self.held = true;
                return Ok(Some(self.view.assume_init_ref().itemsize));
            }
        }
        let error = PyErr::fetch(py);
        // A memoryview that was released raises ValueError, and so do arrays with gaps.
        if error.is_instance_of::<PyTypeError>(py)
            || error.is_instance_of::<PyBufferError>(py)
            || error.is_instance_of::<PyValueError>(py)
        {
            return Ok(None);
        }
        Err(error)
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if self.held {
            // SAFETY: the view is held, and loans live on the stack of calls that hold the GIL.
            unsafe { ffi::PyBuffer_Release(self.view.as_mut_ptr()) }
        }
    }
}

/// Whether an object lends a buffer.
pub fn exports_buffer(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: any object will do.
    unsafe { ffi::PyObject_CheckBuffer(object.as_ptr()) != 0 }
}

/// The error for something that is no chunk.
#[cold]
pub fn refuse_chunk(chunk: &Bound<'_, PyAny>) -> PyErr {
    let message = format!("a chunk is a str or a C-contiguous buffer of one-byte items, not {}", type_name(chunk));
    PyTypeError::new_err(message)
}

/// The error for something that is no message.
#[cold]
fn refuse_message(message: &Bound<'_, PyAny>) -> PyErr {
    let what = format!("a message is a str or a C-contiguous buffer of one-byte items, not {}", type_name(message));
    PyTypeError::new_err(what)
}

/// The error for something that is no PCM.
#[cold]
pub fn refuse_pcm(pcm: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("pcm is a C-contiguous buffer, not {}", type_name(pcm)))
}

/// The error for something that is no iterable of chunks.
#[cold]
pub fn refuse_chunks(chunks: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!("chunks is an iterable of chunks, not {}", type_name(chunks)))
}

/// The error for text that is not canonical base64.
#[cold]
pub fn invalid(chunk: &Bound<'_, PyAny>, text: Text) -> PyErr {
    let position = if text.data.is_null() {
        let prefix = ascii_prefix(chunk);
        // SAFETY: the vector is readable.
        unsafe { error_position(prefix.as_ptr(), prefix.len()) }
    } else {
        // SAFETY: the chunk, or the loan of its buffer, is alive.
        unsafe { error_position(text.data, text.length) }
    };
    binascii::Error::new_err(format!("invalid base64 at position {position}"))
}

/// The characters of a `str` before its first that is not ASCII.
fn ascii_prefix(chunk: &Bound<'_, PyAny>) -> Vec<u8> {
    let object = chunk.as_ptr();
    // SAFETY: `object` is a `str`, and the index is below its length.
    unsafe {
        let length = ffi::PyUnicode_GET_LENGTH(object);
        (0..length)
            .map_while(|index| u8::try_from(ffi::PyUnicode_ReadChar(object, index)).ok().filter(u8::is_ascii))
            .collect()
    }
}

/// Name of an object's type, for messages.
pub fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
}
