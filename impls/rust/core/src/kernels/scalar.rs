//! The table kernel: any CPU, one quad at a time.
//!
//! Four tables, one for each place in a quad, hold the bits of a symbol where they end up in a 24-bit word whose low
//! byte comes first. A quad is four lookups and three ORs. What is no symbol has the bit BAD in its entries, which
//! survives the ORs, so that one test covers the four.

use super::Kernel;

pub static SCALAR: Kernel = Kernel { name: "scalar", decode_quads };

pub const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
pub const BAD: u32 = 1 << 24;

pub static FIRST: [u32; 256] = table(0);
pub static SECOND: [u32; 256] = table(1);
pub static THIRD: [u32; 256] = table(2);
pub static FOURTH: [u32; 256] = table(3);

/// Fill the table for one place in a quad.
const fn table(place: usize) -> [u32; 256] {
    let mut entries = [BAD; 256];
    let mut value = 0;
    while value < 64 {
        entries[ALPHABET[value] as usize] = placed(value as u32, place);
        value += 1;
    }
    entries
}

/// The six bits of a symbol where they belong in the word.
const fn placed(bits: u32, place: usize) -> u32 {
    match place {
        0 => bits << 2,
        1 => (bits >> 4) | ((bits & 15) << 12),
        2 => ((bits >> 2) << 8) | ((bits & 3) << 22),
        _ => bits << 16,
    }
}

/// Decode whole quads; see [`super::DecodeQuads`].
///
/// # Safety
/// `source` is readable for `4 * quads` bytes and `target` writable for `3 * quads`.
pub unsafe fn decode_quads(mut source: *const u8, quads: usize, mut target: *mut u8) -> usize {
    for quad in 0..quads {
        // SAFETY: `quad < quads`, so the four bytes read and the three written are within what the caller granted.
        unsafe {
            let word = FIRST[*source as usize]
                | SECOND[*source.add(1) as usize]
                | THIRD[*source.add(2) as usize]
                | FOURTH[*source.add(3) as usize];
            if word & BAD != 0 {
                return quad;
            }
            *target = word as u8;
            *target.add(1) = (word >> 8) as u8;
            *target.add(2) = (word >> 16) as u8;
            source = source.add(4);
            target = target.add(3);
        }
    }
    quads
}
