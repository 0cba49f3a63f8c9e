//! The decoder against RFC 4648, an independent encoder, and the contract's error positions.

use callbot_core::decode::{decode, error_position, is_canonical};
use callbot_core::kernels::Kernel;
use callbot_core::kernels::scalar::SCALAR;

const KERNELS: [&Kernel; 1] = [&SCALAR];
const SYMBOLS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encode by way of a string of bits, which shares nothing with the decoder.
fn encode(bytes: &[u8]) -> String {
    let mut bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    while !bits.len().is_multiple_of(6) {
        bits.push('0');
    }
    let mut text: String = bits
        .as_bytes()
        .chunks(6)
        .map(|six| usize::from_str_radix(std::str::from_utf8(six).unwrap(), 2).unwrap())
        .map(|value| SYMBOLS.as_bytes()[value] as char)
        .collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

fn position(text: &str) -> Option<usize> {
    let found = decode(&SCALAR, text.as_bytes()).err();
    for kernel in KERNELS {
        assert_eq!(decode(kernel, text.as_bytes()).err(), found, "{text:?} with {}", kernel.name);
    }
    found
}

#[test]
fn vectors_of_the_rfc() {
    let vectors = [
        ("", ""),
        ("Zg==", "f"),
        ("Zm8=", "fo"),
        ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
    ];
    for kernel in KERNELS {
        for (text, plain) in vectors {
            assert_eq!(decode(kernel, text.as_bytes()).as_deref(), Ok(plain.as_bytes()));
        }
    }
}

#[test]
fn every_length_comes_back() {
    let mut state = 1_u32;
    for kernel in KERNELS {
        for length in 0..=300 {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            assert_eq!(decode(kernel, encode(&bytes).as_bytes()), Ok(bytes));
        }
    }
}

#[test]
fn quads_of_all_symbols_come_back() {
    for kernel in KERNELS {
        for word in (0..1_u32 << 24).step_by(61) {
            let bytes = word.to_be_bytes();
            let symbol = |shift: u32| SYMBOLS.as_bytes()[(word >> shift & 63) as usize];
            // Twice, so that one copy goes through the kernel and one through the shared last quad.
            let quad = [symbol(18), symbol(12), symbol(6), symbol(0)];
            let text = [quad, quad].concat();
            let mut target = [0; 6];
            // SAFETY: eight bytes of text, six of target.
            let good = unsafe { callbot_core::decode::decode_into(kernel, text.as_ptr(), 8, target.as_mut_ptr(), 6) };
            assert!(good);
            assert_eq!(target[..3], bytes[1..]);
            assert_eq!(target[3..], bytes[1..]);
        }
    }
}

#[test]
fn positions_of_the_contract() {
    let positions = [
        ("AB==", 2),
        ("AAB=", 3),
        ("AA===", 4),
        ("AAAA=", 4),
        ("A=", 1),
        ("AA=", 3),
        ("AAAA\n", 4),
        ("AA-_", 2),
        ("=", 0),
        ("====", 0),
        ("A===", 1),
        ("AA=A", 3),
        ("AA==AAAA", 4),
        ("AAA=AAAA", 4),
        ("AAAAAB==", 6),
        ("AAAAAAAB=", 8),
        ("A", 1),
        ("AAAAA", 5),
    ];
    for (text, expected) in positions {
        assert_eq!(position(text), Some(expected), "{text:?}");
    }
}

#[test]
fn spare_bits_are_zero() {
    for (value, symbol) in SYMBOLS.chars().enumerate() {
        assert_eq!(position(&format!("A{symbol}==")), (value & 15 != 0).then_some(2));
        assert_eq!(position(&format!("AA{symbol}=")), (value & 3 != 0).then_some(3));
        // Text that stops early: the symbol itself is fine, or the padding after it is not.
        assert_eq!(position(&format!("A{symbol}=")), Some(if value & 15 != 0 { 2 } else { 3 }));
    }
}

#[test]
fn a_bad_byte_anywhere_is_found() {
    for length in [4, 8, 64, 100, 256] {
        for place in 0..length {
            for bad in (0..=255_u8).filter(|byte| !SYMBOLS.as_bytes().contains(byte) && *byte != b'=') {
                let mut text = vec![b'A'; length];
                text[place] = bad;
                for kernel in KERNELS {
                    assert_eq!(decode(kernel, &text), Err(place));
                }
            }
        }
    }
}

#[test]
fn canonical_is_what_decodes() {
    let alphabet = b"ABQ/=-\n\xff";
    for length in 0..=6_u32 {
        for number in 0..8_usize.pow(length) {
            let text: Vec<u8> = (0..length).map(|place| alphabet[number >> (3 * place) & 7]).collect();
            let decoded = decode(&SCALAR, &text);
            // SAFETY: both read the slice they are given.
            let (canonical, position) =
                unsafe { (is_canonical(text.as_ptr(), text.len()), error_position(text.as_ptr(), text.len())) };
            assert_eq!(decoded.is_ok(), canonical, "{text:?}");
            match decoded {
                Ok(bytes) => assert_eq!(encode(&bytes).as_bytes(), text),
                Err(found) => assert_eq!(found, position),
            }
        }
    }
}

#[test]
fn nothing_is_written_past_the_size() {
    for length in 1..100 {
        let bytes = vec![0x5A; length];
        let text = encode(&bytes);
        for kernel in KERNELS {
            let mut target = vec![0xEE; length + 64];
            // SAFETY: the target is larger than needed.
            let good = unsafe {
                callbot_core::decode::decode_into(kernel, text.as_ptr(), text.len(), target.as_mut_ptr(), length)
            };
            assert!(good);
            assert_eq!(target[..length], bytes);
            assert!(target[length..].iter().all(|byte| *byte == 0xEE));
        }
    }
}
