//! A scanner of JSON (RFC 8259) that says where values lie, and to the byte where a text goes wrong.
//!
//! Every error is a position: the length of the longest prefix of the text that is also a prefix of some JSON text.
//! At such a position the text has ended, or stands the first byte that cannot follow.

use memchr::memchr;

/// How deep objects and lists nest at most.
pub const MOST_LEVELS: usize = 1024;

/// A value's place in the text. Its first byte tells what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    pub start: usize,
    pub end: usize,
}

impl Value {
    pub const MISSING: Self = Self { start: 0, end: 0 };

    #[inline]
    pub fn is_missing(self) -> bool {
        self.end == 0
    }
}

/// The name of a member.
#[derive(Clone, Copy)]
pub struct Name<'a> {
    /// What stands between the quotation marks.
    pub inside: &'a [u8],
    /// The first eight bytes of that, see `word`.
    pub word: u64,
}

/// The first eight bytes as a number, less of them with zeros behind. A name has no zeros, so that one of less than
/// eight bytes is known by its word.
pub const fn word(bytes: &[u8]) -> u64 {
    let (mut word, mut index) = (0, 0);
    while index < bytes.len() && index < 8 {
        word |= (bytes[index] as u64) << (8 * index);
        index += 1;
    }
    word
}

/// A text. Its methods pass something that stands at a position, and return the position behind it.
///
/// Positions go from hand to hand instead of being kept here: so they stay in registers.
#[derive(Clone, Copy)]
pub struct Scanner<'a> {
    pub text: &'a [u8],
    /// Whether surrogates may stand in the UTF-8, each encoded as if it were a character.
    pub surrogates: bool,
}

impl<'a> Scanner<'a> {
    /// The byte at a position. Behind the end it is 0, which follows nothing either.
    #[inline]
    pub fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    /// Pass white space.
    #[inline]
    pub fn space(&self, mut at: usize) -> usize {
        // Most bytes are none, which one comparison tells.
        while self.byte(at) <= b' ' && matches!(self.byte(at), b' ' | b'\n' | b'\r' | b'\t') {
            at += 1;
        }
        at
    }

    /// Pass one byte.
    #[inline]
    fn expect(&self, byte: u8, at: usize) -> Result<usize, usize> {
        if self.byte(at) == byte { Ok(at + 1) } else { Err(at) }
    }

    /// Pass what may stand behind the only value of a text.
    #[inline]
    pub fn end(&self, at: usize) -> Result<(), usize> {
        let at = self.space(at);
        if at == self.text.len() { Ok(()) } else { Err(at) }
    }

    /// Pass any value, around which so many levels are open.
    #[inline]
    pub fn value(&self, levels: usize, at: usize) -> Result<usize, usize> {
        match self.byte(at) {
            b'"' => self.string(at),
            b'-' | b'0'..=b'9' => self.number(at),
            b'{' | b'[' => self.nested(levels, at),
            _ => self.literal(at),
        }
    }

    /// Pass an object, around which so many levels are open. `member` gets each name, and the position of the value,
    /// which it passes.
    #[inline]
    pub fn object(
        &self,
        levels: usize,
        start: usize,
        mut member: impl FnMut(Name, usize) -> Result<usize, usize>,
    ) -> Result<usize, usize> {
        self.enclosed((b'{', b'}'), levels, start, |at| {
            let (name, at) = self.name(at)?;
            member(name, at)
        })
    }

    /// Pass a list, around which so many levels are open; `item` passes each item.
    pub fn list(
        &self,
        levels: usize,
        start: usize,
        item: impl FnMut(usize) -> Result<usize, usize>,
    ) -> Result<usize, usize> {
        self.enclosed((b'[', b']'), levels, start, item)
    }

