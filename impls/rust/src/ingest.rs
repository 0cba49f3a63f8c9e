//! `AudioProcessor.ingest`: a message of a voice service, from its text to the call's buffer.

use std::slice::from_raw_parts;

use callbot_core::escapes::said;
use callbot_core::json::Value;
use callbot_core::message::{self, Event, Format, Message, Reader};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::errors::Refusal;
use crate::ingested::Ingested;
use crate::processor::{AudioProcessor, plain_id};
use crate::source::{Loan, Text, binascii, plain_text, type_name};

/// Do what a message says if it is audio and nothing is unusual; else None, and nothing changed.
///
/// It trusts that the payload is base64 until it is decoded, see `Reader`, and runs no Python code.
#[inline]
pub fn ingest_plain<'py>(
    processor: &AudioProcessor,
    message: &Bound<'py, PyAny>,
    format: Format,
    call_id: Option<&Bound<'py, PyString>>,
) -> Option<Bound<'py, Ingested>> {
    let mut loan = Loan::new();
    let text = match plain_text(message) {
        Some(text) => text,
        None => loan.acquire_plain(message)?,
    };
    let only = call_id.and_then(|call_id| plain_text(call_id));
    if text.data.is_null() || only.is_some_and(|only| only.data.is_null()) {
        return None;
    }
    // SAFETY: message, loan and argument are alive until the end.
    let (text, only) = unsafe { (slice(text), only.map(|only| slice(only))) };
    let reader = Reader { text, format, call_id: only, surrogates: false, trusting: true };
    let read = reader.message().ok().filter(|read| read.event == Event::Appended)?;
    let ingest = Ingest { processor, reader, call_id, in_characters: false };
    ingest.append(message.py(), &read, reader.scanner().inside(read.payload)).ok()
}

/// Do what a message says.
pub fn ingest<'py>(
    processor: &AudioProcessor,
    message: &Bound<'py, PyAny>,
    format: &Bound<'py, PyAny>,
    call_id: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, Ingested>> {
    let py = message.py();
    let format = format_of(format)?;
    let call_id = call_id.map(plain_id).transpose()?;
    let only = call_id.as_ref().map(Utf8::of).transpose()?;
    // To acquire the text may run Python code. Everything is looked up and checked after that.
    let mut loan = Loan::new();
    let (encoded, text) = match message.cast::<PyString>() {
        Ok(message) => {
            let utf8 = Utf8::of(message)?;
            (utf8.encoded.is_some(), utf8)
        }
        Err(_) => (
            false,
            Utf8 { encoded: None, text: plain_text(message).map_or_else(|| loan.acquire_message(message), Ok)? },
        ),
    };
    // SAFETY: message, loan, argument and what they were encoded to are alive until the end.
    let (text, only) = unsafe { (slice(text.text), only.as_ref().map(|only| slice(only.text))) };
    let reader = Reader { text, format, call_id: only, surrogates: encoded, trusting: false };
    let ingest = Ingest { processor, reader, call_id: call_id.as_ref(), in_characters: encoded };
    let read = reader.message().map_err(|refusal| ingest.refuse(py, refusal))?;
    match read.event {
        Event::Appended => ingest.append(py, &read, &said(reader.scanner().inside(read.payload))),
        Event::Opened => ingest.open(py, &read),
        Event::Closed => ingest.close(py, &read),
        Event::Other => ingest.pass(py, &read),
    }
}

/// The format of a name.
pub fn format_of(name: &Bound<'_, PyAny>) -> PyResult<Format> {
    let Ok(name) = name.cast::<PyString>() else {
        return Err(PyTypeError::new_err(format!("format is a str, not {}", type_name(name))));
    };
    let format = plain_text(name).filter(|text| !text.data.is_null());
    // SAFETY: the name is alive.
    format.and_then(|text| Format::named(unsafe { slice(text) })).map_or_else(
        || Err(PyValueError::new_err(format!("format is callbot, twilio or openai, not {}", name.repr()?))),
        Ok,
    )
}

/// A message on its way to the buffer of its call.
struct Ingest<'a, 'py> {
    processor: &'a AudioProcessor,
    reader: Reader<'a>,
    /// The argument.
    call_id: Option<&'a Bound<'py, PyString>>,
    /// Whether positions count characters, where the text is a `str` that had to be encoded.
    in_characters: bool,
}

