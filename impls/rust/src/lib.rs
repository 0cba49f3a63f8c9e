//! Decode and buffer of base64 audio in Rust, behind the callbot-lab contract.

mod arguments;
mod batch;
mod buffer;
mod build_info;
mod cell;
mod crate_engine;
mod decode;
mod engine;
mod entry;
mod errors;
mod in_place;
mod ingest;
mod ingested;
mod ladder;
mod processor;
mod report;
mod shared;
mod source;
mod store;
mod variant;
mod view;
mod wrapped;

use pyo3::prelude::*;

// The GIL is the lock of every buffer, so an interpreter that can do without one turns it on.
#[pymodule(gil_used = true)]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::buffer::AudioBuffer;
    #[pymodule_export]
    use crate::ingested::Ingested;
    #[pymodule_export]
    use crate::ladder::ladder;
    #[pymodule_export]
    use crate::processor::AudioProcessor;
    #[pymodule_export]
    use crate::report::report;
    #[pymodule_export]
    use crate::variant::with_kernel;
    #[pymodule_export]
    use crate::wrapped::wrapped;

    use crate::crate_engine::CRATE;
    use crate::engine::Engine;
    use crate::variant::Variant;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::entry::install(module.py())?;
        let best = Engine::best()?.kernel;
        module.add("best", Variant::with(best, false))?;
        module.add("releasing", Variant::with(best, true))?;
        module.add("crate_engine", Variant::with(&CRATE, false))
    }
}
