//! Where the members of a message lie in its text: one pass over all of it.

use crate::escapes::{has_escape, said};
use crate::json::{Name, Value, word};
use crate::message::{Format, Reader};

/// A member that a format knows, under whatever name; and where all others go.
#[derive(Clone, Copy)]
pub enum Place {
    Event,
    Id,
    Sequence,
    Media,
    Start,
    Payload,
    Encoding,
    Rate,
    Track,
    Nowhere,
}

const PLACES: usize = Place::Nowhere as usize + 1;

/// The values of a message's members: of those of one name the last, and of those in `media` the ones in the last.
pub struct Members {
    values: [Value; PLACES],
    trusted: bool, // whether a payload was passed without a look at it
}

impl Members {
    pub fn new() -> Self {
        Self { values: [Value::MISSING; PLACES], trusted: false }
    }

    #[inline]
    pub fn of(&self, place: Place) -> Value {
        self.values[place as usize]
    }

    /// Pass a whole text; the value that it is.
    #[inline]
    pub fn scan(&mut self, reader: &Reader) -> Result<Value, usize> {
        let scanner = reader.scanner();
        let start = scanner.space(0);
        let end = if scanner.byte(start) == b'{' {
            scanner.object(0, start, |name, start| {
                let place = place(reader.format, name);
                let end = match place {
                    Place::Media => self.scan_media(reader, start)?,
                    Place::Payload => self.scan_payload(reader, 1, start)?,
                    _ => scanner.value(1, start)?,
                };
                self.values[place as usize] = Value { start, end };
                Ok(end)
            })?
        } else {
            scanner.value(0, start)?
        };
        scanner.end(end)?;
        Ok(Value { start, end })
    }

    #[inline]
    fn scan_media(&mut self, reader: &Reader, start: usize) -> Result<usize, usize> {
        for place in [Place::Payload, Place::Encoding, Place::Rate, Place::Track] {
            self.values[place as usize] = Value::MISSING;
        }
        let scanner = reader.scanner();
        if scanner.byte(start) != b'{' {
            return scanner.value(1, start);
        }
        scanner.object(1, start, |name, start| {
            let place = place_in_media(reader.format, name);
            let end = match place {
                Place::Payload => self.scan_payload(reader, 2, start)?,
                _ => scanner.value(2, start)?,
            };
            self.values[place as usize] = Value { start, end };
            Ok(end)
        })
    }

    #[inline]
    fn scan_payload(&mut self, reader: &Reader, levels: usize, start: usize) -> Result<usize, usize> {
        let scanner = reader.scanner();
        if !reader.trusting || scanner.byte(start) != b'"' {
            return scanner.value(levels, start);
        }
        if self.trusted {
            return Err(start); // at most one of the two will be decoded
        }
        self.trusted = true;
        scanner.trusted_string(start)
    }
}

const EVENT: u64 = word(b"event");
const CALL_ID: u64 = word(b"call_id");
const SEQ: u64 = word(b"seq");
const MEDIA: u64 = word(b"media");
const START: u64 = word(b"start");
const STREAM_SID: u64 = word(b"streamSid");
const SEQUENCE_NUMBER: u64 = word(b"sequenceNumber");
const TYPE: u64 = word(b"type");
const AUDIO: u64 = word(b"audio");
const PAYLOAD: u64 = word(b"payload");
const ENCODING: u64 = word(b"encoding");
const RATE: u64 = word(b"rate");
const TRACK: u64 = word(b"track");

/// Where a member of a message goes.
#[inline]
fn place(format: Format, name: Name) -> Place {
    match (format, name.word) {
        (Format::Callbot | Format::Twilio, EVENT) => Place::Event,
        (Format::Callbot | Format::Twilio, MEDIA) => Place::Media,
        (Format::Callbot, CALL_ID) => Place::Id,
        (Format::Callbot, SEQ) => Place::Sequence,
        (Format::Twilio, STREAM_SID) if name.inside == b"streamSid" => Place::Id,
        (Format::Twilio, SEQUENCE_NUMBER) if name.inside == b"sequenceNumber" => Place::Sequence,
        (Format::Twilio, START) => Place::Start,
        (Format::OpenAi, TYPE) => Place::Event,
        (Format::OpenAi, AUDIO) => Place::Payload,
        _ => unknown(name, |name| place(format, name)),
    }
}

/// Where a member of a message's `media` goes.
#[inline]
fn place_in_media(format: Format, name: Name) -> Place {
    match (format, name.word) {
        (_, PAYLOAD) => Place::Payload,
        (Format::Callbot, ENCODING) if name.inside == b"encoding" => Place::Encoding,
        (Format::Callbot, RATE) => Place::Rate,
        (Format::Twilio, TRACK) => Place::Track,
        _ => unknown(name, |name| place_in_media(format, name)),
    }
}

/// The place of a name that is not known as it stands.
#[inline]
fn unknown(name: Name, place: impl Fn(Name) -> Place) -> Place {
    if !has_escape(name.inside) {
        return Place::Nowhere;
    }
    let said = said(name.inside);
    // What escapes stand for may be a backslash, or a zero that its word does not show, but no name that is known has
    // one.
    let odd = said.iter().any(|byte| matches!(byte, b'\\' | 0));
    if odd { Place::Nowhere } else { place(Name { inside: &said, word: word(&said) }) }
}
