//! The Rust design of the seed report: a mutex around a map from call id to a growing buffer, a new vector for every
//! decode, bytes copied out. It need not conform, and is written as its author would have.
//!
//! The design always reserves 10 MB and knows no limits. Other arguments are taken and ignored, so that the suite can
//! show what else is missing. The ablation has the design once more with one thing changed, see `in_place`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use callbot_core::kernels::Kernel;
use callbot_core::kernels::scalar::SCALAR;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::pybacked::{PyBackedBytes, PyBackedStr};
use pyo3::types::{PyBytes, PyDict, PyMemoryView};

use crate::build_info::describe;
use crate::engine::Engine;
use crate::in_place::{InPlace, decode_behind};

pub const CAPACITY: usize = 10 * 1024 * 1024;

#[derive(FromPyObject)]
pub enum Chunk {
    Text(PyBackedStr),
    Bytes(PyBackedBytes),
    Buffer(PyBuffer<u8>),
}

impl Chunk {
    fn decode(&self, py: Python<'_>) -> PyResult<Vec<u8>> {
        callbot_core::decode::decode(&SCALAR, &self.text(py)?).map_err(invalid)
    }

    pub fn text(&self, py: Python<'_>) -> PyResult<Cow<'_, [u8]>> {
        Ok(match self {
            Self::Text(text) => Cow::Borrowed(text.as_bytes()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            Self::Buffer(buffer) => Cow::Owned(buffer.to_vec(py)?),
        })
    }
}

pub fn invalid(position: usize) -> PyErr {
    PyValueError::new_err(format!("invalid base64 at position {position}"))
}

/// What is to be appended: PCM, or text that is decoded in place.
enum Part<'a> {
    Pcm(Vec<u8>),
    Text(&'static Kernel, Cow<'a, [u8]>),
}

impl<'a> Part<'a> {
    /// The PCM of a chunk; its text if there is a kernel to decode it in place.
    #[inline]
    fn of(chunk: &'a Chunk, in_place: Option<&'static Kernel>, py: Python<'_>) -> PyResult<Self> {
        Ok(match in_place {
            None => Self::Pcm(chunk.decode(py)?),
            Some(kernel) => Self::Text(kernel, chunk.text(py)?),
        })
    }
}

/// One call's audio in a pre-allocated buffer.
#[pyclass(module = "callbot_rust.report")]
pub struct AudioBuffer {
    in_place: Option<&'static Kernel>,
    buffer: BytesMut,
    #[pyo3(get)]
    chunk_count: usize,
    #[pyo3(get)]
    total_bytes: usize,
}

impl AudioBuffer {
    /// A buffer that decodes with a kernel in place; without one, by way of a vector.
    pub fn with(in_place: Option<&'static Kernel>) -> Self {
        Self { in_place, buffer: BytesMut::with_capacity(CAPACITY), chunk_count: 0, total_bytes: 0 }
    }

    #[inline]
    fn push(&mut self, part: Part<'_>) -> PyResult<usize> {
        match part {
            Part::Pcm(pcm) => Ok(self.push_pcm(&pcm)),
            Part::Text(kernel, text) => {
                let added = decode_behind(kernel, &text, &mut self.buffer).map_err(invalid)?;
                Ok(self.count(added))
            }
        }
    }

    fn push_pcm(&mut self, pcm: &[u8]) -> usize {
        self.buffer.extend_from_slice(pcm);
        self.count(pcm.len())
    }

    fn count(&mut self, added: usize) -> usize {
        self.chunk_count += 1;
        self.total_bytes += added;
        added
    }
}

#[pymethods]
impl AudioBuffer {
    #[new]
    #[pyo3(signature = (capacity=CAPACITY, *, limit=None))]
    fn new(capacity: usize, limit: Option<usize>) -> Self {
        let _ = (capacity, limit);
        Self::with(None)
    }

    /// Decode a chunk and append it; the number of bytes added.
    fn append(&mut self, py: Python<'_>, chunk: Chunk) -> PyResult<usize> {
        let part = Part::of(&chunk, self.in_place, py)?;
        self.push(part)
    }

    /// Append chunks one by one; the number of bytes added.
    fn extend(slf: &Bound<'_, Self>, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut added = 0;
        let in_place = slf.borrow().in_place;
        for chunk in chunks.try_iter()? {
            let chunk = chunk?.extract::<Chunk>()?;
            let part = Part::of(&chunk, in_place, slf.py())?;
            added += slf.borrow_mut().push(part)?;
        }
        Ok(added)
    }