    /// Pass what begins and ends with a bracket.
    #[inline]
    fn enclosed(
        &self,
        (opening, closing): (u8, u8),
        levels: usize,
        start: usize,
        mut item: impl FnMut(usize) -> Result<usize, usize>,
    ) -> Result<usize, usize> {
        if levels >= MOST_LEVELS {
            return Err(start);
        }
        let mut at = self.space(self.expect(opening, start)?);
        if self.byte(at) != closing {
            loop {
                at = self.space(item(at)?);
                if self.byte(at) != b',' {
                    break;
                }
                at = self.space(at + 1);
            }
        }
        self.expect(closing, at)
    }

    /// The name of a member, and the position of the value.
    #[inline(always)]
    fn name(&self, start: usize) -> Result<(Name<'a>, usize), usize> {
        if self.byte(start) != b'"' {
            return Err(start);
        }
        let end = self.string(start)?;
        let inside = self.inside(Value { start, end });
        let word = match self.eight(start + 1) {
            Some(eight) if inside.len() < 8 => eight & ((1 << (8 * inside.len())) - 1),
            Some(eight) => eight,
            None => word(inside),
        };
        let at = self.expect(b':', self.space(end))?;
        Ok((Name { inside, word }, self.space(at)))
    }

    /// Pass an object or a list with all that is in it, around which so many levels are open.
    #[cold]
    fn nested(&self, levels: usize, mut at: usize) -> Result<usize, usize> {
        // A bit for each open level: whether it is an object.
        let mut objects = [0_u64; MOST_LEVELS / 64];
        let mut open = levels;
        loop {
            let opening = self.byte(at);
            if opening == b'{' || opening == b'[' {
                if open >= MOST_LEVELS {
                    return Err(at);
                }
                let (word, bit) = (&mut objects[open / 64], 1 << (open % 64));
                let object = opening == b'{';
                *word = if object { *word | bit } else { *word & !bit };
                open += 1;
                at = self.space(at + 1);
                if self.byte(at) != if object { b'}' } else { b']' } {
                    if object {
                        at = self.name(at)?.1;
                    }
                    continue;
                }
                at += 1;
                open -= 1;
            } else {
                at = self.value(open, at)?;
            }
            loop {
                if open == levels {
                    return Ok(at);
                }
                at = self.space(at);
                let object = objects[(open - 1) / 64] >> ((open - 1) % 64) & 1 != 0;
                if self.byte(at) == b',' {
                    at = self.space(at + 1);
                    if object {
                        at = self.name(at)?.1;
                    }
                    break;
                }
                at = self.expect(if object { b'}' } else { b']' }, at)?;
                open -= 1;
            }
        }
    }

