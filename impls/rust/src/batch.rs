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
    pub texts: Vec<Text>,
    loans: Vec<Loan>, // of the chunks that are neither str nor bytes
    pub most: usize,  // bytes that the texts can decode to
    pub error: Option<PyErr>,
}

impl<'py> Batch<'py> {
    /// Drain an iterable and acquire its chunks, both of which may run Python code.
    pub fn drain(chunks: &Bound<'py, PyAny>) -> PyResult<Self> {
        let chunks = drained(chunks)?;
        let length = chunks.len();
        let mut batch = Self { chunks, texts: Vec::new(), loans: Vec::new(), most: 0, error: None };
        if batch.texts.try_reserve_exact(length).is_err() {
            return Err(Refusal::NoMemory.into());
        }
        let mut wanted = 0;
        for index in 0..length {
            // SAFETY: the index is below the length of the tuple, which nothing changes.
            let chunk = unsafe { batch.chunks.get_borrowed_item_unchecked(index) };
            batch.texts.push(plain_text(&chunk).unwrap_or_else(|| {
                wanted += 1;
                Text::NONE
            }));
        }
        if wanted != 0 {
            batch.acquire_others(wanted)?;
        }
        batch.most = batch.texts.iter().fold(0, |sum: usize, text| sum.saturating_add(text.length / 4 * 3));
        Ok(batch)
    }

    /// Acquire the chunks that are neither str nor bytes, so many of them at most, up to the first that is no chunk.
    fn acquire_others(&mut self, wanted: usize) -> PyResult<()> {
        // Exactly so many: a loan must not move.
        if self.loans.try_reserve_exact(wanted).is_err() {
            return Err(Refusal::NoMemory.into());
        }
        for index in 0..self.texts.len() {
            let chunk = self.chunk(index);
            if plain_text(&chunk).is_some() {
                continue;
            }
            self.loans.push(Loan::new());
            let last = self.loans.len() - 1;
            match self.loans[last].acquire_text(&chunk) {
                Ok(text) => self.texts[index] = text,
                // What is no Exception, such as KeyboardInterrupt, must not wait for the chunks before it.
                Err(error) if error.is_instance_of::<PyException>(chunk.py()) => {
                    self.texts.truncate(index);
                    self.error = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
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
            _ => match self.texts.get(index) {
                Some(text) => refusal.of_chunk(&self.chunk(index), *text),
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
