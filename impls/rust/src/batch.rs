//! The chunks of an iterable, held so that they can be decoded without running Python code.

use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::errors::Refusal;
use crate::source::{Loan, Text, exports_buffer, plain_text, refuse_chunks};

/// Chunks up to the first that is none, and the error for that one.
pub struct Batch<'py> {
    chunks: Bound<'py, PyTuple>,
    loans: Vec<Loan>, // of the chunks that are neither str nor bytes, in order
    pub length: usize,
    pub error: Option<PyErr>,
}

impl<'py> Batch<'py> {
    /// Drain an iterable and acquire its chunks, both of which may run Python code.
    pub fn drain(chunks: &Bound<'py, PyAny>) -> PyResult<Self> {
        let drained = drained(chunks)?;
        let mut batch = Self { length: drained.len(), chunks: drained, loans: Vec::new(), error: None };
        let wanted = (0..batch.length).filter(|index| plain_text(&batch.chunk(*index)).is_none()).count();
        if wanted == 0 {
            return Ok(batch);
        }
        // Exactly so many: a loan must not move.
        if batch.loans.try_reserve_exact(wanted).is_err() {
            return Err(Refusal::NoMemory.into());
        }
        for index in 0..batch.length {
            let chunk = batch.chunk(index);
            if plain_text(&chunk).is_some() {
                continue;
            }
            batch.loans.push(Loan::new());
            let last = batch.loans.len() - 1;
            match batch.loans[last].acquire_text(&chunk) {
                Ok(_) => {}
                // What is no Exception, such as KeyboardInterrupt, must not wait for the chunks before it.
                Err(error) if error.is_instance_of::<PyException>(chunks.py()) => {
                    batch.length = index;
                    batch.error = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(batch)
    }

    /// The texts of the chunks, in order; runs no Python code.
    #[inline]
    pub fn texts(&self) -> impl Iterator<Item = Text> {
        let mut loans = self.loans.iter();
        (0..self.length).map(move |index| {
            // SAFETY: the index is below the length of the tuple, which nothing changes.
            let chunk = unsafe { self.chunks.get_borrowed_item_unchecked(index) };
            plain_text(&chunk).unwrap_or_else(|| loans.next().map_or(Text::NONE, Loan::text))
        })
    }

    /// The exception for the chunk that failed; it carries the chunk's index.
    #[cold]
    pub fn explain(&mut self, index: usize, refusal: Refusal) -> PyErr {
        let error = match refusal {
            Refusal::Closed | Refusal::Viewed | Refusal::NoMemory => return refusal.into(),
            Refusal::NoChunk => match self.error.take() {
                Some(error) if error.is_instance_of::<PyTypeError>(self.chunks.py()) => error,
                Some(error) => return error,
                None => return refusal.into(),
            },
            _ => match self.texts().nth(index) {
                Some(text) => refusal.of_chunk(&self.chunk(index), text),
                None => refusal.into(),
            },
        };
        match error.value(self.chunks.py()).setattr("chunk_index", index) {
            Ok(()) => error,
            Err(other) => other,
        }
    }

    fn chunk(&self, index: usize) -> Bound<'py, PyAny> {
        // SAFETY: callers pass an index below the length of the tuple, which nothing changes.
        unsafe { self.chunks.get_borrowed_item_unchecked(index).to_owned() }
    }
}

/// The items of an iterable as a tuple; the iterable's own errors pass through.
fn drained<'py>(chunks: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyTuple>> {
    let py = chunks.py();
    if chunks.is_instance_of::<PyString>() || exports_buffer(chunks) {
        return Err(refuse_chunks(chunks));
    }
    // SAFETY: PySequence_Tuple takes any object and returns a new reference to a tuple or an error.
    let tuple = |iterable: &Bound<'py, PyAny>| unsafe {
        let items = Bound::from_owned_ptr_or_err(py, ffi::PySequence_Tuple(iterable.as_ptr()))?;
        Ok(items.cast_into_unchecked())
    };
    if chunks.is_exact_instance_of::<PyList>() || chunks.is_exact_instance_of::<PyTuple>() {
        return tuple(chunks);
    }
    match chunks.try_iter() {
        Ok(iterator) => tuple(&iterator),
        Err(error) if error.is_instance_of::<PyTypeError>(py) => Err(refuse_chunks(chunks)),
        Err(error) => Err(error),
    }
}
