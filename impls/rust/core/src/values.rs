//! What the values of a message can be. Each function gives None for a value that is missing or something else.

use crate::escapes::{said, says};
use crate::json::{Scanner, Value};
use crate::message::{Encoding, Track};

const MOST_RATE: u64 = 192_000;
const MOST_DIGITS: usize = 20;

#[inline]
fn begins(text: Scanner, value: Value) -> u8 {
    if value.is_missing() { 0 } else { text.byte(value.start) }
}

#[inline]
pub fn is_object(text: Scanner, value: Value) -> bool {
    begins(text, value) == b'{'
}

/// What stands between the quotation marks of a string.
#[inline]
pub fn string<'a>(text: Scanner<'a>, value: Value) -> Option<&'a [u8]> {
    (begins(text, value) == b'"').then(|| text.inside(value))
}

/// The same for a string that is not empty.
#[inline]
pub fn filled<'a>(text: Scanner<'a>, value: Value) -> Option<&'a [u8]> {
    string(text, value).filter(|inside| !inside.is_empty())
}

#[inline]
pub fn encoding(text: Scanner, value: Value) -> Option<Encoding> {
    match string(text, value)? {
        inside if says(inside, b"pcm16") => Some(Encoding::Pcm16),
        inside if says(inside, b"mulaw") => Some(Encoding::Mulaw),
        _ => None,
    }
}

#[inline]
pub fn track(text: Scanner, value: Value) -> Option<Track> {
    match string(text, value)? {
        inside if says(inside, b"inbound") => Some(Track::Inbound),
        inside if says(inside, b"outbound") => Some(Track::Outbound),
        _ => None,
    }
}

/// A number without sign, fraction and exponent; `-0` is one too.
#[inline]
pub fn whole_number(text: Scanner, value: Value) -> Option<u64> {
    match text.text.get(value.start..value.end)? {
        b"-0" => Some(0),
        number => whole(number),
    }
}

/// A string of not too many digits.
#[inline]
pub fn digits(text: Scanner, value: Value) -> Option<u64> {
    let said = said(string(text, value)?);
    if said.len() <= MOST_DIGITS { whole(&said) } else { None }
}

/// A number or a string of digits.
pub fn count(text: Scanner, value: Value) -> Option<u64> {
    match string(text, value) {
        Some(inside) => whole(&said(inside)),
        None => whole_number(text, value),
    }
}

/// A rate, out of a number that may be something else.
#[inline]
pub fn rate(number: Option<u64>) -> Option<u32> {
    number.filter(|number| (1..=MOST_RATE).contains(number)).map(|number| number as u32)
}

/// The number that digits name.
#[inline]
fn whole(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}
