//! What strings of JSON say, given what stands between their quotation marks.

use std::borrow::Cow;

use memchr::memchr;

/// Whether there is an escape in a string.
#[inline]
pub fn has_escape(inside: &[u8]) -> bool {
    memchr(b'\\', inside).is_some()
}

/// What a string says, in UTF-8, where surrogates without a partner are encoded as if they were characters.
#[inline]
pub fn said(inside: &[u8]) -> Cow<'_, [u8]> {
    if has_escape(inside) { Cow::Owned(unescaped(inside)) } else { Cow::Borrowed(inside) }
}

/// Whether a string says something in which there is no backslash.
#[inline]
pub fn says(inside: &[u8], something: &[u8]) -> bool {
    // With an escape the two are not the same.
    inside == something || (has_escape(inside) && unescaped(inside) == something)
}

#[cold]
fn unescaped(inside: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some((&letter, behind)) = rest.split_first() else { break };
        rest = behind;
        bytes.push(match letter {
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let (code, length) = code_point(rest);
                rest = &rest[length..];
                encode(code, &mut bytes);
                continue;
            }
            other => other,
        });
    }
    bytes
}

/// The code point behind a backslash and a `u`, and the length of what names it; two surrogates may name one together.
fn code_point(rest: &[u8]) -> (u32, usize) {
    let unit =
        |digits: Option<&[u8]>| digits.and_then(|digits| u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok());
    let Some(first) = unit(rest.get(..4)) else { return (0xFFFD, rest.len()) };
    if let 0xD800..0xDC00 = first
        && rest.get(4..6) == Some(b"\\u")
        && let Some(second @ 0xDC00..0xE000) = unit(rest.get(6..10))
    {
        return (0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00), 10);
    }
    (first, 4)
}

/// Encode a code point, be it a surrogate, as UTF-8.
fn encode(code: u32, bytes: &mut Vec<u8>) {
    let tail = |shift: u32| 0x80 | (code >> shift & 0x3F) as u8;
    match code {
        0..0x80 => bytes.push(code as u8),
        0x80..0x800 => bytes.extend([0xC0 | (code >> 6) as u8, tail(0)]),
        0x800..0x1_0000 => bytes.extend([0xE0 | (code >> 12) as u8, tail(6), tail(0)]),
        _ => bytes.extend([0xF0 | (code >> 18) as u8, tail(12), tail(6), tail(0)]),
    }
}
