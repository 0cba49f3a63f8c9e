//! The design of the seed report but for one thing: it decodes straight into the buffer, without a vector.

use bytes::BytesMut;
use callbot_core::decode::{decode_into, decoded_size, error_position};
use callbot_core::kernels::Kernel;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::build_info::describe;
use crate::decode::try_decode;
use crate::engine::Engine;
use crate::report::{AudioBuffer, AudioProcessor, CAPACITY, Chunk, invalid};
use crate::source::Text;

/// Decode text behind what a buffer holds; the bytes added, or the position of the error.
pub fn decode_behind(kernel: &Kernel, text: &[u8], buffer: &mut BytesMut) -> Result<usize, usize> {
    let (start, length) = (text.as_ptr(), text.len());
    // SAFETY: the slice is readable; the buffer has room for `size` more bytes, all written if the text is canonical.
    unsafe {
        let size = decoded_size(start, length);
        buffer.reserve(size);
        if !decode_into(kernel, start, length, buffer.spare_capacity_mut().as_mut_ptr().cast(), size) {
            return Err(error_position(start, length));
        }
        buffer.set_len(buffer.len() + size);
        Ok(size)
    }
}

/// The design with a kernel that decodes in place.
#[pyclass(frozen, module = "callbot_rust.report", name = "_InPlace")]
pub struct InPlace {
    pub kernel: &'static Kernel,
}

#[pymethods]
#[allow(non_snake_case)] // the contract's names
impl InPlace {
    /// Decode a chunk of base64 straight to new bytes.
    #[pyo3(signature = (chunk, /))]
    fn decode<'py>(&self, py: Python<'py>, chunk: Chunk) -> PyResult<Bound<'py, PyBytes>> {
        let text = chunk.text(py)?;
        let source = Text { data: text.as_ptr(), length: text.len() };
        // SAFETY: the slice is readable.
        let error = || invalid(unsafe { error_position(source.data, source.length) });
        try_decode(Engine { kernel: self.kernel, releases: false }, py, source)?.ok_or_else(error)
    }

    /// A buffer that decodes in place.
    #[pyo3(signature = (capacity=CAPACITY))]
    fn AudioBuffer(&self, capacity: usize) -> AudioBuffer {
        let _ = capacity;
        AudioBuffer::with(Some(self.kernel))
    }

    /// A processor whose buffers decode in place.
    #[pyo3(signature = (*, capacity=CAPACITY))]
    fn AudioProcessor(&self, capacity: usize) -> AudioProcessor {
        let _ = capacity;
        AudioProcessor::with(Some(self.kernel))
    }

    /// What this design says of itself.
    #[getter]
    fn BUILD<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        describe(py, self.kernel.name, false, "report")
    }
}
