//! The scanner of JSON: what it accepts, and the positions at which it refuses.

use std::str::from_utf8;

use callbot_core::escapes::{said, says};
use callbot_core::json::{MOST_LEVELS, Name, Scanner, Value, word};

/// The position at which a text is refused.
fn position(text: &[u8]) -> Option<usize> {
    refused(&Scanner { text, surrogates: false })
}

fn refused(scanner: &Scanner) -> Option<usize> {
    scanner.value(0, scanner.space(0)).and_then(|end| scanner.end(end)).err()
}

const ACCEPTED: [&str; 12] = [
    "0",
    "-0.50e+07",
    "1234567890123456789012345678901234567890E-999999",
    "true",
    " \t\r\n[ ] ",
    "{}",
    r#"{"":[{"a":null},[[],{}],false , -1 ]}"#,
    r#"{ "name" : "value" , "name" : 12.5 }"#,
    r#""\"\\\/\b\f\n\r\t\u00e9\uD800\uDC00\udFfF""#,
    "\"a string of more than eight characters, with \u{7f}, \u{e9}, \u{20ac} and \u{1f600} in it\"",
    r#"[1,"12345678","1234567","123456789",true]"#,
    r#"[0,[0,{"a":{"b":[{"c":1e1}]}}]]"#,
];

