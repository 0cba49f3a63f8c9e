//! An engine as an implementation of its own: `decode`, `AudioBuffer` and `AudioProcessor` that use it.

use callbot_core::kernels::{Kernel, named};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::arguments::Argument;
use crate::buffer::AudioBuffer;
use crate::build_info::describe;
use crate::decode::decode;
use crate::engine::Engine;
use crate::processor::AudioProcessor;

/// An implementation with one engine.
///
/// `decode` is a method, so that one function serves every engine: bound, it costs what a module's function costs.
#[pyclass(frozen, module = "callbot_rust", name = "_Variant")]
pub struct Variant {
    pub engine: Engine,
}

impl Variant {
    pub fn with(kernel: &'static Kernel, releases: bool) -> Self {
        Self { engine: Engine { kernel, releases } }
    }
}

#[pymethods]
#[allow(non_snake_case)] // the contract's names
impl Variant {
    /// Decode a chunk of canonical base64.
    ///
    /// `chunk` is a str or a C-contiguous buffer of one-byte items, else TypeError. Text that is not canonical raises
    /// binascii.Error with the position of docs/contract.md.
    #[pyo3(signature = (chunk, /))]
    fn decode<'py>(&self, chunk: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        decode(self.engine, chunk)
    }

    /// A buffer that decodes with this engine.
    #[pyo3(signature = (capacity=Argument::Default, *, limit=Argument::Default),
           text_signature = "($self, capacity=10485760, *, limit=None)")]
    fn AudioBuffer(&self, capacity: Argument<'_>, limit: Argument<'_>) -> PyResult<AudioBuffer> {
        AudioBuffer::alone(self.engine, &capacity, &limit)
    }

    /// A processor whose buffers decode with this engine.
    #[pyo3(signature = (*, capacity=Argument::Default, limit=Argument::Default, max_calls=Argument::Default,
                        max_bytes=Argument::Default),
           text_signature = "($self, *, capacity=10485760, limit=None, max_calls=None, max_bytes=None)")]
    fn AudioProcessor(
        &self,
        py: Python<'_>,
        capacity: Argument<'_>,
        limit: Argument<'_>,
        max_calls: Argument<'_>,
        max_bytes: Argument<'_>,
    ) -> PyResult<AudioProcessor> {
        AudioProcessor::with_engine(py, self.engine, &capacity, &limit, &max_calls, &max_bytes)
    }

    /// What this implementation says of itself.
    #[getter]
    fn BUILD<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        describe(py, self.engine.kernel.name, self.engine.releases, "full")
    }
}

/// A kernel by name as an implementation; ImportError with the reason where it cannot run.
#[pyfunction]
#[pyo3(signature = (name, /))]
pub fn with_kernel(name: &str) -> PyResult<Variant> {
    Ok(Variant::with(named(name).map_err(PyImportError::new_err)?, false))
}
