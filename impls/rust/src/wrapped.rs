//! The same store and kernel, behind the wrappers that PyO3 makes, and in the ordinary way of writing for it: the
//! difference from `entry` is what the wrappers cost, and a little for the detours that `entry` does not take.

use std::sync::Arc;

use callbot_core::message::Audio;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arguments::{Argument, DEFAULT_CAPACITY, UNBOUNDED};
use crate::build_info::describe;
use crate::engine::Engine;
use crate::shared::Shared;
use crate::{buffer, decode, ladder, processor};

/// One call's PCM.
#[pyclass(frozen, module = "callbot_rust.wrapped")]
struct AudioBuffer(buffer::AudioBuffer);

#[pymethods]
impl AudioBuffer {
    #[new]
    #[pyo3(signature = (capacity=DEFAULT_CAPACITY))]
    fn new(capacity: usize) -> PyResult<Self> {
        let shared = Arc::new(Shared::new(UNBOUNDED, 0));
        Ok(Self(buffer::AudioBuffer::reserve(Engine::best()?, capacity, UNBOUNDED, shared, Audio::default())?))
    }

    /// Decode a base64 chunk into the buffer; the number of bytes added.
    #[pyo3(signature = (chunk, /))]
    fn append(&self, chunk: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.0.append_chunk(chunk)
    }

    /// Decode a batch of chunks, all or nothing; the number of bytes added.
    #[pyo3(signature = (chunks, /))]
    fn extend(&self, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.0.extend_chunks(chunks)
    }

    /// Add the bytes of any C-contiguous buffer; the number of bytes added.
    #[pyo3(signature = (pcm, /))]
    fn append_pcm(&self, pcm: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.0.append_pcm(pcm)
    }

    /// Hand out what is held and empty the buffer.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.0.take(py)
    }

    /// Empty the buffer; reserved memory stays.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        self.0.clear(py)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        self.0.__len__(py)
    }
}

/// The buffers of many calls.
#[pyclass(frozen, module = "callbot_rust.wrapped")]
struct AudioProcessor(processor::AudioProcessor);

#[pymethods]
impl AudioProcessor {
    #[new]
    #[pyo3(signature = (*, capacity=Argument::Default), text_signature = "(*, capacity=10485760)")]
    fn new(py: Python<'_>, capacity: Argument<'_>) -> PyResult<Self> {
        let none = &Argument::Default;
        Ok(Self(processor::AudioProcessor::with_engine(py, Engine::best()?, &capacity, none, none, none)?))
    }

    /// Start a call.
    fn open(&self, call_id: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.open(call_id).map(drop)
    }

    /// Decode a chunk into the buffer of an open call; the number of bytes added.
    fn append(&self, call_id: &Bound<'_, PyAny>, chunk: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.0.append(call_id, chunk)
    }

    /// Decode a batch into the buffer of an open call, all or nothing; the number of bytes added.
    fn extend(&self, call_id: &Bound<'_, PyAny>, chunks: &Bound<'_, PyAny>) -> PyResult<usize> {
        self.0.extend(call_id, chunks)
    }

    /// Hand out the bytes of a call and forget it.
    fn close<'py>(&self, call_id: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        self.0.close(call_id)
    }

    /// Empty the buffer of an open call.
    fn clear(&self, call_id: &Bound<'_, PyAny>) -> PyResult<()> {
        self.0.__getitem__(call_id)?.get().clear(call_id.py())
    }
}

/// The functions of the ladder, each with PyO3's wrapper.
#[pymodule(submodule, gil_used = true, name = "ladder")]
mod wrapped_ladder {
    use super::*;

    #[pymodule_export]
    use super::wrapped::decode;

    /// Do nothing.
    #[pyfunction]
    #[pyo3(signature = (x, /))]
    fn noop(x: &Bound<'_, PyAny>) {
        let _ = x;
    }

    /// Take pointer and length of a chunk's text; TypeError for what is no chunk.
    #[pyfunction]
    #[pyo3(signature = (chunk, /))]
    fn accept(chunk: &Bound<'_, PyAny>) -> PyResult<()> {
        ladder::accept(chunk)
    }

    /// New bytes of the size that a chunk decodes to, with unspecified contents; TypeError for what is no chunk.
    #[pyfunction]
    #[pyo3(signature = (chunk, /))]
    fn allocate<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        ladder::allocate(chunk)
    }

    /// The same, filled with the first bytes of the chunk's text.
    #[pyfunction]
    #[pyo3(signature = (chunk, /))]
    fn copy<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        ladder::copy(chunk)
    }
}

/// Names of the reference; `callbot_rust.wrapped` offers them.
#[pymodule(submodule, gil_used = true)]
pub mod wrapped {
    use super::*;

    #[pymodule_export]
    use super::wrapped_ladder;
    #[pymodule_export]
    use super::{AudioBuffer, AudioProcessor};

    /// Decode a chunk of canonical base64 to new bytes.
    #[pyfunction]
    #[pyo3(signature = (chunk, /))]
    pub fn decode<'py>(chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        super::decode::decode(Engine::best()?, chunk)
    }

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Of the contract it keeps what a reference has to, and no more.
        let build = describe(module.py(), Engine::best()?.kernel.name, false, "decode")?;
        build.set_item("binding", "pyo3 wrappers")?;
        module.add("BUILD", build)
    }
}