#[test]
fn texts_are_accepted() {
    for text in ACCEPTED {
        assert_eq!(position(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn texts_that_stop_are_refused_at_their_end() {
    for text in ACCEPTED {
        for end in 0..text.len() {
            let found = position(&text.as_bytes()[..end]);
            assert!(found.is_none_or(|found| found == end), "{:?} at {found:?}", &text.as_bytes()[..end]);
        }
    }
}

#[test]
fn a_byte_that_is_changed_is_found_where_it_cannot_follow() {
    for text in ACCEPTED {
        for at in 0..text.len() {
            for byte in 0..=255 {
                let mut changed = text.as_bytes().to_vec();
                changed[at] = byte;
                let Some(found) = position(&changed) else { continue };
                assert!(found >= at, "{changed:?} at {found}");
                assert!(position(&changed[..found]).is_none_or(|end| end == found), "{changed:?} at {found}");
                if found < changed.len() {
                    assert_eq!(position(&changed[..=found]), Some(found), "{changed:?}");
                }
            }
        }
    }
}

#[test]
fn texts_are_refused() {
    let refused: [(&str, usize); 40] = [
        ("", 0),
        (" ", 1),
        ("\u{feff}1", 0),
        ("1 1", 2),
        ("01", 1),
        ("-", 1),
        ("-a", 1),
        ("+1", 0),
        (".5", 0),
        ("1.", 2),
        ("1.e1", 2),
        ("1e", 2),
        ("1e+", 3),
        ("1e1.", 3),
        ("tru", 3),
        ("trUe", 2),
        ("nulll", 4),
        ("NaN", 0),
        ("'a'", 0),
        ("[1,]", 3),
        ("[,", 1),
        ("[1 2", 3),
        ("[1}", 2),
        ("{1", 1),
        (r#"{"a""#, 4),
        (r#"{"a","#, 4),
        (r#"{"a":}"#, 5),
        (r#"{"a":1,}"#, 7),
        (r#"{"a":1]"#, 6),
        (r#"{"a":1 "b""#, 7),
        (r#"[{"a":[1}"#, 8),
        ("[1]]", 3),
        (r#""abc"#, 4),
        ("\"a\nb\"", 2),
        ("\"1234567\u{1f}\"", 8),
        (r#""\x""#, 2),
        (r#""\u12g4""#, 5),
        (r#""\u12""#, 5),
        (r#""\"#, 2),
        ("/**/1", 0),
    ];
    for (text, at) in refused {
        assert_eq!(position(text.as_bytes()), Some(at), "{text:?}");
    }
}

#[test]
fn levels_are_counted() {
    let nested = |brackets: &dyn Fn(usize) -> (&'static str, &'static str), levels: usize| {
        let (opening, closing): (String, Vec<_>) = (0..levels).map(brackets).unzip();
        opening + "0" + &closing.into_iter().rev().collect::<String>()
    };
    let lists = |_| ("[", "]");
    let both = |level: usize| if level.is_multiple_of(3) { ("[", "]") } else { (r#"{"":"#, "}") };
    assert_eq!(position(nested(&lists, MOST_LEVELS).as_bytes()), None);
    assert_eq!(position(nested(&lists, MOST_LEVELS + 1).as_bytes()), Some(MOST_LEVELS));
    assert_eq!(position(nested(&both, MOST_LEVELS).as_bytes()), None);
    let (text, above) = (nested(&both, MOST_LEVELS + 1), nested(&both, MOST_LEVELS));
    assert_eq!(position(text.as_bytes()), above.find('0'));
    // The levels around a value count.
    let text = nested(&both, 10);
    let scanner = Scanner { text: text.as_bytes(), surrogates: false };
    assert_eq!(scanner.value(MOST_LEVELS - 10, 0), Ok(text.len()));
    assert_eq!(scanner.value(MOST_LEVELS - 9, 0), Err(nested(&both, 9).find('0').unwrap()));
}

/// Where bytes stop to be UTF-8, as the standard library knows it.
fn utf8_position(bytes: &[u8]) -> Option<usize> {
    let error = from_utf8(bytes).err()?;
    let at = error.valid_up_to();
    Some(match error.error_len() {
        None => bytes.len(),
        Some(bad) if matches!(bytes[at], 0xC2..=0xF4) => at + bad,
        Some(_) => at,
    })
}

#[test]
fn strings_are_utf8() {
    let tails = [0x22, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF];
    for first in 0x80..=0xFF_u8 {
        for second in tails {
            for (third, fourth) in tails.iter().flat_map(|third| tails.map(|fourth| (*third, fourth))) {
                let bytes = [first, second, third, fourth];
                let text = [b"\"1234", &bytes[..], b"\""].concat();
                let quote = text[1..].iter().position(|byte| *byte == b'"').unwrap() + 1;
                // Behind the string's end anything is too much.
                let wanted = utf8_position(&text[..quote]).or((quote + 1 < text.len()).then_some(quote + 1));
                // At its end a character that is not whole is refused at the quotation mark.
                assert_eq!(position(&text), wanted, "{text:x?}");
            }
        }
    }
}

#[test]
fn surrogates_are_taken_where_they_may_be() {
    for (bytes, at) in [(b"\"\xED\xA0\x80\"", 2), (b"\"\xED\xBF\xBF\"", 2)] {
        assert_eq!(position(bytes), Some(at));
        assert_eq!(refused(&Scanner { text: bytes, surrogates: true }), None);
    }
    assert_eq!(refused(&Scanner { text: b"\"\xED\xC0\x80\"", surrogates: true }), Some(2));
}

#[test]
fn what_ends_or_breaks_a_string_is_found_at_any_place() {
    for length in 0..40 {
        for at in 0..length {
            // A backslash before the last quotation mark makes that a part of the string.
            let escaped = if at + 1 == length { at + 3 } else { at + 2 };
            for (byte, refused) in [(b'"', at + 2), (0x1F, at + 1), (0, at + 1), (0xFF, at + 1), (b'\\', escaped)] {
                let mut text = [b"\"".as_slice(), &vec![b'x'; length], b"\""].concat();
                text[at + 1] = byte;
                assert_eq!(position(&text), Some(refused), "{byte} at {at} of {length}");
            }
        }
    }
}

#[test]
fn names_are_given_with_their_word() {
    let text = br#"{"":1,"a\u0062":2,"12345678":3,"123456789":4,"x":5}"#;
    let mut found = Vec::new();
    let scanner = Scanner { text, surrogates: false };
    let end = scanner.object(0, 0, |Name { inside, word: given }, at| {
        assert_eq!(given, word(inside));
        found.push((inside.to_vec(), text[at]));
        scanner.value(1, at)
    });
    assert_eq!(end, Ok(text.len()));
    let names: [(&[u8], u8); 5] =
        [(b"", b'1'), (br"a\u0062", b'2'), (b"12345678", b'3'), (b"123456789", b'4'), (b"x", b'5')];
    assert_eq!(found, names.map(|(name, value)| (name.to_vec(), value)));
    assert_eq!(word(b"12345678"), u64::from_le_bytes(*b"12345678"));
    assert_eq!(word(b"123456789"), word(b"12345678"));
    assert_eq!(word(b"ab"), 0x6261);
}

#[test]
fn strings_say_what_their_escapes_stand_for() {
    let strings: [(&str, &[u8]); 10] = [
        ("plain", b"plain"),
        (r#"\"\\\/"#, b"\"\\/"),
        (r"\b\f\n\r\t", b"\x08\x0c\n\r\t"),
        (r"\u0041\u00e9\u20AC", "A\u{e9}\u{20ac}".as_bytes()),
        (r"\ud83d\ude00", "\u{1f600}".as_bytes()),
        (r"\ud83d", b"\xED\xA0\xBD"),
        (r"\ude00\ud83d", b"\xED\xB8\x80\xED\xA0\xBD"),
        (r"\ud83d\ud83d\ude00", b"\xED\xA0\xBD\xF0\x9F\x98\x80"),
        (r"\ud83dx\ude00", b"\xED\xA0\xBDx\xED\xB8\x80"),
        (r"\ud83d\u0041", b"\xED\xA0\xBDA"),
    ];
    for (inside, wanted) in strings {
        assert_eq!(*said(inside.as_bytes()), *wanted, "{inside}");
    }
    assert!(says(b"media", b"media") && says(br"m\u0065dia", b"media"));
    assert!(!says(b"medib", b"media") && !says(br"m\u0065di", b"media"));
}

#[test]
fn a_trusted_string_ends_at_the_next_quotation_mark() {
    let scanner = Scanner { text: b"  \"ab\\\"\"", surrogates: false };
    assert_eq!(scanner.trusted_string(2), Ok(7));
    assert_eq!(scanner.inside(Value { start: 2, end: 7 }), b"ab\\");
    assert_eq!(scanner.trusted_string(7), Err(8));
}
