//! The decoder against RFC 4648, an independent encoder, and the contract's error positions.

use callbot_core::decode::{decode, error_position, is_canonical};
use callbot_core::kernels::scalar::SCALAR;
use callbot_core::kernels::{Kernel, NAMES, choice, named};

const SYMBOLS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The kernels that this CPU runs.
fn kernels() -> Vec<&'static Kernel> {
    NAMES.iter().filter_map(|name| named(name).ok()).collect()
}

/// Bytes that look like nothing in particular.
fn noise(length: usize) -> Vec<u8> {
    let mut state = length as u32;
    (0..length)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}

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
    for kernel in kernels() {
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
    for kernel in kernels() {
        for (text, plain) in vectors {
            assert_eq!(decode(kernel, text.as_bytes()).as_deref(), Ok(plain.as_bytes()));
        }
    }
}

#[test]
fn every_length_comes_back() {
    for kernel in kernels() {
        for length in 0..=300 {
            let bytes = noise(length);
            assert_eq!(decode(kernel, encode(&bytes).as_bytes()), Ok(bytes));
        }
    }
}

#[test]
fn quads_of_all_symbols_come_back() {
    for kernel in kernels() {
        for word in (0..1_u32 << 24).step_by(61) {
            let bytes = word.to_be_bytes();
            let symbol = |shift: u32| SYMBOLS.as_bytes()[(word >> shift & 63) as usize];
            // As often as fills a vector and its tail; the last copy goes through what all kernels share.
            let quad = [symbol(18), symbol(12), symbol(6), symbol(0)];
            assert_eq!(decode(kernel, &quad.repeat(28)), Ok(bytes[1..].repeat(28)));
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
                for kernel in kernels() {
                    assert_eq!(decode(kernel, &text), Err(place));
                }
            }
        }
    }
}

#[test]
fn every_symbol_in_every_place_of_a_vector() {
    let quads = 24;
    for kernel in kernels() {
        for place in 0..4 * quads {
            for symbol in SYMBOLS.bytes() {
                let mut text = encode(&noise(3 * quads)).into_bytes();
                text[place] = symbol;
                let bytes = decode(kernel, &text).unwrap();
                assert_eq!(encode(&bytes).as_bytes(), text, "{}", kernel.name);
            }
        }
    }
}

/// What a kernel makes of text: the quads that it says it decoded and the bytes of a target with room behind it.
fn decode_quads(kernel: &Kernel, text: &[u8]) -> (usize, Vec<u8>) {
    let quads = text.len() / 4;
    let mut target = vec![0xEE; 3 * quads + 64];
    // SAFETY: the text has so many quads, and the target more room than they need. The kernel runs here.
    let decoded = unsafe { (kernel.decode_quads)(text.as_ptr(), quads, target.as_mut_ptr()) };
    (decoded, target)
}

#[test]
fn a_kernel_counts_the_quads_before_the_first_bad_one() {
    for kernel in kernels() {
        for quads in 0..=70 {
            let good = encode(&noise(3 * quads)).into_bytes();
            assert_eq!(decode_quads(kernel, &good).0, quads, "{}", kernel.name);
            for place in 0..4 * quads {
                for bad in *b"=-_\0 @[`{.,*:\x7f\x80\xc1\xff" {
                    let mut text = good.clone();
                    text[place] = bad;
                    if let Some(later) = text.get_mut(place + 5) {
                        *later = b'!';
                    }
                    let (decoded, target) = decode_quads(kernel, &text);
                    assert_eq!(decoded, place / 4, "{} with {bad} at {place} of {quads} quads", kernel.name);
                    assert_eq!(target[..3 * decoded], noise(3 * quads)[..3 * decoded], "{}", kernel.name);
                    assert!(target[3 * quads..].iter().all(|byte| *byte == 0xEE), "{}", kernel.name);
                }
            }
        }
    }
}

#[test]
fn what_is_no_symbol_is_refused_in_every_place_of_a_vector() {
    for kernel in kernels() {
        for bad in (0..=255_u8).filter(|byte| !SYMBOLS.as_bytes().contains(byte)) {
            for place in 0..4 * 24 {
                let mut text = [b'/'; 4 * 24];
                text[place] = bad;
                assert_eq!(decode_quads(kernel, &text).0, place / 4, "{} with {bad} at {place}", kernel.name);
            }
        }
    }
}

#[test]
fn a_kernel_is_chosen_by_name_or_for_the_cpu() {
    let first = NAMES.iter().find_map(|name| named(name).ok()).unwrap();
    assert!(std::ptr::eq(choice("").unwrap(), first));
    assert_eq!(choice("scalar").unwrap().name, "scalar");
    let none = "CALLBOT_KERNEL: there is no kernel 'sse'; there are: avx512, avx2, scalar";
    assert_eq!(choice("sse").err().unwrap(), none);
    for name in NAMES {
        assert!(named(name).map_or_else(|why| why.contains("CPU"), |kernel| kernel.name == name));
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
    for length in 1..300 {
        let bytes = vec![0x5A; length];
        let text = encode(&bytes);
        for kernel in kernels() {
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

/// Memory whose last byte is the last of a page, with a page behind it that must not be touched.
#[cfg(unix)]
fn before_a_guard(size: usize) -> *mut u8 {
    // SAFETY: fresh pages, of which the last is forbidden. They are never given back.
    unsafe {
        let page = libc::sysconf(libc::_SC_PAGESIZE) as usize;
        let whole = size.next_multiple_of(page) + page;
        let (may, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let start = libc::mmap(std::ptr::null_mut(), whole, may, how, -1, 0);
        assert_ne!(start, libc::MAP_FAILED);
        let guard = start.add(whole - page);
        assert_eq!(libc::mprotect(guard, page, libc::PROT_NONE), 0);
        guard.cast::<u8>().sub(size)
    }
}

#[test]
#[cfg(unix)]
fn nothing_is_touched_behind_the_end() {
    for kernel in kernels() {
        for quads in 0..=70 {
            let bytes = noise(3 * quads);
            let text = encode(&bytes);
            let (source, target) = (before_a_guard(4 * quads), before_a_guard(3 * quads));
            // SAFETY: both have the size that the kernel may touch.
            unsafe {
                source.copy_from_nonoverlapping(text.as_ptr(), 4 * quads);
                assert_eq!((kernel.decode_quads)(source, quads, target), quads, "{}", kernel.name);
                assert_eq!(std::slice::from_raw_parts(target, 3 * quads), bytes, "{}", kernel.name);
            }
        }
    }
}
