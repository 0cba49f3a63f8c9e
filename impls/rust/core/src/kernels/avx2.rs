//! The AVX2 kernel: 32 symbols to 24 bytes a step.
//!
//! The algorithm is that of Mula and Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (ACM
//! Transactions on the Web 12(3), 2018). The five ranges of the alphabet (A-Z, a-z, 0-9, + and /) are each a fixed
//! distance from the values they stand for, and the high four bits of a symbol all but name its range; only / needs to
//! be told from +. So a table of sixteen entries, which is one shuffle, gives the distance to add. What is no symbol
//! is found with two more such tables: for a low and for a high half of a byte, each has a bit for every set of halves
//! that do not go together, and a byte is bad if the two entries share a bit. The values, six bits to a byte, are then
//! packed with two multiply-and-add instructions, six to twelve to twenty-four bits, and a shuffle that leaves out
//! every fourth byte and puts the other three in order. Errors are collected and looked at once, at the end.

use std::arch::x86_64::*;

use super::{Kernel, scalar};

pub static AVX2: Kernel = Kernel { name: "avx2", decode_quads };

const STEP: usize = 8; // quads
const STORE: usize = 11; // quads whose bytes make room for a whole vector

/// Whether this CPU, and the system on it, run the kernel.
pub fn runs_here() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Decode whole quads; see [`super::DecodeQuads`].
///
/// # Safety
/// `source` is readable for `4 * quads` bytes and `target` writable for `3 * quads`; the CPU has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn decode_quads(source: *const u8, quads: usize, target: *mut u8) -> usize {
    // SAFETY: a step reads 32 bytes from a quad that has seven behind it. It writes 32 bytes where eleven quads make
    // room for them and else the 24 that are its own. The last step goes back over quads that were decoded before.
    unsafe {
        if quads < STEP {
            return scalar::decode_quads(source, quads, target);
        }
        let mut bad = _mm256_setzero_si256();
        let mut quad = 0;
        while quad + STORE <= quads {
            let bytes = decode_step(_mm256_loadu_si256(source.add(4 * quad).cast()), &mut bad);
            _mm256_storeu_si256(target.add(3 * quad).cast(), bytes);
            quad += STEP;
        }
        while quad < quads {
            quad = quad.min(quads - STEP);
            let bytes = decode_step(_mm256_loadu_si256(source.add(4 * quad).cast()), &mut bad);
            _mm_storeu_si128(target.add(3 * quad).cast(), _mm256_castsi256_si128(bytes));
            _mm_storel_epi64(target.add(3 * quad + 16).cast(), _mm256_extracti128_si256(bytes, 1));
            quad += STEP;
        }
        if _mm256_testz_si256(bad, bad) == 0 {
            return scalar::decode_quads(source, quads, target);
        }
        quads
    }
}

/// 32 symbols to 24 bytes, at the low end; `bad` gets a bit for what is no symbol.
#[inline]
#[target_feature(enable = "avx2")]
fn decode_step(symbols: __m256i, bad: &mut __m256i) -> __m256i {
    // Bits: 1 for 0x20 to 0x2F but + and /, 2 for 0x3A to 0x3F, 4 for 0x40 and 0x60, 8 for 0x5B to 0x5F and 0x7B to
    // 0x7F, 16 for a high half that no symbol has.
    let bad_low = table([21, 17, 17, 17, 17, 17, 17, 17, 17, 17, 19, 26, 27, 27, 27, 26]);
    let bad_high = table([16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16]);
    // By high half; the second entry is for /, which the comparison moves there from the third.
    let distance = table([0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0]);
    let low_half = _mm256_set1_epi8(15);
    let slash = _mm256_set1_epi8(b'/' as i8);

    let low = _mm256_and_si256(symbols, low_half);
    let high = _mm256_and_si256(_mm256_srli_epi16(symbols, 4), low_half);
    let found = _mm256_and_si256(_mm256_shuffle_epi8(bad_low, low), _mm256_shuffle_epi8(bad_high, high));
    *bad = _mm256_or_si256(*bad, found);

    let range = _mm256_add_epi8(high, _mm256_cmpeq_epi8(symbols, slash));
    let values = _mm256_add_epi8(symbols, _mm256_shuffle_epi8(distance, range));

    let twelve = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
    let word = _mm256_madd_epi16(twelve, _mm256_set1_epi32(0x00011000));
    let ordered = _mm256_shuffle_epi8(word, table([2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 3, 7, 11, 15]));
    _mm256_permutevar8x32_epi32(ordered, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7))
}

/// The same sixteen entries in both halves of a vector.
#[inline]
#[target_feature(enable = "avx2")]
fn table(entries: [i8; 16]) -> __m256i {
    // SAFETY: the array has sixteen bytes.
    unsafe { _mm256_broadcastsi128_si256(_mm_loadu_si128(entries.as_ptr().cast())) }
}
