//! The methods that are called for every chunk, without PyO3's wrapper.
//!
//! The wrapper is made for any arguments, and costs half as much as decoding 20 ms of telephone audio. Here the
//! interpreter hands over the arguments as they are. Only what needs no Python code and is accepted is dealt with;
//! everything else goes to the method that PyO3 made, from the start, since what was refused has changed nothing.

use std::ffi::CString;
use std::ptr::null_mut;

use callbot_core::message::Format;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::type_object::PyTypeInfo;
use pyo3::types::PyString;

use crate::buffer::AudioBuffer;
use crate::decode::decode_plain;
use crate::ingest::{format_of, ingest_plain};
use crate::processor::AudioProcessor;
use crate::variant::Variant;

type Ordinary = PyOnceLock<Py<PyAny>>;

static DECODE: Ordinary = PyOnceLock::new();
static APPEND: Ordinary = PyOnceLock::new();
static PROCESSOR_APPEND: Ordinary = PyOnceLock::new();
static PROCESSOR_INGEST: Ordinary = PyOnceLock::new();

/// Put the methods in the place of those that PyO3 made.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let one = |function| (ffi::PyMethodDefPointer { PyCFunction: function }, ffi::METH_O);
    let any = |function| {
        let pointer = ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: function };
        (pointer, ffi::METH_FASTCALL | ffi::METH_KEYWORDS)
    };
    replace::<Variant>(py, "decode", &DECODE, one(decode))?;
    replace::<AudioBuffer>(py, "append", &APPEND, one(append))?;
    replace::<AudioProcessor>(py, "append", &PROCESSOR_APPEND, any(processor_append))?;
    replace::<AudioProcessor>(py, "ingest", &PROCESSOR_INGEST, any(processor_ingest))
}

fn replace<T: PyTypeInfo>(
    py: Python<'_>,
    name: &str,
    ordinary: &Ordinary,
    (function, flags): (ffi::PyMethodDefPointer, i32),
) -> PyResult<()> {
    let class = py.get_type::<T>();
    let method = class.getattr(name)?;
    let (signature, doc) = (method.getattr("__text_signature__")?, method.getattr("__doc__")?);
    // Named for ever, since a definition must live as long as the type.
    let definition = Box::leak(Box::new(ffi::PyMethodDef {
        ml_name: CString::new(name)?.into_raw(),
        ml_meth: function,
        ml_flags: flags,
        ml_doc: CString::new(format!("{name}{signature}\n--\n\n{doc}"))?.into_raw(),
    }));
    // SAFETY: the type and the definition are valid. The descriptor checks that `self` is of the type.
    let descriptor =
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyDescr_NewMethod(class.as_type_ptr(), definition))? };
    if ordinary.set(py, method.unbind()).is_ok() {
        class.setattr(name, descriptor)?;
    }
    Ok(())
}

/// `Variant.decode`.
///
/// # Safety
/// Called by the interpreter through the descriptor.
unsafe extern "C" fn decode(slf: *mut ffi::PyObject, chunk: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the interpreter holds the GIL and references to both; the descriptor has checked the type of `slf`.
    unsafe {
        let py = Python::assume_attached();
        let variant = Borrowed::from_ptr(py, slf).cast_unchecked::<Variant>();
        match decode_plain(variant.get().engine, &Borrowed::from_ptr(py, chunk)) {
            Some(bytes) => bytes.into_ptr(),
            None => call(py, &DECODE, &[slf, chunk], null_mut()),
        }
    }
}

/// `AudioBuffer.append`.
///
/// # Safety
/// Called by the interpreter through the descriptor.
unsafe extern "C" fn append(slf: *mut ffi::PyObject, chunk: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let py = Python::assume_attached();
        let buffer = Borrowed::from_ptr(py, slf).cast_unchecked::<AudioBuffer>();
        match buffer.get().append_plain(&Borrowed::from_ptr(py, chunk)) {
            Some(added) => ffi::PyLong_FromSize_t(added),
            None => call(py, &APPEND, &[slf, chunk], null_mut()),
        }
    }
}