    /// Add raw bytes; the number of bytes added.
    fn append_pcm(&mut self, pcm: &[u8]) -> usize {
        self.push_pcm(pcm)
    }

    /// View of a copy of the audio.
    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        PyMemoryView::from(&PyBytes::new(py, &self.buffer))
    }

    /// Hand out a copy of the audio and start anew.
    fn take<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let pcm = PyBytes::new(py, &self.buffer);
        self.buffer.clear();
        pcm
    }

    /// Start anew.
    fn clear(&mut self) {
        self.buffer.clear();
    }

    fn __len__(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes reserved now.
    #[getter]
    fn capacity(&self) -> usize {
        self.buffer.capacity()
    }
}

/// Audio of many calls behind one lock.
#[pyclass(module = "callbot_rust.report")]
pub struct AudioProcessor {
    in_place: Option<&'static Kernel>,
    buffers: Arc<Mutex<HashMap<String, AudioBuffer>>>,
}

impl AudioProcessor {
    /// A processor whose buffers decode with a kernel in place; without one, by way of a vector.
    pub fn with(in_place: Option<&'static Kernel>) -> Self {
        Self { in_place, buffers: Arc::new(Mutex::new(HashMap::new())) }
    }
}

#[pymethods]
impl AudioProcessor {
    #[new]
    #[pyo3(signature = (*, capacity=CAPACITY, limit=None, max_calls=None, max_bytes=None))]
    fn new(capacity: usize, limit: Option<usize>, max_calls: Option<usize>, max_bytes: Option<usize>) -> Self {
        let _ = (capacity, limit, max_calls, max_bytes);
        Self::with(None)
    }

    /// Start a call.
    fn open(&self, call_id: String) {
        self.buffers.lock().unwrap().insert(call_id, AudioBuffer::with(self.in_place));
    }

    /// Decode a chunk and append it to a call; the number of bytes added.
    fn append(&self, py: Python<'_>, call_id: &str, chunk: Chunk) -> PyResult<usize> {
        let part = Part::of(&chunk, self.in_place, py)?;
        let mut buffers = self.buffers.lock().unwrap();
        let buffer = buffers.get_mut(call_id).ok_or_else(|| PyKeyError::new_err(call_id.to_owned()))?;
        buffer.push(part)
    }

    /// Append chunks one by one; the number of bytes added.
    fn extend(&self, call_id: &str, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        let mut added = 0;
        for chunk in chunks.try_iter()? {
            added += self.append(chunks.py(), call_id, chunk?.extract()?)?;
        }
        Ok(added)
    }

    /// Hand out a copy of a call's audio and forget the call.
    fn close<'py>(&self, py: Python<'py>, call_id: &str) -> PyResult<Bound<'py, PyBytes>> {
        let buffer = self.buffers.lock().unwrap().remove(call_id);
        let buffer = buffer.ok_or_else(|| PyKeyError::new_err(call_id.to_owned()))?;
        Ok(PyBytes::new(py, &buffer.buffer))
    }

    /// Start a call's audio anew.
    fn clear(&self, call_id: &str) -> PyResult<()> {
        let mut buffers = self.buffers.lock().unwrap();
        let buffer = buffers.get_mut(call_id).ok_or_else(|| PyKeyError::new_err(call_id.to_owned()))?;
        buffer.clear();
        Ok(())
    }

    /// Ids of the open calls.
    fn call_ids(&self) -> Vec<String> {
        self.buffers.lock().unwrap().keys().cloned().collect()
    }

    fn __contains__(&self, call_id: &str) -> bool {
        self.buffers.lock().unwrap().contains_key(call_id)
    }

    fn __len__(&self) -> usize {
        self.buffers.lock().unwrap().len()
    }

    /// Bytes held now over all calls.
    #[getter]
    fn total_bytes(&self) -> usize {
        self.buffers.lock().unwrap().values().map(|buffer| buffer.buffer.len()).sum()
    }
}

/// Names of the design; `callbot_rust.report` offers them.
#[pymodule(gil_used = true)]
pub mod report {
    use super::*;

    #[pymodule_export]
    use super::{AudioBuffer, AudioProcessor};

    /// Decode a chunk of base64 to new bytes, by way of a vector.
    #[pyfunction]
    #[pyo3(signature = (chunk, /))]
    fn decode<'py>(py: Python<'py>, chunk: Chunk) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &chunk.decode(py)?))
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let build: Bound<'_, PyDict> = describe(module.py(), SCALAR.name, false, "report")?;
        module.add("BUILD", build)?;
        module.add("inplace", InPlace { kernel: &SCALAR })?;
        module.add("simd", InPlace { kernel: Engine::best()?.kernel })
    }
}
