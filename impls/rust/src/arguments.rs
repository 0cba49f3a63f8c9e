//! Arguments that count something.

use std::convert::Infallible;

use pyo3::exceptions::PyValueError;
use pyo3::ffi;
use pyo3::prelude::*;

pub const DEFAULT_CAPACITY: usize = 10 << 20;

/// More than can be had of anything; stands for no limit.
pub const UNBOUNDED: usize = 1 << (usize::BITS - 1);

/// An argument that may have been left out, which is not the same as None.
pub enum Argument<'py> {
    Default,
    Given(Bound<'py, PyAny>),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Argument<'py> {
    type Error = Infallible;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self::Given(object.to_owned()))
    }
}

impl Argument<'_> {
    /// A number that is not negative; TypeError or ValueError. What is too large for memory becomes UNBOUNDED.
    pub fn natural(&self, name: &str, default: usize) -> PyResult<usize> {
        let Self::Given(value) = self else { return Ok(default) };
        let mut overflow = 0;
        // SAFETY: both calls take any object; the second gets the integer that the first made.
        let number = unsafe {
            let index = Bound::from_owned_ptr_or_err(value.py(), ffi::PyNumber_Index(value.as_ptr()))?;
            ffi::PyLong_AsLongLongAndOverflow(index.as_ptr(), &mut overflow)
        };
        if overflow < 0 || (overflow == 0 && number < 0) {
            return Err(PyValueError::new_err(format!("{name} is negative")));
        }
        if overflow > 0 {
            return Ok(UNBOUNDED);
        }
        Ok(usize::try_from(number).unwrap_or(UNBOUNDED).min(UNBOUNDED))
    }

    /// The same for an argument that may be None, for no limit.
    pub fn optional_natural(&self, name: &str) -> PyResult<usize> {
        match self {
            Self::Given(value) if value.is_none() => Ok(UNBOUNDED),
            _ => self.natural(name, UNBOUNDED),
        }
    }
}
