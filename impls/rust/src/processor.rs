//! The buffers of many concurrent calls.

use std::sync::Arc;

use callbot_core::message::Audio;
use pyo3::exceptions::{PyKeyError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};

use crate::arguments::{Argument, DEFAULT_CAPACITY, UNBOUNDED};
use crate::buffer::AudioBuffer;
use crate::engine::Engine;
use crate::ingest::ingest;
use crate::ingested::Ingested;
use crate::shared::Shared;
use crate::source::type_name;

/// The buffers of many concurrent calls, safe to use from many threads.
///
/// `capacity` and `limit` (bytes) go to every buffer; `max_calls` bounds the open calls, `max_bytes` the bytes held
/// over all of them.
#[pyclass(frozen, mapping, module = "callbot_rust")]
pub struct AudioProcessor {
    // A dict, since a Rust String cannot hold lone surrogates. All its keys are exact str, so that looking one up
    // runs no Python code.
    buffers: Py<PyDict>,
    engine: Engine,
    capacity: usize,
    limit: usize,
    max_calls: usize,
    shared: Arc<Shared>,
}

impl Drop for AudioProcessor {
    fn drop(&mut self) {
        // Buffers may live on, and share what they shared.
        self.shared.retire();
    }
}

impl AudioProcessor {
    /// A processor whose buffers decode with an engine.
    pub fn with_engine(
        py: Python<'_>,
        engine: Engine,
        capacity: &Argument<'_>,
        limit: &Argument<'_>,
        max_calls: &Argument<'_>,
        max_bytes: &Argument<'_>,
    ) -> PyResult<Self> {
        let capacity = capacity.natural("capacity", DEFAULT_CAPACITY)?;
        let limit = limit.optional_natural("limit")?;
        let max_calls = max_calls.optional_natural("max_calls")?;
        let max_bytes = max_bytes.optional_natural("max_bytes")?;
        // Bytes that are not there yet count towards max_bytes or not, as they turn out to be canonical. So with
        // max_bytes one append after the other is decoded, under the GIL.
        let engine = Engine { releases: engine.releases && max_bytes == UNBOUNDED, ..engine };
        let shared = Arc::new(Shared::new(max_bytes, capacity.min(limit)));
        Ok(Self { buffers: PyDict::new(py).unbind(), engine, capacity, limit, max_calls, shared })
    }

    /// Decode a `str` or `bytes` into the buffer of an open call; None, and nothing changed, for anything refused.
    #[inline]
    pub fn append_plain(&self, call_id: &Bound<'_, PyAny>, chunk: &Bound<'_, PyAny>) -> Option<usize> {
        let key = call_id.cast_exact::<PyString>().ok()?;
        let buffer = self.buffers.bind(key.py()).get_item(key).ok()??;
        buffer.cast::<AudioBuffer>().ok()?.get().append_plain(chunk)
    }

    /// The buffer of an open call; KeyError.
    #[inline]
    pub fn buffer<'py>(&self, key: &Bound<'py, PyString>) -> PyResult<Bound<'py, AudioBuffer>> {
        let py = key.py();
        while let Some(found) = self.buffers.bind(py).get_item(key)? {
            let buffer = found.cast_into::<AudioBuffer>()?;
            if !buffer.get().is_busy(py) {
                return Ok(buffer);
            }
            buffer.get().settle(py);
            // Another thread may have closed the call meanwhile.
        }
        Err(PyKeyError::new_err(key.clone().unbind()))
    }

    /// A new buffer for an id, with what is told of its audio.
    pub fn open_told<'py>(&self, key: &Bound<'py, PyString>, told: Audio) -> PyResult<Bound<'py, AudioBuffer>> {
        let py = key.py();
        let buffers = self.buffers.bind(py);
        if buffers.contains(key)? {
            return Err(PyValueError::new_err(format!("call {} is open already", key.repr()?)));
        }
        if buffers.len() >= self.max_calls {
            return Err(PyOverflowError::new_err(format!("max_calls of {} exceeded", self.max_calls)));
        }
        // Nothing here is tracked by the garbage collector, so no other thread comes in after the checks.
        let buffer = AudioBuffer::reserve(self.engine, self.capacity, self.limit, self.shared.clone(), told)?;
        let buffer = Bound::new(py, buffer)?;
        buffers.set_item(key, &buffer)?;
        Ok(buffer)
    }

    /// Forget the call of a buffer that can be changed.
    pub fn forget(&self, key: &Bound<'_, PyString>, buffer: &Bound<'_, AudioBuffer>) -> PyResult<()> {
        let py = key.py();
        self.buffers.bind(py).del_item(key)?;
        buffer.get().close(py);
        Ok(())
    }
}