    /// What stands between the quotation marks of a string.
    #[inline]
    pub fn inside(&self, string: Value) -> &'a [u8] {
        self.text.get(string.start + 1..string.end.saturating_sub(1)).unwrap_or_default()
    }

    /// Pass a string, whose quotation mark is at the position.
    #[inline]
    fn string(&self, at: usize) -> Result<usize, usize> {
        let end = self.plain(at + 1);
        if self.byte(end) == b'"' { Ok(end + 1) } else { self.string_behind(end) }
    }

    /// Pass what is left of a string, from something on that is not plain.
    #[cold]
    fn string_behind(&self, mut at: usize) -> Result<usize, usize> {
        loop {
            at = self.plain(match self.byte(at) {
                b'"' => return Ok(at + 1),
                b'\\' => self.escape(at)?,
                0x80.. => self.character(at)?,
                _ => return Err(at), // a control character, or the end
            });
        }
    }

    /// Pass a string, whose quotation mark is at the position, without a look at what is in it.
    ///
    /// That is right only if what is in it turns out to be ASCII without quotation marks, backslashes and control
    /// characters. Until then nothing that comes of it is to be trusted.
    #[inline]
    pub fn trusted_string(&self, at: usize) -> Result<usize, usize> {
        let inside = self.text.get(at + 1..).unwrap_or_default();
        let length = memchr(b'"', inside).ok_or(self.text.len())?;
        Ok(at + length + 2)
    }

    /// Eight bytes as a number, the first one lowest; None where there are less.
    #[inline]
    fn eight(&self, at: usize) -> Option<u64> {
        if self.text.len() < at.saturating_add(8) {
            return None;
        }
        // SAFETY: the text has eight bytes from there on.
        Some(u64::from_le(unsafe { self.text.as_ptr().add(at).cast::<u64>().read_unaligned() }))
    }

    /// Pass ASCII characters of a string that stand for themselves, eight at a time.
    #[inline]
    fn plain(&self, mut at: usize) -> usize {
        const ONES: u64 = u64::from_ne_bytes([1; 8]);
        const HIGHS: u64 = ONES << 7;
        while let Some(word) = self.eight(at) {
            let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
            let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
            let control = word.wrapping_sub(ONES * b' ' as u64);
            // The high bits are right up to the first that is set: until there no subtraction borrows.
            let found = (quote | backslash | control | word) & HIGHS;
            if found != 0 {
                return at + found.trailing_zeros() as usize / 8;
            }
            at += 8;
        }
        while matches!(self.byte(at), b' '..=b'!' | b'#'..=b'[' | b']'..=0x7F) {
            at += 1;
        }
        at
    }

    /// Pass an escape, whose backslash is at the position.
    #[cold]
    fn escape(&self, at: usize) -> Result<usize, usize> {
        let letter = at + 1;
        match self.byte(letter) {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(letter + 1),
            b'u' => {
                let digits = letter + 1..letter + 5;
                let odd = digits.clone().find(|&digit| !self.byte(digit).is_ascii_hexdigit());
                odd.map_or(Ok(digits.end), Err)
            }
            _ => Err(letter),
        }
    }

    /// Pass a character of more than one byte.
    #[cold]
    fn character(&self, at: usize) -> Result<usize, usize> {
        let (second, length) = match self.byte(at) {
            0xC2..=0xDF => (0x80..=0xBF, 2),
            0xE0 => (0xA0..=0xBF, 3),
            0xED if !self.surrogates => (0x80..=0x9F, 3),
            0xE1..=0xEF => (0x80..=0xBF, 3),
            0xF0 => (0x90..=0xBF, 4),
            0xF1..=0xF3 => (0x80..=0xBF, 4),
            0xF4 => (0x80..=0x8F, 4),
            _ => return Err(at),
        };
        if !second.contains(&self.byte(at + 1)) {
            return Err(at + 1);
        }
        let odd = (at + 2..at + length).find(|&next| !matches!(self.byte(next), 0x80..=0xBF));
        odd.map_or(Ok(at + length), Err)
    }

    /// Pass a number.
    #[inline]
    fn number(&self, mut at: usize) -> Result<usize, usize> {
        if self.byte(at) == b'-' {
            at += 1;
        }
        at = if self.byte(at) == b'0' { at + 1 } else { self.digits(at)? };
        if self.byte(at) == b'.' {
            at = self.digits(at + 1)?;
        }
        if matches!(self.byte(at), b'e' | b'E') {
            at += 1;
            if matches!(self.byte(at), b'+' | b'-') {
                at += 1;
            }
            at = self.digits(at)?;
        }
        Ok(at)
    }

    /// Pass at least one digit.
    #[inline]
    fn digits(&self, mut at: usize) -> Result<usize, usize> {
        if !self.byte(at).is_ascii_digit() {
            return Err(at);
        }
        while self.byte(at).is_ascii_digit() {
            at += 1;
        }
        Ok(at)
    }

    /// Pass `true`, `false` or `null`; anything that begins no value is an error here.
    #[cold]
    fn literal(&self, at: usize) -> Result<usize, usize> {
        let word: &[u8] = match self.byte(at) {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return Err(at),
        };
        word.iter().try_fold(at, |at, byte| self.expect(*byte, at))
    }
}
