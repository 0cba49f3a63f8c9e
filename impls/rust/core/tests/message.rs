//! Messages of the three formats: what they say, what is refused where, and that trust is never misplaced.

use callbot_core::decode::decode;
use callbot_core::kernels::scalar::SCALAR;
use callbot_core::message::Format::{Callbot, OpenAi, Twilio};
use callbot_core::message::{Audio, Encoding, Event, Format, Message, Reader, Refusal, Track};

const CALLBOT: &str =
    r#"{"event":"media","call_id":"c1","seq":7,"media":{"payload":"AAEC","encoding":"pcm16","rate":8000}}"#;
const TWILIO: &str = r#"{"event":"media","sequenceNumber":"4","media":{"track":"inbound","chunk":"2","payload":"AAEC"},"streamSid":"MZ1"}"#;
const OPENAI: &str = r#"{"type":"input_audio_buffer.append","audio":"AAEC"}"#;
const STREAM: &str = r#"{"event":"start","streamSid":"MZ1","start":{"mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},"tracks":["outbound"]}}"#;

fn reader(format: Format, text: &str) -> Reader<'_> {
    Reader { text: text.as_bytes(), format, call_id: None, surrogates: false, trusting: false }
}

fn read(format: Format, text: &str) -> Message {
    let read = reader(format, text).message();
    read.unwrap_or_else(|refusal| panic!("{text}: {refusal:?}"))
}

/// What is refused: whether for its JSON, and where.
fn refused(reader: &Reader) -> Option<(bool, usize)> {
    Some(match reader.message().err()? {
        Refusal::Json { position } => (true, position),
        Refusal::Message { position, .. } => (false, position),
    })
}

/// What the text of a value is.
fn of(text: &str, value: callbot_core::json::Value) -> &str {
    &text[value.start..value.end]
}

