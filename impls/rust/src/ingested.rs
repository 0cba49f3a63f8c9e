//! What a message did.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use callbot_core::message::{Audio, Encoding, Event};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// What a message did; what does not belong to its kind is None.
#[pyclass(frozen, module = "callbot_rust")]
pub struct Ingested {
    pub event: Event,
    pub call_id: Option<Py<PyString>>,
    pub sequence: Option<u64>,
    // Made before what it counts: the GIL is the lock, an atomic only to be shared.
    bytes: AtomicUsize,
    pub started: Audio,
    pub audio: Option<Py<PyBytes>>,
    pub name: Option<Py<PyString>>,
}

impl Ingested {
    /// The result of an event of a call, with nothing else yet.
    #[inline]
    pub fn of(event: Event, call_id: Option<Bound<'_, PyString>>, sequence: Option<u64>) -> Self {
        Self {
            event,
            call_id: call_id.map(Bound::unbind),
            sequence,
            bytes: AtomicUsize::new(0),
            started: Audio::default(),
            audio: None,
            name: None,
        }
    }

    /// Note how many bytes were added or handed out.
    #[inline]
    pub fn count(&self, bytes: usize) {
        self.bytes.store(bytes, Relaxed);
    }
}

#[pymethods]
impl Ingested {
    /// `opened`, `appended`, `closed` or `other`.
    #[getter]
    fn kind<'py>(&self, py: Python<'py>) -> &Bound<'py, PyString> {
        match self.event {
            Event::Opened => intern!(py, "opened"),
            Event::Appended => intern!(py, "appended"),
            Event::Closed => intern!(py, "closed"),
            Event::Other => intern!(py, "other"),
        }
    }

    /// The call that the message names.
    #[getter]
    fn call_id(&self) -> Option<&Py<PyString>> {
        self.call_id.as_ref()
    }

    /// The message's sequence number.
    #[getter]
    fn sequence(&self) -> Option<u64> {
        self.sequence
    }

    /// Bytes of audio that were added, or handed out.
    #[getter]
    fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    /// Of an opened call: `pcm16` or `mulaw`.
    #[getter]
    fn encoding<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyString>> {
        self.started.encoding.map(|encoding| match encoding {
            Encoding::Pcm16 => intern!(py, "pcm16"),
            Encoding::Mulaw => intern!(py, "mulaw"),
        })
    }

    /// Of an opened call: samples per second.
    #[getter]
    fn rate(&self) -> Option<u32> {
        self.started.rate
    }

    /// The bytes of a closed call.
    #[getter]
    fn audio(&self) -> Option<&Py<PyBytes>> {
        self.audio.as_ref()
    }

    /// The name of another event.
    #[getter]
    fn name(&self) -> Option<&Py<PyString>> {
        self.name.as_ref()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let mut told = Vec::new();
        for name in ["kind", "call_id", "sequence", "bytes", "encoding", "rate", "audio", "name"] {
            let value = slf.getattr(name)?;
            if !value.is_none() {
                told.push(format!("{name}={}", value.repr()?));
            }
        }
        Ok(format!("Ingested({})", told.join(", ")))
    }
}
