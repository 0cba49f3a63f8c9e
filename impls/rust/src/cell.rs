//! State that the GIL guards.

use std::cell::RefCell;

use pyo3::Python;

/// A `RefCell` that threads may share, since only who holds the GIL reaches what is in it.
///
/// What runs inside `with` must not run Python code: that could come back to the same cell, and the inner `RefCell`
/// would refuse with a panic. It keeps such a mistake from being undefined behaviour.
pub struct GilCell<T>(RefCell<T>);

// SAFETY: `with` is the only access, and asks for a token of which two threads never have one at the same time. The
// module declares that it uses the GIL, so an interpreter that can do without one turns it on.
unsafe impl<T: Send> Sync for GilCell<T> {}

impl<T> GilCell<T> {
    pub fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Apply a function that runs no Python code to the state.
    #[inline]
    pub fn with<R>(&self, _gil: Python<'_>, function: impl FnOnce(&mut T) -> R) -> R {
        function(&mut self.0.borrow_mut())
    }
}