/// `AudioProcessor.append`.
///
/// # Safety
/// Called by the interpreter through the descriptor.
unsafe extern "C" fn processor_append(
    slf: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above; there are `count` arguments by position, and as many by keyword as there are names.
    unsafe {
        let py = Python::assume_attached();
        if count == 2 && names.is_null() {
            let processor = Borrowed::from_ptr(py, slf).cast_unchecked::<AudioProcessor>();
            let (call_id, chunk) = (Borrowed::from_ptr(py, *arguments), Borrowed::from_ptr(py, *arguments.add(1)));
            if let Some(added) = processor.get().append_plain(&call_id, &chunk) {
                return ffi::PyLong_FromSize_t(added);
            }
        }
        call_bound(py, &PROCESSOR_APPEND, slf, arguments, count, names)
    }
}

/// `AudioProcessor.ingest`.
///
/// # Safety
/// Called by the interpreter through the descriptor.
unsafe extern "C" fn processor_ingest(
    slf: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let py = Python::assume_attached();
        if count == 1
            && !names.is_null()
            && let Some((format, call_id)) = named_plainly(py, arguments.add(1), names)
        {
            let processor = Borrowed::from_ptr(py, slf).cast_unchecked::<AudioProcessor>();
            let message = Borrowed::from_ptr(py, *arguments);
            if let Some(result) = ingest_plain(processor.get(), &message, format, call_id.as_deref()) {
                return result.into_ptr();
            }
        }
        call_bound(py, &PROCESSOR_INGEST, slf, arguments, count, names)
    }
}

/// `format` and `call_id`, if no others are named, and both are of the exact types.
///
/// # Safety
/// There are as many arguments as there are names in the tuple.
#[inline]
unsafe fn named_plainly<'a, 'py>(
    py: Python<'py>,
    arguments: *const *mut ffi::PyObject,
    names: *mut ffi::PyObject,
) -> Option<(Format, Option<Borrowed<'a, 'py, PyString>>)> {
    let (mut format, mut call_id) = (None, None);
    // SAFETY: as the caller promises.
    unsafe {
        for index in 0..ffi::PyTuple_GET_SIZE(names) {
            let (name, value) = (ffi::PyTuple_GET_ITEM(names, index), *arguments.add(index as usize));
            let value = Borrowed::from_ptr(py, value);
            // Names in code are interned.
            if name == intern!(py, "format").as_ptr() {
                format = Some(plain_format(&value)?);
            } else if name == intern!(py, "call_id").as_ptr() {
                call_id = if value.is_none() { None } else { Some(value.cast_exact::<PyString>().ok()?) };
            } else {
                return None;
            }
        }
    }
    Some((format?, call_id))
}

/// The format of a name, which is most often the one in code.
#[inline]
fn plain_format(name: &Bound<'_, PyAny>) -> Option<Format> {
    let py = name.py();
    match name.as_ptr() {
        name if name == intern!(py, "callbot").as_ptr() => Some(Format::Callbot),
        name if name == intern!(py, "twilio").as_ptr() => Some(Format::Twilio),
        name if name == intern!(py, "openai").as_ptr() => Some(Format::OpenAi),
        _ => format_of(name).ok(),
    }
}

/// Call the method that PyO3 made with the object that it belongs to.
///
/// # Safety
/// There are `count` arguments by position, and as many behind them as there are names.
#[cold]
unsafe fn call_bound(
    py: Python<'_>,
    ordinary: &Ordinary,
    slf: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as the caller promises.
    unsafe {
        let named = if names.is_null() { 0 } else { ffi::PyTuple_GET_SIZE(names) as usize };
        let mut all = vec![slf];
        all.extend((0..count as usize + named).map(|index| *arguments.add(index)));
        call(py, ordinary, &all, names)
    }
}

/// Call the method that PyO3 made; the last arguments are the named ones.
///
/// # Safety
/// All are valid objects; `names` is null or a tuple of names.
#[cold]
unsafe fn call(
    py: Python<'_>,
    ordinary: &Ordinary,
    arguments: &[*mut ffi::PyObject],
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as the caller promises. The method was set before its replacement could be called.
    unsafe {
        let Some(method) = ordinary.get(py) else { return null_mut() };
        let named = if names.is_null() { 0 } else { ffi::PyTuple_GET_SIZE(names) as usize };
        ffi::PyObject_Vectorcall(method.as_ptr(), arguments.as_ptr(), arguments.len() - named, names)
    }
}
