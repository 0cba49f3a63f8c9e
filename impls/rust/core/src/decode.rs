//! What every kernel shares: sizes, the last quad, and where text goes wrong.
//!
//! A kernel decodes all quads but the last. The last one may be padded, and is decoded here whatever the kernel.
//! Nothing on the way notes where an error is: text that is refused is read again to find out.
//!
//! Text is a pointer and a length, not a slice, since it may be memory that other code writes to.

use crate::kernels::Kernel;
use crate::kernels::scalar::{BAD, FIRST, FOURTH, SECOND, THIRD};

/// Bytes that text decodes to; for text that is not canonical some number that is not too large to reserve.
///
/// # Safety
/// `text` is readable for `length` bytes.
#[inline]
pub unsafe fn decoded_size(text: *const u8, length: usize) -> usize {
    if length == 0 || !length.is_multiple_of(4) {
        return 0;
    }
    let mut size = length / 4 * 3;
    // SAFETY: there are at least four bytes.
    unsafe {
        if *text.add(length - 1) == b'=' {
            size -= 1;
            if *text.add(length - 2) == b'=' {
                size -= 1;
            }
        }
    }
    size
}

/// Decode text to `target`; whether it was canonical. If not, what is at `target` is unspecified.
///
/// `size` is what `decoded_size` said. It decides how much is written, so that text which another thread changes in
/// the meantime cannot make the decoder write more.
///
/// # Safety
/// `text` is readable for `length` bytes, `target` writable for `size`, and `kernel` keeps its promises.
#[inline]
pub unsafe fn decode_into(kernel: &Kernel, text: *const u8, length: usize, target: *mut u8, size: usize) -> bool {
    if length == 0 {
        return true;
    }
    if !length.is_multiple_of(4) {
        return false;
    }
    let quads = length / 4 - 1;
    // SAFETY: the last quad yields at least one byte, so `size` is more than three for each quad before it.
    unsafe {
        if (kernel.decode_quads)(text, quads, target) != quads {
            return false;
        }
        decode_last(text.add(4 * quads), target.add(3 * quads), size - 3 * quads)
    }
}

/// Decode the last quad to `size` bytes, 1 to 3; whether it was canonical.
///
/// # Safety
/// `quad` is readable for four bytes, `target` writable for `size`.
#[inline]
unsafe fn decode_last(quad: *const u8, target: *mut u8, size: usize) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let mut word = FIRST[*quad as usize] | SECOND[*quad.add(1) as usize];
        if size == 1 {
            // Anything above one byte is a spare bit or BAD.
            if word > 0xFF || *quad.add(2) != b'=' || *quad.add(3) != b'=' {
                return false;
            }
            *target = word as u8;
            return true;
        }
        word |= THIRD[*quad.add(2) as usize];
        if size == 2 {
            if word > 0xFFFF || *quad.add(3) != b'=' {
                return false;
            }
            *target = word as u8;
            *target.add(1) = (word >> 8) as u8;
            return true;
        }
        word |= FOURTH[*quad.add(3) as usize];
        if word & BAD != 0 {
            return false;
        }
        *target = word as u8;
        *target.add(1) = (word >> 8) as u8;
        *target.add(2) = (word >> 16) as u8;
        true
    }
}

/// Length of the longest prefix of text that is also a prefix of some canonical text.
///
/// # Safety
/// `text` is readable for `length` bytes.
#[cold]
pub unsafe fn error_position(text: *const u8, length: usize) -> usize {
    let mut symbols = 0;
    // SAFETY: every index is tested against the length first; the symbols before one at 2 or 3 in its quad exist.
    unsafe {
        while symbols < length && FOURTH[*text.add(symbols) as usize] & BAD == 0 {
            symbols += 1;
        }
        if symbols == length || *text.add(symbols) != b'=' {
            return symbols;
        }
        let last = |spare: u32| FOURTH[*text.add(symbols - 1) as usize] >> 16 & spare == 0;
        if symbols % 4 == 3 && last(3) {
            return symbols + 1;
        }
        if symbols % 4 == 2 && last(15) {
            if symbols + 1 < length && *text.add(symbols + 1) == b'=' {
                return symbols + 2;
            }
            return symbols + 1;
        }
    }
    symbols
}

/// Whether text is canonical, without decoding it: the slow way, for when there is nowhere to decode it to.
///
/// # Safety
/// `text` is readable for `length` bytes.
#[cold]
pub unsafe fn is_canonical(text: *const u8, length: usize) -> bool {
    // SAFETY: as the caller promises.
    length.is_multiple_of(4) && unsafe { error_position(text, length) } == length
}

/// Decode a slice to a new vector; the error is the position.
pub fn decode(kernel: &Kernel, text: &[u8]) -> Result<Vec<u8>, usize> {
    let (start, length) = (text.as_ptr(), text.len());
    // SAFETY: the slice is readable; the vector has room for `size` bytes, all written if the text is canonical.
    unsafe {
        let size = decoded_size(start, length);
        let mut bytes = Vec::with_capacity(size);
        if !decode_into(kernel, start, length, bytes.as_mut_ptr(), size) {
            return Err(error_position(start, length));
        }
        bytes.set_len(size);
        Ok(bytes)
    }
}
