//! What the implementations say of themselves.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// The BUILD mapping of a variant, as docs/contract.md has it.
pub fn describe<'py>(py: Python<'py>, kernel: &str, releases: bool, contract: &str) -> PyResult<Bound<'py, PyDict>> {
    let debug = cfg!(debug_assertions) || env!("CALLBOT_OPT_LEVEL") == "0";
    let build = PyDict::new(py);
    build.set_item("language", "rust")?;
    build.set_item("binding", if releases { "pyo3, GIL released" } else { "pyo3" })?;
    build.set_item("kernel", kernel)?;
    build.set_item("compiler", env!("CALLBOT_RUSTC"))?;
    build.set_item("flags", env!("CALLBOT_FLAGS"))?;
    build.set_item("profile", if debug { "debug" } else { "release" })?;
    build.set_item("version", env!("CARGO_PKG_VERSION"))?;
    build.set_item("contract", contract)?;
    Ok(build)
}
