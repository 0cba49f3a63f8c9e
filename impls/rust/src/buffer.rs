//! Append-only store of one call's PCM.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callbot_core::decode::decode_into;
use callbot_core::message::Audio;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::arguments::{Argument, DEFAULT_CAPACITY, UNBOUNDED};
use crate::batch::Batch;
use crate::cell::GilCell;
use crate::engine::{Engine, without_gil};
use crate::errors::Refusal;
use crate::shared::Shared;
use crate::source::{Loan, Text, plain_text};
use crate::store::{Store, decode_texts};
use crate::view::Exporter;

/// Append-only store of one call's PCM.
///
/// `capacity` bytes are reserved at once; `limit` is the most bytes the buffer may hold at one time.
#[pyclass(frozen, module = "callbot_rust")]
pub struct AudioBuffer {
    store: GilCell<Store>,
    engine: Engine,
    turn: Mutex<()>, // held while a thread decodes without the GIL
    pub told: Audio, // by the message that opened the call
}

impl AudioBuffer {
    /// Reserve at most `limit` bytes; MemoryError if they cannot be had.
    pub fn reserve(engine: Engine, capacity: usize, limit: usize, shared: Arc<Shared>, told: Audio) -> PyResult<Self> {
        let store = Store::reserve(capacity, limit, shared)?;
        Ok(Self { store: GilCell::new(store), engine, turn: Mutex::new(()), told })
    }

    /// A buffer that belongs to no processor.
    pub fn alone(engine: Engine, capacity: &Argument<'_>, limit: &Argument<'_>) -> PyResult<Self> {
        let capacity = capacity.natural("capacity", DEFAULT_CAPACITY)?;
        let limit = limit.optional_natural("limit")?;
        Self::reserve(engine, capacity, limit, Arc::new(Shared::new(UNBOUNDED, 0)), Audio::default())
    }

    /// Apply a function that runs no Python code to the store, once no other thread decodes into it.
    #[inline]
    fn with<R>(&self, py: Python<'_>, function: impl FnOnce(&mut Store) -> R) -> R {
        if self.is_busy(py) {
            self.settle(py);
        }
        self.store.with(py, function)
    }

    /// Whether another thread decodes into the store.
    #[inline]
    pub fn is_busy(&self, py: Python<'_>) -> bool {
        self.store.with(py, |store| store.busy)
    }

    /// Wait until no other thread decodes into the store.
    #[cold]
    pub fn settle(&self, py: Python<'_>) {
        drop(self.take_turn(py));
    }

    /// Wait for the turn to decode without the GIL; who has both the turn and the GIL knows that nobody does so now.
    fn take_turn(&self, py: Python<'_>) -> MutexGuard<'_, ()> {
        self.turn.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner)
    }

    /// Do work in the storage without the GIL, and keep other threads out of the buffer meanwhile.
    ///
    /// # Safety
    /// The caller has the turn. The work touches no Python object, and writes to no memory but the storage.
    unsafe fn released<R>(&self, py: Python<'_>, work: impl FnOnce() -> R) -> R {
        self.store.with(py, |store| store.busy = true);
        // SAFETY: as the caller promises.
        let result = unsafe { without_gil(py, work) };
        self.store.with(py, |store| store.busy = false);
        result
    }

    /// Decode text into the buffer; the bytes added.
    #[inline]
    fn append_text(&self, py: Python<'_>, text: Text) -> Result<usize, Refusal> {
        if self.engine.releases {
            return self.append_text_released(py, text);
        }
        self.append_text_kept(py, text)
    }

    /// The same with the GIL kept.
    #[inline]
    pub fn append_text_kept(&self, py: Python<'_>, text: Text) -> Result<usize, Refusal> {
        self.with(py, |store| {
            store.require_changeable()?;
            store.append_text(self.engine.kernel, text)
        })
    }

    fn append_text_released(&self, py: Python<'_>, text: Text) -> Result<usize, Refusal> {
        let _turn = self.take_turn(py);
        let room = self.store.with(py, |store| {
            store.require_changeable()?;
            store.room_for_text(text)
        })?;
        // SAFETY: the caller holds the chunk; there is room for what it decodes to, and all of that was written.
        unsafe {
            let work = || decode_into(self.engine.kernel, text.data, text.length, room.target, room.size);
            if !self.released(py, work) {
                return Err(Refusal::Invalid);
            }
            self.store.with(py, |store| store.commit(room.size, 1));
        }
        Ok(room.size)
    }

    /// Decode a `str` or `bytes` into the buffer; None, and nothing changed, for anything that is refused.
    #[inline]
    pub fn append_plain(&self, chunk: &Bound<'_, PyAny>) -> Option<usize> {
        self.append_text(chunk.py(), plain_text(chunk)?).ok()
    }

