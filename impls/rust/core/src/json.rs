//! A scanner of JSON (RFC 8259) that says where values lie, and to the byte where a text goes wrong.
//!
//! Every error is a position: the length of the longest prefix of the text that is also a prefix of some JSON text.
//! At such a position the text has ended, or stands the first byte that cannot follow.

use std::borrow::Cow;

use memchr::memchr;

/// How deep objects and lists nest at most.
pub const MOST_LEVELS: usize = 1024;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Missing,
    String,
    Number,
    Object,
    List,
    Literal,
}

/// A value's place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    pub start: usize,
    pub end: usize,
    pub kind: Kind,
    /// Whether it is a string of ASCII without escapes, which is its own text.
    pub plain: bool,
}

impl Value {
    pub const MISSING: Self = Self { start: 0, end: 0, kind: Kind::Missing, plain: false };
}

/// Passes over a text value by value.
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether surrogates may stand in the UTF-8, each encoded as if it were a character.
    surrogates: bool,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a [u8], at: usize, surrogates: bool) -> Self {
        Self { text, at, surrogates }
    }

    /// The byte at which the scanner is. Behind the end it is 0, which follows nothing either.
    #[inline]
    pub fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    /// Pass white space.
    #[inline]
    pub fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    /// Pass one byte.
    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), usize> {
        if self.peek() != byte {
            return Err(self.at);
        }
        self.at += 1;
        Ok(())
    }

    /// Pass what may stand behind the only value of a text.
    #[inline]
    pub fn end(&mut self) -> Result<(), usize> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.at) }
    }

    /// Pass any value, around which so many levels are open.
    #[inline]
    pub fn value(&mut self, levels: usize) -> Result<Value, usize> {
        let start = self.at;
        let kind = match self.peek() {
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                Kind::Number
            }
            b'{' => {
                self.nested(levels)?;
                Kind::Object
            }
            b'[' => {
                self.nested(levels)?;
                Kind::List
            }
            _ => {
                self.literal()?;
                Kind::Literal
            }
        };
        Ok(Value { start, end: self.at, kind, plain: false })
    }

    /// Pass an object, around which so many levels are open; `member` gets each name and passes the value behind it.
    #[inline]
    pub fn object(
        &mut self,
        levels: usize,
        mut member: impl FnMut(&mut Self, Value) -> Result<(), usize>,
    ) -> Result<Value, usize> {
        let start = self.at;
        if levels >= MOST_LEVELS {
            return Err(start);
        }
        self.expect(b'{')?;
        self.space();
        if self.peek() != b'}' {
            loop {
                let name = self.name()?;
                member(self, name)?;
                self.space();
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
                self.space();
            }
        }
        self.expect(b'}')?;
        Ok(Value { start, end: self.at, kind: Kind::Object, plain: false })
    }

    /// Pass a list, around which so many levels are open; `item` passes each item.
    pub fn list(
        &mut self,
        levels: usize,
        mut item: impl FnMut(&mut Self) -> Result<(), usize>,
    ) -> Result<Value, usize> {
        let start = self.at;
        if levels >= MOST_LEVELS {
            return Err(start);
        }
        self.expect(b'[')?;
        self.space();
        if self.peek() != b']' {
            loop {
                item(self)?;
                self.space();
                if self.peek() != b',' {
                    break;
                }
                self.at += 1;
                self.space();
            }
        }
        self.expect(b']')?;
        Ok(Value { start, end: self.at, kind: Kind::List, plain: false })
    }

    /// Pass the name of a member, with all that stands before the value.
    #[inline]
    fn name(&mut self) -> Result<Value, usize> {
        if self.peek() != b'"' {
            return Err(self.at);
        }
        let name = self.string()?;
        self.space();
        self.expect(b':')?;
        self.space();
        Ok(name)
    }

    /// Pass an object or a list with all that is in it, around which so many levels are open.
    #[cold]
    fn nested(&mut self, levels: usize) -> Result<(), usize> {
        // A bit for each open level: whether it is an object.
        let mut objects = [0_u64; MOST_LEVELS / 64];
        let mut open = levels;
        loop {
            let opening = self.peek();
            if opening == b'{' || opening == b'[' {
                if open >= MOST_LEVELS {
                    return Err(self.at);
                }
                let (word, bit) = (&mut objects[open / 64], 1 << (open % 64));
                let object = opening == b'{';
                *word = if object { *word | bit } else { *word & !bit };
                open += 1;
                self.at += 1;
                self.space();
                if self.peek() != if object { b'}' } else { b']' } {
                    if object {
                        self.name()?;
                    }
                    continue;
                }
                self.at += 1;
                open -= 1;
            } else {
                self.value(open)?;
            }
            loop {
                if open == levels {
                    return Ok(());
                }
                self.space();
                let object = objects[(open - 1) / 64] >> ((open - 1) % 64) & 1 != 0;
                if self.peek() == b',' {
                    self.at += 1;
                    self.space();
                    if object {
                        self.name()?;
                    }
                    break;
                }
                self.expect(if object { b'}' } else { b']' })?;
                open -= 1;
            }
        }
    }

    /// Pass a string, at whose quotation mark the scanner is.
    #[inline]
    fn string(&mut self) -> Result<Value, usize> {
        let start = self.at;
        self.at += 1;
        let mut plain = true;
        loop {
            self.plain();
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(Value { start, end: self.at, kind: Kind::String, plain });
                }
                b'\\' => self.escape()?,
                0x80.. => self.character()?,
                _ => return Err(self.at), // a control character, or the end
            }
            plain = false;
        }
    }

    /// Pass a string, at whose quotation mark the scanner is, without a look at what is in it.
    ///
    /// The value is right only if what is in it turns out to be ASCII without quotation marks, backslashes and control
    /// characters. Until then nothing that the scanner says is to be trusted.
    #[inline]
    pub fn trusted_string(&mut self) -> Result<Value, usize> {
        let start = self.at;
        let length = self.text.get(start + 1..).and_then(|rest| memchr(b'"', rest)).ok_or(self.text.len())?;
        self.at = start + length + 2;
        Ok(Value { start, end: self.at, kind: Kind::String, plain: true })
    }

    /// Pass ASCII characters of a string that stand for themselves, eight at a time.
    #[inline]
    fn plain(&mut self) {
        const ONES: u64 = u64::from_ne_bytes([1; 8]);
        const HIGHS: u64 = ONES << 7;
        while let Some(eight) = self.text.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let word = u64::from_le_bytes(*eight);
            let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
            let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
            let control = word.wrapping_sub(ONES * 0x20);
            // The high bits of all bytes up to the first that is found are right: a subtraction borrows from no byte
            // below.
            let found = (quote | backslash | control | word) & HIGHS;
            if found != 0 {
                self.at += found.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while matches!(self.peek(), b' '..=b'!' | b'#'..=b'[' | b']'..=0x7F) {
            self.at += 1;
        }
    }

    /// Pass an escape, at whose backslash the scanner is.
    #[cold]
    fn escape(&mut self) -> Result<(), usize> {
        self.at += 1;
        match self.peek() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
            b'u' => {
                for _ in 0..4 {
                    self.at += 1;
                    if !self.peek().is_ascii_hexdigit() {
                        return Err(self.at);
                    }
                }
            }
            _ => return Err(self.at),
        }
        self.at += 1;
        Ok(())
    }

    /// Pass a character of more than one byte.
    #[cold]
    fn character(&mut self) -> Result<(), usize> {
        let (second, behind) = match self.peek() {
            0xC2..=0xDF => (0x80..=0xBF, 0),
            0xE0 => (0xA0..=0xBF, 1),
            0xED if !self.surrogates => (0x80..=0x9F, 1),
            0xE1..=0xEF => (0x80..=0xBF, 1),
            0xF0 => (0x90..=0xBF, 2),
            0xF1..=0xF3 => (0x80..=0xBF, 2),
            0xF4 => (0x80..=0x8F, 2),
            _ => return Err(self.at),
        };
        self.at += 1;
        if !second.contains(&self.peek()) {
            return Err(self.at);
        }
        for _ in 0..behind {
            self.at += 1;
            if !matches!(self.peek(), 0x80..=0xBF) {
                return Err(self.at);
            }
        }
        self.at += 1;
        Ok(())
    }

    /// Pass a number.
    #[inline]
    fn number(&mut self) -> Result<(), usize> {
        if self.peek() == b'-' {
            self.at += 1;
        }
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// Pass at least one digit.
    #[inline]
    fn digits(&mut self) -> Result<(), usize> {
        if !self.peek().is_ascii_digit() {
            return Err(self.at);
        }
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        Ok(())
    }

    /// Pass `true`, `false` or `null`; anything that begins no value is an error here.
    #[cold]
    fn literal(&mut self) -> Result<(), usize> {
        let word: &[u8] = match self.peek() {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return Err(self.at),
        };
        word.iter().try_for_each(|byte| self.expect(*byte))
    }
}

/// What a string of a text says, in UTF-8, where surrogates without a partner are encoded as if they were characters.
#[inline]
pub fn said(text: &[u8], string: Value) -> Cow<'_, [u8]> {
    let inside = &text[string.start + 1..string.end - 1];
    if string.plain { Cow::Borrowed(inside) } else { Cow::Owned(unescaped(inside)) }
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
