//! Append-only store of one call's PCM.

use std::sync::Arc;

use callbot_core::kernels::{Kernel, best};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::arguments::{Argument, DEFAULT_CAPACITY, UNBOUNDED};
use crate::batch::Batch;
use crate::cell::GilCell;
use crate::errors::Refusal;
use crate::source::{Loan, plain_text};
use crate::store::{Ledger, Store};
use crate::view::Exporter;

/// Append-only store of one call's PCM.
///
/// `capacity` bytes are reserved at once; `limit` is the most bytes the buffer may hold at one time.
#[pyclass(frozen, module = "callbot_rust")]
pub struct AudioBuffer(GilCell<Store>);

impl AudioBuffer {
    /// Reserve at most `limit` bytes; MemoryError if they cannot be had.
    pub fn reserve(kernel: &'static Kernel, capacity: usize, limit: usize, ledger: Arc<Ledger>) -> PyResult<Self> {
        Ok(Self(GilCell::new(Store::reserve(kernel, capacity, limit, ledger)?)))
    }

    /// A buffer that belongs to no processor.
    pub fn alone(kernel: &'static Kernel, capacity: &Argument<'_>, limit: &Argument<'_>) -> PyResult<Self> {
        let capacity = capacity.natural("capacity", DEFAULT_CAPACITY)?;
        let limit = limit.optional_natural("limit")?;
        Self::reserve(kernel, capacity, limit, Arc::new(Ledger::new(UNBOUNDED)))
    }

    /// Decode a `str` or `bytes` into the buffer; None, and nothing changed, for anything that is refused.
    #[inline]
    pub fn append_plain(&self, chunk: &Bound<'_, PyAny>) -> Option<usize> {
        let text = plain_text(chunk)?;
        self.0.with(chunk.py(), |store| {
            store.require_changeable().ok()?;
            store.append_text(text).ok()
        })
    }

    /// Decode a chunk into the buffer; the bytes added.
    #[inline]
    pub fn append_chunk(&self, chunk: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = chunk.py();
        if let Some(text) = plain_text(chunk) {
            let added = self.0.with(py, |store| {
                store.require_changeable()?;
                store.append_text(text)
            });
            return added.map_err(|refusal| refusal.of_chunk(chunk, text));
        }
        self.0.with(py, |store| store.require_changeable())?;
        let mut loan = Loan::new();
        let text = loan.acquire_text(chunk)?;
        // Once more, since to lend a buffer may run Python code.
        let added = self.0.with(py, |store| {
            store.require_changeable()?;
            store.append_text(text)
        });
        added.map_err(|refusal| refusal.of_chunk(chunk, text))
    }

    /// Decode a batch into the buffer; see `extend`.
    pub fn extend_chunks(&self, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = chunks.py();
        self.0.with(py, |store| store.require_changeable())?;
        let mut batch = Batch::drain(chunks)?;
        let added = self.0.with(py, |store| {
            store.require_changeable().map_err(|refusal| (usize::MAX, refusal))?;
            store.append_batch(&batch)
        });
        added.map_err(|(index, refusal)| batch.explain(index, refusal))
    }

    /// The bytes held as a new object, which runs no Python code; MemoryError.
    pub fn copied<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let (start, length) = self.0.with(py, |store| {
            store.require_changeable()?;
            Ok::<_, Refusal>((store.bytes.as_ptr(), store.bytes.len()))
        })?;
        // SAFETY: the bytes are initialised, and stay where they are while no Python code runs.
        unsafe {
            let object = ffi::PyBytes_FromStringAndSize(start.cast(), length as ffi::Py_ssize_t);
            Ok(Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked())
        }
    }

    /// Free the storage for good; the caller knows that no view is alive.
    pub fn close(&self, py: Python<'_>) {
        self.0.with(py, Store::close);
    }

    /// Raise if the buffer is closed or a view of it is alive.
    pub fn require_changeable(&self, py: Python<'_>) -> PyResult<()> {
        Ok(self.0.with(py, |store| store.require_changeable())?)
    }

    /// Lend the bytes held; they stay where they are until they are given back.
    pub fn lend(&self, py: Python<'_>) -> PyResult<(*const u8, usize)> {
        Ok(self.0.with(py, Store::lend)?)
    }

    /// The bytes lent were given back.
    pub fn give_back(&self, py: Python<'_>) {
        self.0.with(py, Store::give_back);
    }
}

#[pymethods]
impl AudioBuffer {
    #[new]
    #[pyo3(signature = (capacity=Argument::Default, *, limit=Argument::Default),
           text_signature = "(capacity=10485760, *, limit=None)")]
    fn new(capacity: Argument<'_>, limit: Argument<'_>) -> PyResult<Self> {
        Self::alone(best(), &capacity, &limit)
    }

    /// Decode a base64 chunk into the buffer; the number of bytes added.
    #[pyo3(signature = (chunk, /))]
    fn append(&self, chunk: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.append_chunk(chunk)
    }

    /// Decode a batch of chunks, all or nothing; the number of bytes added.
    ///
    /// An error of a chunk carries its index as `chunk_index`.
    #[pyo3(signature = (chunks, /))]
    fn extend(&self, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.extend_chunks(chunks)
    }

    /// Add the bytes of any C-contiguous buffer; the number of bytes added.
    #[pyo3(signature = (pcm, /))]
    pub fn append_pcm(&self, pcm: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = pcm.py();
        self.require_changeable(py)?;
        let mut loan = Loan::new();
        let bytes = loan.acquire_pcm(pcm)?;
        // Once more, since to lend a buffer may run Python code.
        Ok(self.0.with(py, |store| {
            store.require_changeable()?;
            store.append_bytes(bytes)
        })?)
    }

    /// Read-only view of what is held; while it is alive the contents cannot change.
    fn view<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyMemoryView>> {
        slf.get().0.with(slf.py(), |store| store.require_open())?;
        PyMemoryView::from(Bound::new(slf.py(), Exporter::of(slf))?.as_any())
    }

    /// Hand out what is held and empty the buffer.
    pub fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.copied(py)?;
        self.0.with(py, Store::empty);
        Ok(bytes)
    }

    /// Empty the buffer; reserved memory stays.
    pub fn clear(&self, py: Python<'_>) -> PyResult<()> {
        Ok(self.0.with(py, |store| {
            store.require_changeable()?;
            store.empty();
            Ok::<_, Refusal>(())
        })?)
    }

    pub fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.0.with(py, |store| {
            store.require_open()?;
            Ok::<_, Refusal>(store.bytes.len())
        })?)
    }

    /// Chunks ever added.
    #[getter]
    fn chunk_count(&self, py: Python<'_>) -> usize {
        self.0.with(py, |store| store.chunk_count)
    }

    /// Bytes ever added.
    #[getter]
    fn total_bytes(&self, py: Python<'_>) -> usize {
        self.0.with(py, |store| store.total_bytes)
    }

    /// Bytes reserved now.
    #[getter]
    fn capacity(&self, py: Python<'_>) -> usize {
        self.0.with(py, |store| store.room)
    }

    /// How often the storage was reallocated to grow.
    #[getter]
    fn reallocations(&self, py: Python<'_>) -> usize {
        self.0.with(py, |store| store.reallocations)
    }
}
