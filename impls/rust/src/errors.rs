//! Why a call was refused, before it becomes a Python exception.

use pyo3::exceptions::{PyBufferError, PyMemoryError, PyOverflowError, PyValueError};
use pyo3::prelude::*;

use crate::source::{Text, invalid};

/// A reason that can be had without running Python code.
pub enum Refusal {
    Closed,
    Viewed,
    Invalid,
    NoChunk,
    OverLimit(usize),
    OverMaxBytes(usize),
    NoMemory,
}

impl Refusal {
    /// The exception; `chunk` and `text` are what was being decoded.
    #[cold]
    pub fn of_chunk(self, chunk: &Bound<'_, PyAny>, text: Text) -> PyErr {
        match self {
            Self::Invalid => invalid(chunk, text),
            other => other.into(),
        }
    }
}

impl From<Refusal> for PyErr {
    #[cold]
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Closed => PyValueError::new_err("the call of this buffer is closed"),
            Refusal::Viewed => PyBufferError::new_err("a view of this buffer is alive"),
            Refusal::Invalid | Refusal::NoChunk => PyValueError::new_err("invalid base64"), // see `of_chunk`, `Batch`
            Refusal::OverLimit(limit) => PyOverflowError::new_err(format!("limit of {limit} bytes exceeded")),
            Refusal::OverMaxBytes(most) => PyOverflowError::new_err(format!("max_bytes of {most} exceeded")),
            Refusal::NoMemory => PyMemoryError::new_err(()),
        }
    }
}
