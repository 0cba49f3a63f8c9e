//! Where the members of a message lie in its text: one pass over all of it.

use crate::json::{Scanner, Value, said};
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
        let mut scanner = Scanner::new(reader.text, 0, reader.surrogates);
        scanner.space();
        let top = if scanner.peek() == b'{' {
            scanner.object(0, |scanner, name| {
                let place = place(reader.format, &said(reader.text, name));
                self.values[place as usize] = match place {
                    Place::Media => self.scan_media(reader, scanner)?,
                    Place::Payload => self.scan_payload(reader, scanner, 1)?,
                    _ => scanner.value(1)?,
                };
                Ok(())
            })?
        } else {
            scanner.value(0)?
        };
        scanner.end()?;
        Ok(top)
    }

    #[inline]
    fn scan_media(&mut self, reader: &Reader, scanner: &mut Scanner) -> Result<Value, usize> {
        for place in [Place::Payload, Place::Encoding, Place::Rate, Place::Track] {
            self.values[place as usize] = Value::MISSING;
        }
        if scanner.peek() != b'{' {
            return scanner.value(1);
        }
        scanner.object(1, |scanner, name| {
            let place = place_in_media(reader.format, &said(reader.text, name));
            self.values[place as usize] = match place {
                Place::Payload => self.scan_payload(reader, scanner, 2)?,
                _ => scanner.value(2)?,
            };
            Ok(())
        })
    }

    #[inline]
    fn scan_payload(&mut self, reader: &Reader, scanner: &mut Scanner, levels: usize) -> Result<Value, usize> {
        if !reader.trusting || scanner.peek() != b'"' {
            return scanner.value(levels);
        }
        let value = scanner.trusted_string()?;
        if self.trusted {
            return Err(value.start); // at most one of the two will be decoded
        }
        self.trusted = true;
        Ok(value)
    }
}

/// Where a member of a message goes.
#[inline]
fn place(format: Format, name: &[u8]) -> Place {
    match format {
        Format::Callbot => match name {
            b"event" => Place::Event,
            b"call_id" => Place::Id,
            b"seq" => Place::Sequence,
            b"media" => Place::Media,
            _ => Place::Nowhere,
        },
        Format::Twilio => match name {
            b"event" => Place::Event,
            b"streamSid" => Place::Id,
            b"sequenceNumber" => Place::Sequence,
            b"media" => Place::Media,
            b"start" => Place::Start,
            _ => Place::Nowhere,
        },
        Format::OpenAi => match name {
            b"type" => Place::Event,
            b"audio" => Place::Payload,
            _ => Place::Nowhere,
        },
    }
}

/// Where a member of a message's `media` goes.
#[inline]
fn place_in_media(format: Format, name: &[u8]) -> Place {
    match (format, name) {
        (_, b"payload") => Place::Payload,
        (Format::Callbot, b"encoding") => Place::Encoding,
        (Format::Callbot, b"rate") => Place::Rate,
        (Format::Twilio, b"track") => Place::Track,
        _ => Place::Nowhere,
    }
}