impl<'py> Ingest<'_, 'py> {
    /// Append a payload without escapes, or what it says.
    #[inline]
    fn append(&self, py: Python<'py>, read: &Message, payload: &[u8]) -> PyResult<Bound<'py, Ingested>> {
        let call_id = self.call(py, read)?;
        let buffer = self.processor.buffer(&call_id)?;
        // From here on no other thread comes in. The result is made first, since nothing may fail once there is more
        // in the buffer.
        buffer.get().require_changeable(py)?;
        read.require(buffer.get().told).map_err(|refusal| self.refuse(py, refusal))?;
        let result = Bound::new(py, Ingested::of(Event::Appended, Some(call_id), read.sequence))?;
        let payload = Text { data: payload.as_ptr(), length: payload.len() };
        let added =
            buffer.get().append_text_kept(py, payload).map_err(|refusal| self.refuse_payload(py, refusal, read))?;
        result.get().count(added);
        Ok(result)
    }

    fn open(&self, py: Python<'py>, read: &Message) -> PyResult<Bound<'py, Ingested>> {
        let call_id = self.call(py, read)?;
        let mut result = Ingested::of(Event::Opened, Some(call_id.clone()), read.sequence);
        result.started = read.audio;
        let result = Bound::new(py, result)?;
        self.processor.open_told(&call_id, read.audio)?;
        Ok(result)
    }

    fn close(&self, py: Python<'py>, read: &Message) -> PyResult<Bound<'py, Ingested>> {
        let call_id = self.call(py, read)?;
        let buffer = self.processor.buffer(&call_id)?;
        let audio = buffer.get().copied(py)?;
        let mut result = Ingested::of(Event::Closed, Some(call_id.clone()), read.sequence);
        result.count(audio.as_bytes().len());
        result.audio = Some(audio.unbind());
        let result = Bound::new(py, result)?;
        self.processor.forget(&call_id, &buffer)?;
        Ok(result)
    }

    /// Nothing is done.
    fn pass(&self, py: Python<'py>, read: &Message) -> PyResult<Bound<'py, Ingested>> {
        let call_id = if read.id.is_missing() { None } else { Some(self.call(py, read)?) };
        let mut result = Ingested::of(Event::Other, call_id, read.sequence);
        result.name = Some(self.new_str(py, read.name)?.unbind());
        Bound::new(py, result)
    }

    /// The id of the message's call: the argument, if there is one, since it is the same.
    #[inline]
    fn call(&self, py: Python<'py>, read: &Message) -> PyResult<Bound<'py, PyString>> {
        match self.call_id {
            Some(call_id) => Ok(call_id.clone()),
            None if read.id.is_missing() => {
                Err(PyValueError::new_err("the message names no call, and call_id is None"))
            }
            None => self.new_str(py, read.id),
        }
    }

    /// What a string of the message says.
    fn new_str(&self, py: Python<'py>, value: Value) -> PyResult<Bound<'py, PyString>> {
        let said = said(self.reader.scanner().inside(value));
        // SAFETY: the slice is readable; the result is a new `str` or an error.
        unsafe {
            let (data, length) = (said.as_ptr().cast(), said.len() as ffi::Py_ssize_t);
            let object = ffi::PyUnicode_DecodeUTF8(data, length, c"surrogatepass".as_ptr());
            Ok(Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked())
        }
    }

    #[cold]
    fn refuse(&self, py: Python<'_>, refusal: message::Refusal) -> PyErr {
        let (kind, position, why) = match refusal {
            message::Refusal::Json { position } => ("JSON", position, String::new()),
            message::Refusal::Message { position, why } => ("message", position, format!(": {why}")),
        };
        let position = self.position(position);
        placed(py, PyValueError::new_err(format!("invalid {kind} at position {position}{why}")), position)
    }

    #[cold]
    fn refuse_payload(&self, py: Python<'_>, refusal: Refusal, read: &Message) -> PyErr {
        if !matches!(refusal, Refusal::Invalid) {
            return refusal.into();
        }
        let position = self.position(read.payload.start);
        placed(py, binascii::Error::new_err(format!("invalid base64 at position {position}")), position)
    }

    /// A position as it is told.
    fn position(&self, position: usize) -> usize {
        let before = self.reader.text.get(..position).unwrap_or_default();
        if self.in_characters { before.iter().filter(|byte| **byte & 0xC0 != 0x80).count() } else { position }
    }
}

/// An error with its position.
fn placed(py: Python<'_>, error: PyErr, position: usize) -> PyErr {
    error.value(py).setattr("position", position).err().unwrap_or(error)
}

/// The text of a `str` in UTF-8, where surrogates are encoded as if they were characters.
struct Utf8<'py> {
    encoded: Option<Bound<'py, PyBytes>>, // unless the `str` has it
    text: Text,
}

impl<'py> Utf8<'py> {
    fn of(string: &Bound<'py, PyString>) -> PyResult<Self> {
        if let Some(text) = plain_text(string).filter(|text| !text.data.is_null()) {
            return Ok(Self { encoded: None, text });
        }
        // SAFETY: it is a `str`, of which this makes bytes or an error.
        let encoded = unsafe {
            let object = ffi::PyUnicode_AsEncodedString(string.as_ptr(), c"utf-8".as_ptr(), c"surrogatepass".as_ptr());
            Bound::from_owned_ptr_or_err(string.py(), object)?.cast_into_unchecked::<PyBytes>()
        };
        let text = Text { data: encoded.as_bytes().as_ptr(), length: encoded.as_bytes().len() };
        Ok(Self { encoded: Some(encoded), text })
    }
}

/// Text as a slice. What is on loan may change under it, as code outside of Rust likes: whoever reads it takes what is
/// there at the time, and stays within its bounds whatever that is.
///
/// # Safety
/// The text is readable, for as long as the slice is used.
unsafe fn slice<'a>(text: Text) -> &'a [u8] {
    if text.length == 0 {
        return &[]; // what has no bytes may lie nowhere
    }
    // SAFETY: as the caller promises.
    unsafe { from_raw_parts(text.data, text.length) }
}