#[test]
fn messages_with_audio() {
    let read_callbot = read(Callbot, CALLBOT);
    assert_eq!((read_callbot.event, read_callbot.sequence), (Event::Appended, Some(7)));
    assert_eq!((of(CALLBOT, read_callbot.id), of(CALLBOT, read_callbot.payload)), (r#""c1""#, r#""AAEC""#));
    let told = Audio { encoding: Some(Encoding::Pcm16), rate: Some(8000), track: None };
    assert_eq!(read_callbot.audio, told);

    let read_twilio = read(Twilio, TWILIO);
    assert_eq!((read_twilio.event, read_twilio.sequence), (Event::Appended, Some(4)));
    assert_eq!((of(TWILIO, read_twilio.id), of(TWILIO, read_twilio.payload)), (r#""MZ1""#, r#""AAEC""#));
    assert_eq!(read_twilio.audio, Audio { track: Some(Track::Inbound), ..Audio::default() });

    let read_openai = read(OpenAi, OPENAI);
    assert_eq!((read_openai.event, read_openai.sequence), (Event::Appended, None));
    assert!(read_openai.id.is_missing());
    assert_eq!(of(OPENAI, read_openai.payload), r#""AAEC""#);
}

#[test]
fn messages_without_audio() {
    let text = r#"{"event":"start","call_id":"c1","media":{"encoding":"mulaw","rate":192000}}"#;
    let start = read(Callbot, text);
    assert_eq!((start.event, start.sequence), (Event::Opened, None));
    assert_eq!((start.audio.encoding, start.audio.rate), (Some(Encoding::Mulaw), Some(192_000)));
    let started = Audio { encoding: Some(Encoding::Mulaw), rate: Some(8000), track: Some(Track::Outbound) };
    assert_eq!((read(Twilio, STREAM).event, read(Twilio, STREAM).audio), (Event::Opened, started));
    let bare = r#"{"event":"start","streamSid":"MZ1","start":{"mediaFormat":{"encoding":"audio\/x-mulaw"}}}"#;
    assert_eq!(read(Twilio, bare).audio, Audio { track: Some(Track::Inbound), ..started });
    let stop = read(Callbot, r#"{"event":"stop","call_id":"c1","seq":"8"}"#);
    assert_eq!((stop.event, stop.sequence), (Event::Closed, None));
    let mark = r#"{"event":"mark","streamSid":"MZ1","sequenceNumber":"009"}"#;
    let other = read(Twilio, mark);
    assert_eq!((other.event, of(mark, other.id), other.sequence), (Event::Other, r#""MZ1""#, Some(9)));
    let unnamed = read(Twilio, r#"{"event":"connected","streamSid":""}"#);
    assert!(unnamed.event == Event::Other && unnamed.id.is_missing());
    assert_eq!(read(OpenAi, r#"{"type":"session.update","audio":5}"#).event, Event::Other);
}

#[test]
fn names_and_values_may_be_escaped_and_the_last_of_a_name_counts() {
    for text in [
        r#"{"event":"stop","call_id":"c1","seq":7,"media":5,"ev\u0065nt":"m\u0065dia","media":{"encoding":"pcm16","rate":8000,"payload":"AAEC"}}"#,
        r#" { "media" : {"payload":1,"p\u0061yload":"AAEC","encoding":"pcm16","rate":8000} , "seq":7 , "call_id":"c1" , "event":"media" } "#,
    ] {
        let message = read(Callbot, text);
        assert_eq!((message.event, of(text, message.payload)), (Event::Appended, r#""AAEC""#));
    }
    // A later `media` leaves nothing of one before.
    let text = &CALLBOT.replace(r#""seq""#, r#""media":{"payload":"AAAA","encoding":"mulaw","rate":5},"seq""#);
    assert_eq!(read(Callbot, text).audio, read(Callbot, CALLBOT).audio);
    let text = &CALLBOT.replace("}}", r#"},"media":{}}"#);
    assert_eq!(refused(&reader(Callbot, text)), Some((false, text.len() - 3)));
    // What looks like a name to a hurried reader.
    for name in [r"event\u0000", r"\u0000event", "Event", "event ", r"\\event", "sequenceNumbers", "encodings"] {
        let text = CALLBOT.replace("}}", &format!(r#"}},"{name}":"stop"}}"#));
        assert_eq!(read(Callbot, &text).event, Event::Appended, "{text}");
    }
}

#[test]
fn what_is_wrong_is_refused_where_it_is() {
    let table: [(Format, &str, &str, &str, &str); 40] = [
        // The format, a message, what is replaced in it, by what, and what stands at the position.
        (Callbot, CALLBOT, CALLBOT, " [1]", "[1]"),
        (Callbot, CALLBOT, r#""event""#, r#""Event""#, "{"),
        (Callbot, CALLBOT, r#""media","#, "5,", "5,"),
        (Callbot, CALLBOT, r#""c1""#, r#""""#, r#""","#),
        (Callbot, CALLBOT, r#""call_id":"c1","#, "", "{"),
        (Callbot, CALLBOT, ":7", ":-1", "-1"),
        (Callbot, CALLBOT, ":7", ":7.0", "7.0"),
        (Callbot, CALLBOT, ":7", ":7e0", "7e0"),
        (Callbot, CALLBOT, ":7", ":18446744073709551616", "18446"),
        (Callbot, CALLBOT, ":7", r#":"7""#, r#""7""#),
        (Callbot, CALLBOT, r#""seq""#, r#""sequence""#, "{"),
        (Callbot, CALLBOT, r#"media":{"#, r#"media":1,"x":{"#, "1,"),
        (Callbot, CALLBOT, r#"media":{"#, r#"mediums":{"#, "{\"event"),
        (Callbot, CALLBOT, "payload", "payl", "{\"payl"),
        (Callbot, CALLBOT, r#""AAEC""#, "null", "null"),
        (Callbot, CALLBOT, "pcm16", "pcm", r#""pcm""#),
        (Callbot, CALLBOT, "8000", "0", "0"),
        (Callbot, CALLBOT, "8000", "192001", "192001"),
        (Callbot, CALLBOT, "8000", r#""8000""#, r#""8000""#),
        (Callbot, CALLBOT, r#","rate":8000"#, "", r#"{"payload"#),
        (Twilio, TWILIO, r#""4""#, "4", "4,"),
        (Twilio, TWILIO, r#""4""#, r#""""#, r#""","#),
        (Twilio, TWILIO, r#""4""#, r#""000000000000000000004""#, r#""0000"#),
        (Twilio, TWILIO, r#""4""#, r#""99999999999999999999""#, r#""9999"#),
        (Twilio, TWILIO, "inbound", "both", r#""both""#),
        (Twilio, TWILIO, "\"track\"", "\"tracks\"", "{\"tracks"),
        (Twilio, TWILIO, r#""MZ1""#, "{}", "{}}"),
        (Twilio, STREAM, r#""start":{"#, r#""started":{"#, "{"),
        (Twilio, STREAM, "mediaFormat", "format", "{\"format"),
        (Twilio, STREAM, "x-mulaw", "x-alaw", r#""audio"#),
        (Twilio, STREAM, "8000", "8000.0", "8000.0"),
        (Twilio, STREAM, "8000", r#""""#, r#""""#),
        (Twilio, STREAM, ":1}", ":2}", "2}"),
        (Twilio, STREAM, ":1}", ":1.0}", "1.0}"),
        (Twilio, STREAM, r#"["outbound"]"#, r#"["inbound","outbound"]"#, "["),
        (Twilio, STREAM, r#"["outbound"]"#, "[]", "[]"),
        (Twilio, STREAM, r#"["outbound"]"#, r#""outbound""#, r#""outbound""#),
        (OpenAi, OPENAI, "type", "event", "{"),
        (OpenAi, OPENAI, "\"AAEC\"", "[]", "[]"),
        (OpenAi, OPENAI, "audio\"", "sound\"", "{"),
    ];
    for (format, message, old, new, there) in table {
        assert!(message.contains(old), "{old} is not in {message}");
        let text = message.replacen(old, new, 1);
        let Some((false, position)) = refused(&reader(format, &text)) else { panic!("{text}") };
        assert!(text[position..].starts_with(there), "{text} at {position}");
    }
}

#[test]
fn numbers_may_be_written_in_several_ways() {
    assert_eq!(read(Callbot, &CALLBOT.replace(":7", ":-0")).sequence, Some(0));
    assert_eq!(read(Callbot, &CALLBOT.replace(":7", ":18446744073709551615")).sequence, Some(u64::MAX));
    assert_eq!(read(Twilio, &TWILIO.replace(r#""4""#, r#""00000000000000000004""#)).sequence, Some(4));
    let text = STREAM.replace(":1}", r#":"01"}"#).replace("8000", r#""016000""#);
    assert_eq!(read(Twilio, &text).audio.rate, Some(16_000));
}

#[test]
fn the_order_of_the_checks_is_that_of_the_contract() {
    // From the last to the first, each is made wrong, and found before those behind it.
    let mut text = CALLBOT.to_owned();
    for (old, new) in [
        ("8000", "170000000"),
        ("\"pcm16\"", "16"),
        ("\"AAEC\"", "15"),
        (":7", ":-14"),
        ("\"c1\"", "13"),
        ("\"media\",", "12,"),
    ] {
        text = text.replacen(old, new, 1);
        let at = text.find(new.trim_matches([':', ',']));
        assert_eq!(refused(&reader(Callbot, &text)).map(|(json, at)| (json, Some(at))), Some((false, at)), "{text}");
    }
    text.push(']');
    assert_eq!(refused(&reader(Callbot, &text)), Some((true, text.len() - 1)));
}

#[test]
fn only_the_call_of_the_connection_may_be_named() {
    for (format, text, id) in
        [(Callbot, CALLBOT, "c1"), (Twilio, TWILIO, "MZ1"), (Twilio, r#"{"event":"mark","streamSid":"MZ1"}"#, "MZ1")]
    {
        let only = |call_id| Reader { call_id: Some(call_id), ..reader(format, text) };
        assert_eq!(refused(&only(id.as_bytes())), None);
        let at = text.find(&format!("\"{id}\"")).unwrap();
        for other in ["", "c", "c11", "MZ2", r"\u0063\u0031"] {
            assert_eq!(refused(&only(other.as_bytes())), Some((false, at)), "{text} for {other}");
        }
    }
    let text = CALLBOT.replace("c1", r"\u0063\ud800");
    assert_eq!(refused(&Reader { call_id: Some(b"c\xED\xA0\x80"), ..reader(Callbot, &text) }), None);
}

#[test]
fn audio_is_compared_with_what_the_call_was_started_with() {
    let message = read(Callbot, CALLBOT);
    let started = message.audio;
    assert_eq!(message.require(started), Ok(()));
    assert_eq!(message.require(Audio::default()), Ok(()));
    let position = |refused: Result<(), Refusal>| match refused {
        Err(Refusal::Message { position, .. }) => &CALLBOT[position..position + 4],
        _ => "",
    };
    let other = Audio { encoding: Some(Encoding::Mulaw), rate: Some(16_000), track: Some(Track::Inbound) };
    assert_eq!(position(message.require(other)), "\"pcm");
    assert_eq!(position(message.require(Audio { encoding: started.encoding, ..other })), "8000");
    assert_eq!(message.require(Audio { track: other.track, ..started }), Ok(()));
    let other = Audio { track: Some(Track::Outbound), ..Audio::default() };
    assert!(read(Twilio, TWILIO).require(other).is_err());
}

#[test]
fn trust_that_proves_right_changes_nothing() {
    let insertions = [
        "\"",
        "\\",
        "\\\"",
        ",",
        "}",
        "{",
        "\\u0041",
        "\n",
        "\u{e9}",
        "AAEC",
        "=",
        r#"","payload":"AAEC"#,
        r#"","payload":"AA\"EC"#,
        r#"","payload":5,"x":""#,
        r#"},"media":{"payload":"AAEC"#,
        r#"","audio":"AAEC"#,
        r#"","audio":"\"",":":""#,
    ];
    let mut agreed = 0;
    for (format, text) in [(Callbot, CALLBOT), (Twilio, TWILIO), (OpenAi, OPENAI), (Twilio, STREAM)] {
        for (at, removed) in
            (0..=text.len()).flat_map(|at| (0..3.min(text.len() - at)).map(move |removed| (at, removed)))
        {
            for insertion in insertions {
                let changed = [&text[..at], insertion, &text[at + removed..]].concat();
                let exact = reader(format, &changed);
                let trusting = Reader { trusting: true, ..exact };
                let Ok(message) = trusting.message() else { continue };
                let payload = trusting.scanner().inside(message.payload);
                if message.event == Event::Appended && decode(&SCALAR, payload).is_ok() {
                    assert_eq!(exact.message().as_ref(), Ok(&message), "{changed}");
                    agreed += 1;
                }
            }
        }
    }
    assert!(agreed > 500, "{agreed}");
}

#[test]
fn trust_is_given_once() {
    for text in [
        CALLBOT.replace("\"payload\"", r#""payload":"\"","payload""#),
        CALLBOT.replace("\"media\":{", r#""media":{"payload":"x"},"media":{"#),
        OPENAI.replace("\"audio\"", r#""audio":"x","audio""#),
    ] {
        let format = if text.contains("type") { OpenAi } else { Callbot };
        assert!(Reader { trusting: true, ..reader(format, &text) }.message().is_err(), "{text}");
        read(format, &text);
    }
}

#[test]
fn formats_have_names() {
    let names = ["callbot", "twilio", "openai", "Callbot", ""].map(|name| Format::named(name.as_bytes()));
    assert_eq!(names, [Some(Callbot), Some(Twilio), Some(OpenAi), None, None]);
}
