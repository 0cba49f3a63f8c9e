//! How text is decoded.

use callbot_core::kernels::{Kernel, chosen};
use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// By which kernel, and whether the GIL is released meanwhile, so that other threads run.
#[derive(Clone, Copy)]
pub struct Engine {
    pub kernel: &'static Kernel,
    pub releases: bool,
}

impl Engine {
    /// The kernel that was chosen for this process, under the GIL; ImportError if there is none of that name.
    pub fn best() -> PyResult<Self> {
        Ok(Self { kernel: chosen().map_err(PyImportError::new_err)?, releases: false })
    }
}

/// Do work without the GIL.
///
/// # Safety
/// The work touches no Python object, and writes to no memory that another thread may reach. What it reads must be alive;
/// text on loan may change meanwhile, as may any that code outside of Rust owns, so the work must stay within bounds
/// whatever it reads.
pub unsafe fn without_gil<R>(py: Python<'_>, work: impl FnOnce() -> R) -> R {
    struct OfThisThread<T>(T);
    // SAFETY: the work is done on this thread. The bound is there to keep Python objects out, as the caller promises.
    unsafe impl<T> Send for OfThisThread<T> {}
    impl<R, F: FnOnce() -> R> OfThisThread<F> {
        fn call(self) -> OfThisThread<R> {
            OfThisThread((self.0)())
        }
    }
    let work = OfThisThread(work);
    py.detach(move || work.call()).0
}
