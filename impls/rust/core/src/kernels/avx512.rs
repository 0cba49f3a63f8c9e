//! The AVX-512 kernel: 64 symbols to 48 bytes a step, on CPUs with VBMI.
//!
//! The algorithm is that of Mula and Lemire, "Base64 encoding and decoding at almost the speed of a memory copy"
//! (Software: Practice and Experience 50(2), 2020; preprint 2019). VBMI looks all 64 bytes of a vector up in a table
//! of 128 entries with one instruction, so that the whole of ASCII needs no ranges: an entry is the value of the symbol
//! or has its top bit set. The index ignores the top bit of the byte, so that bit is collected from the symbols too;
//! both are ORed into one vector, which is looked at once, at the end. The values, six bits to a byte, are packed with
//! two multiply-and-add instructions, six to twelve to twenty-four bits, and one permutation over all bytes leaves out
//! every fourth and puts the other three in order. Masks let the last step read and write only what is there.

use std::arch::x86_64::*;

use super::scalar::ALPHABET;
use super::{Kernel, scalar};

pub static AVX512: Kernel = Kernel { name: "avx512", decode_quads };

const STEP: usize = 16; // quads
const NONE: u8 = 0x80; // what stands in the table for no symbol

static VALUES: [u8; 128] = values();
static ORDER: [u8; 64] = order();

/// Whether this CPU, and the system on it, run the kernel.
pub fn runs_here() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
}

/// Decode whole quads; see [`super::DecodeQuads`].
///
/// # Safety
/// `source` is readable for `4 * quads` bytes and `target` writable for `3 * quads`; the CPU has AVX-512 F, BW, VBMI.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub unsafe fn decode_quads(source: *const u8, quads: usize, target: *mut u8) -> usize {
    // SAFETY: the tables have 128 and 64 bytes. A step reads 64 bytes and writes 48 for sixteen quads; the last reads and writes what its masks allow.
    unsafe {
        let low = _mm512_loadu_si512(VALUES.as_ptr().cast());
        let high = _mm512_loadu_si512(VALUES.as_ptr().add(64).cast());
        let order = _mm512_loadu_si512(ORDER.as_ptr().cast());
        let mut bad = _mm512_setzero_si512();
        let mut quad = 0;
        while quad + STEP <= quads {
            let bytes = decode_step(_mm512_loadu_si512(source.add(4 * quad).cast()), low, high, order, &mut bad);
            _mm512_mask_storeu_epi8(target.add(3 * quad).cast(), !0 >> 16, bytes);
            quad += STEP;
        }
        let rest = quads - quad;
        if rest != 0 {
            let filler = _mm512_set1_epi8(b'A' as i8);
            let symbols = _mm512_mask_loadu_epi8(filler, !0 >> (64 - 4 * rest), source.add(4 * quad).cast());
            let bytes = decode_step(symbols, low, high, order, &mut bad);
            _mm512_mask_storeu_epi8(target.add(3 * quad).cast(), !0 >> (64 - 3 * rest), bytes);
        }
        if _mm512_movepi8_mask(bad) != 0 {
            return scalar::decode_quads(source, quads, target);
        }
        quads
    }
}

/// 64 symbols to 48 bytes, at the low end; `bad` gets a top bit for what is no symbol.
///
/// The tables are arguments, since a compiler that sees bytes written may think that a table changed, and load it anew.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn decode_step(symbols: __m512i, low: __m512i, high: __m512i, order: __m512i, bad: &mut __m512i) -> __m512i {
    let values = _mm512_permutex2var_epi8(low, symbols, high);
    *bad = _mm512_ternarylogic_epi32(*bad, values, symbols, 0xFE); // OR of the three
    let twelve = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140));
    let word = _mm512_madd_epi16(twelve, _mm512_set1_epi32(0x00011000));
    _mm512_permutexvar_epi8(order, word)
}

/// The value of every symbol, by its code.
const fn values() -> [u8; 128] {
    let mut entries = [NONE; 128];
    let mut value = 0;
    while value < 64 {
        entries[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    entries
}

/// For every byte of the result the place of that byte in words of 24 bits, the high byte of which comes first.
const fn order() -> [u8; 64] {
    let mut places = [0; 64];
    let mut byte = 0;
    while byte < 48 {
        places[byte] = (4 * (byte / 3) + 2 - byte % 3) as u8;
        byte += 1;
    }
    places
}