    /// Decode a chunk into the buffer; the bytes added.
    #[inline]
    pub fn append_chunk(&self, chunk: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = chunk.py();
        if let Some(text) = plain_text(chunk) {
            return self.append_text(py, text).map_err(|refusal| refusal.of_chunk(chunk, text));
        }
        self.require_changeable(py)?;
        let mut loan = Loan::new();
        let text = loan.acquire_text(chunk)?;
        // It asks once more whether the buffer can change, since to lend one may run Python code.
        self.append_text(py, text).map_err(|refusal| refusal.of_chunk(chunk, text))
    }

    /// Decode a batch into the buffer; see `extend`.
    pub fn extend_chunks(&self, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        let py = chunks.py();
        self.require_changeable(py)?;
        let mut batch = Batch::drain(chunks)?;
        self.append_batch(py, &batch).map_err(|(index, refusal)| batch.explain(index, refusal))
    }

    fn append_batch(&self, py: Python<'_>, batch: &Batch<'_>) -> Result<usize, (usize, Refusal)> {
        let _turn = self.engine.releases.then(|| self.take_turn(py));
        let room = self.store.with(py, |store| {
            store.require_changeable().map_err(|refusal| (usize::MAX, refusal))?;
            store.room_for_batch(batch)
        })?;
        // SAFETY: the batch holds its chunks; the room is what they need, and so many bytes of it were written.
        unsafe {
            let work = || decode_texts(self.engine.kernel, &batch.texts, &room);
            let decoded = if self.engine.releases { self.released(py, work) } else { work() };
            let size = decoded.map_err(|index| (index, Refusal::Invalid))?;
            self.store.with(py, |store| store.commit(size, batch.texts.len()));
            Ok(size)
        }
    }

    /// The bytes held as a new object, which runs no Python code; MemoryError.
    pub fn copied<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let (start, length) = self.with(py, |store| {
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
        self.with(py, Store::close);
    }

    /// Raise if the buffer is closed or a view of it is alive.
    pub fn require_changeable(&self, py: Python<'_>) -> PyResult<()> {
        Ok(self.with(py, |store| store.require_changeable())?)
    }

    /// Lend the bytes held; they stay where they are until they are given back.
    pub fn lend(&self, py: Python<'_>) -> PyResult<(*const u8, usize)> {
        Ok(self.with(py, Store::lend)?)
    }

    /// The bytes lent were given back.
    pub fn give_back(&self, py: Python<'_>) {
        self.with(py, Store::give_back);
    }
}

#[pymethods]
impl AudioBuffer {
    #[new]
    #[pyo3(signature = (capacity=Argument::Default, *, limit=Argument::Default),
           text_signature = "(capacity=10485760, *, limit=None)")]
    fn new(capacity: Argument<'_>, limit: Argument<'_>) -> PyResult<Self> {
        Self::alone(Engine::best()?, &capacity, &limit)
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
        Ok(self.with(py, |store| {
            store.require_changeable()?;
            store.append_bytes(bytes)
        })?)
    }

    /// Read-only view of what is held; while it is alive the contents cannot change.
    fn view<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyMemoryView>> {
        slf.get().with(slf.py(), |store| store.require_open())?;
        PyMemoryView::from(Bound::new(slf.py(), Exporter::of(slf))?.as_any())
    }

    /// Hand out what is held and empty the buffer.
    pub fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = self.copied(py)?;
        self.with(py, Store::empty);
        Ok(bytes)
    }

    /// Empty the buffer; reserved memory stays.
    pub fn clear(&self, py: Python<'_>) -> PyResult<()> {
        Ok(self.with(py, |store| {
            store.require_changeable()?;
            store.empty();
            Ok::<_, Refusal>(())
        })?)
    }

    pub fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.with(py, |store| {
            store.require_open()?;
            Ok::<_, Refusal>(store.bytes.len())
        })?)
    }

    /// Chunks ever added.
    #[getter]
    fn chunk_count(&self, py: Python<'_>) -> usize {
        self.with(py, |store| store.chunk_count)
    }

    /// Bytes ever added.
    #[getter]
    fn total_bytes(&self, py: Python<'_>) -> usize {
        self.with(py, |store| store.total_bytes)
    }

    /// Bytes reserved now.
    #[getter]
    fn capacity(&self, py: Python<'_>) -> usize {
        self.with(py, |store| store.room)
    }

    /// How often the storage was reallocated to grow.
    #[getter]
    fn reallocations(&self, py: Python<'_>) -> usize {
        self.with(py, |store| store.reallocations)
    }
}