#[pymethods]
impl AudioProcessor {
    #[new]
    #[pyo3(signature = (*, capacity=Argument::Default, limit=Argument::Default, max_calls=Argument::Default,
                        max_bytes=Argument::Default),
           text_signature = "(*, capacity=10485760, limit=None, max_calls=None, max_bytes=None)")]
    fn new(
        py: Python<'_>,
        capacity: Argument<'_>,
        limit: Argument<'_>,
        max_calls: Argument<'_>,
        max_bytes: Argument<'_>,
    ) -> PyResult<Self> {
        Self::with_engine(py, Engine::best()?, &capacity, &limit, &max_calls, &max_bytes)
    }

    /// Start a call; its buffer. ValueError if the id is open, OverflowError past max_calls.
    pub fn open<'py>(&self, call_id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, AudioBuffer>> {
        self.open_told(&plain_id(call_id)?, Audio::default())
    }

    /// Decode a chunk into the buffer of an open call; the number of bytes added.
    pub fn append(&self, call_id: &Bound<'_, PyAny>, chunk: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.buffer(&plain_id(call_id)?)?.get().append_chunk(chunk)
    }

    /// Decode a batch into the buffer of an open call, all or nothing; the number of bytes added.
    pub fn extend(&self, call_id: &Bound<'_, PyAny>, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.buffer(&plain_id(call_id)?)?.get().extend_chunks(chunks)
    }

    /// Do what a message of a voice service says, from its text to the call's buffer.
    ///
    /// `message` is a str or a C-contiguous buffer of one-byte items; `format` is `callbot`, `twilio` or `openai`;
    /// `call_id` is the only call that the message may be about. What is refused raises with a `position`.
    #[pyo3(signature = (message, /, *, format, call_id=None))]
    fn ingest<'py>(
        &self,
        message: &Bound<'py, PyAny>,
        format: &Bound<'py, PyAny>,
        call_id: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Ingested>> {
        ingest(self, message, format, call_id)
    }

    /// Hand out the bytes of a call and forget it; BufferError while a view is alive.
    pub fn close<'py>(&self, call_id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let py = call_id.py();
        let key = plain_id(call_id)?;
        let buffer = self.buffer(&key)?;
        let bytes = buffer.get().copied(py)?;
        self.forget(&key, &buffer)?;
        Ok(bytes)
    }

    /// Forget a call without handing out a copy; BufferError while a view is alive.
    fn discard(&self, call_id: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = call_id.py();
        let key = plain_id(call_id)?;
        let buffer = self.buffer(&key)?;
        buffer.get().require_changeable(py)?;
        self.forget(&key, &buffer)
    }

    /// Ids of the open calls, oldest first.
    fn call_ids<'py>(&self, py: Python<'py>) -> Bound<'py, PyList> {
        self.buffers.bind(py).keys()
    }

    pub fn __getitem__<'py>(&self, call_id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, AudioBuffer>> {
        self.buffer(&plain_id(call_id)?)
    }

    fn __contains__(&self, call_id: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.buffers.bind(call_id.py()).contains(plain_id(call_id)?)
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.buffers.bind(py).len()
    }

    /// Bytes held now over all open calls.
    #[getter]
    fn total_bytes(&self) -> usize {
        self.shared.held()
    }
}

/// A call id as an exact str, so that a subclass cannot bring its own equality; TypeError if it is no str.
#[inline]
pub fn plain_id<'py>(call_id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    if let Ok(exact) = call_id.cast_exact::<PyString>() {
        return Ok(exact.clone());
    }
    if call_id.is_instance_of::<PyString>() {
        // SAFETY: it is a `str`, of which this makes an exact one.
        return unsafe {
            let exact = ffi::PyUnicode_FromObject(call_id.as_ptr());
            Ok(Bound::from_owned_ptr_or_err(call_id.py(), exact)?.cast_into_unchecked())
        };
    }
    Err(PyTypeError::new_err(format!("call_id is a str, not {}", type_name(call_id))))
}
