//! What the messages of voice services say: docs/contract.md, `AudioProcessor.ingest`.

use crate::json::{Kind, Scanner, Value, said};
use crate::members::{Members, Place};

const DEFAULT_RATE: u32 = 8_000;
const MOST_RATE: u64 = 192_000;
const MOST_DIGITS: usize = 20;

/// A service's way to write messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Callbot,
    Twilio,
    OpenAi,
}

impl Format {
    /// The format of a name.
    pub fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"callbot" => Some(Self::Callbot),
            b"twilio" => Some(Self::Twilio),
            b"openai" => Some(Self::OpenAi),
            _ => None,
        }
    }
}

/// How samples are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Pcm16,
    Mulaw,
}

/// Whose voice it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Track {
    Inbound,
    Outbound,
}

/// What is told of audio, as far as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audio {
    pub encoding: Option<Encoding>,
    pub rate: Option<u32>,
    pub track: Option<Track>,
}

/// What a message does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Opened,
    Appended,
    Closed,
    Other,
}

/// A message, understood.
#[derive(Debug)]
pub struct Message {
    pub event: Event,
    pub name: Value,
    pub id: Value, // missing where it names no call
    pub sequence: Option<u64>,
    pub audio: Audio,
    pub payload: Value,
    told_at: [usize; 3], // where encoding, rate and track are told
}

impl Message {
    /// Refuse audio that is not what its call was started with, as far as both are told.
    #[inline]
    pub fn require(&self, started: Audio) -> Result<(), Refusal> {
        if differ(self.audio.encoding, started.encoding) {
            return Err(wrong(self.told_at[0], "encoding is not that of the call's start"));
        }
        if differ(self.audio.rate, started.rate) {
            return Err(wrong(self.told_at[1], "rate is not that of the call's start"));
        }
        if differ(self.audio.track, started.track) {
            return Err(wrong(self.told_at[2], "track is not that of the call's start"));
        }
        Ok(())
    }
}

#[inline]
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.is_some() && other.is_some() && one != other
}

/// Why a text is refused, and where.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    Json { position: usize },
    Message { position: usize, why: String },
}

#[cold]
fn wrong(position: usize, why: impl Into<String>) -> Refusal {
    Refusal::Message { position, why: why.into() }
}

/// How a text is to be read.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    pub text: &'a [u8],
    pub format: Format,
    /// The only call that the message may name, in UTF-8 with surrogates.
    pub call_id: Option<&'a [u8]>,
    /// Whether there may be surrogates in the UTF-8, each encoded as if it were a character.
    pub surrogates: bool,
    /// Pass the payload without a look at it. What is read counts only if it is a message with audio whose payload
    /// turns out to be canonical base64. That has no quotation marks, backslashes, control and other characters, so
    /// the payload ends where it seemed to; and it is the only string that was passed like that.
    pub trusting: bool,
}

impl Reader<'_> {
    /// Read the message.
    #[inline]
    pub fn message(&self) -> Result<Message, Refusal> {
        let mut members = Members::new();
        let top = members.scan(self).map_err(json)?;
        if top.kind != Kind::Object {
            return Err(wrong(top.start, "a message is an object"));
        }
        let told_at = [Place::Encoding, Place::Rate, Place::Track].map(|place| members.of(place).start);
        let event = if self.format == Format::OpenAi { "type" } else { "event" };
        let name = want(members.of(Place::Event), top, event, "a string", string)?;
        let mut message = Message {
            event: Event::Other,
            name,
            id: Value::MISSING,
            sequence: None,
            audio: Audio::default(),
            payload: Value::MISSING,
            told_at,
        };
        let name = said(self.text, name);
        match self.format {
            Format::Callbot => self.read_callbot(&mut message, &name, &members, top)?,
            Format::Twilio => self.read_twilio(&mut message, &name, &members, top)?,
            Format::OpenAi if *name == *b"input_audio_buffer.append" => {
                message.event = Event::Appended;
                message.payload = want(members.of(Place::Payload), top, "audio", "a string", string)?;
            }
            Format::OpenAi => {}
        }
        Ok(message)
    }

    #[inline]
    fn read_callbot(&self, message: &mut Message, event: &[u8], members: &Members, top: Value) -> Result<(), Refusal> {
        let (id, media) = (members.of(Place::Id), members.of(Place::Media));
        let sequence = self.number(members.of(Place::Sequence));
        message.sequence = sequence;
        match event {
            b"start" => {
                message.event = Event::Opened;
                message.id = self.id(id, top, "call_id")?;
                want(media, top, "media", "an object", object)?;
                message.audio = self.described(members)?;
            }
            b"media" => {
                message.event = Event::Appended;
                message.id = self.id(id, top, "call_id")?;
                want(members.of(Place::Sequence), top, "seq", "a sequence number", |_| sequence)?;
                want(media, top, "media", "an object", object)?;
                message.payload = want(members.of(Place::Payload), media, "media.payload", "a string", string)?;
                message.audio = self.described(members)?;
            }
            b"stop" => {
                message.event = Event::Closed;
                message.id = self.id(id, top, "call_id")?;
            }
            _ => message.id = self.id_if_any(id, top, "call_id")?,
        }
        Ok(())
    }

    #[inline]
    fn read_twilio(&self, message: &mut Message, event: &[u8], members: &Members, top: Value) -> Result<(), Refusal> {
        let (id, media) = (members.of(Place::Id), members.of(Place::Media));
        let sequence = self.digits(members.of(Place::Sequence));
        message.sequence = sequence;
        match event {
            b"start" => {
                message.event = Event::Opened;
                message.id = self.id(id, top, "streamSid")?;
                message.audio = self.started(want(members.of(Place::Start), top, "start", "an object", object)?)?;
            }
            b"media" => {
                message.event = Event::Appended;
                message.id = self.id(id, top, "streamSid")?;
                want(members.of(Place::Sequence), top, "sequenceNumber", "a sequence number", |_| sequence)?;
                want(media, top, "media", "an object", object)?;
                let (track, two) = (members.of(Place::Track), "inbound or outbound");
                message.audio.track = Some(want(track, media, "media.track", two, |value| self.track(value))?);
                message.payload = want(members.of(Place::Payload), media, "media.payload", "a string", string)?;
            }
            b"stop" => {
                message.event = Event::Closed;
                message.id = self.id(id, top, "streamSid")?;
            }
            _ => message.id = self.id_if_any(id, top, "streamSid")?,
        }
        Ok(())
    }

    /// What a callbot's `media` tells of the audio.
    #[inline]
    fn described(&self, members: &Members) -> Result<Audio, Refusal> {
        let (media, two) = (members.of(Place::Media), "pcm16 or mulaw");
        let encoding = want(members.of(Place::Encoding), media, "media.encoding", two, |value| self.encoding(value))?;
        let rate = |value| rate(self.number(value));
        let rate = want(members.of(Place::Rate), media, "media.rate", "a whole number from 1 to 192000", rate)?;
        Ok(Audio { encoding: Some(encoding), rate: Some(rate), track: None })
    }

    /// What a Twilio stream's `start` tells of the audio.
    #[cold]
    fn started(&self, start: Value) -> Result<Audio, Refusal> {
        let (mut media, mut tracks) = (Value::MISSING, Value::MISSING);
        self.each(start, |name, value| match name {
            b"mediaFormat" => media = value,
            b"tracks" => tracks = value,
            _ => {}
        })?;
        want(media, start, "start.mediaFormat", "an object", object)?;
        let (mut encoding, mut channels, mut samples) = (Value::MISSING, Value::MISSING, Value::MISSING);
        self.each(media, |name, value| match name {
            b"encoding" => encoding = value,
            b"channels" => channels = value,
            b"sampleRate" => samples = value,
            _ => {}
        })?;
        let mulaw = |value| (*said(self.text, string(value)?) == *b"audio/x-mulaw").then_some(Encoding::Mulaw);
        let encoding = want(encoding, media, "encoding", "audio/x-mulaw", mulaw)?;
        let one = |value| self.count(value).filter(|&count| count == 1);
        want_if_any(channels, "channels", "1", one)?;
        let rate = |value| rate(self.count(value));
        let rate = want_if_any(samples, "sampleRate", "a whole number from 1 to 192000", rate)?;
        let track = |value| self.only_track(value);
        let track = want_if_any(tracks, "start.tracks", "a list of one of inbound and outbound", track)?;
        Ok(Audio {
            encoding: Some(encoding),
            rate: Some(rate.unwrap_or(DEFAULT_RATE)),
            track: Some(track.unwrap_or(Track::Inbound)),
        })
    }

    /// Give names and values of an object to a function. It was passed before, so its levels are within the bounds.
    fn each(&self, object: Value, mut member: impl FnMut(&[u8], Value)) -> Result<(), Refusal> {
        let mut scanner = Scanner::new(self.text, object.start, self.surrogates);
        let passed = scanner.object(0, |scanner, name| {
            let value = scanner.value(1)?;
            member(&said(self.text, name), value);
            Ok(())
        });
        passed.map(drop).map_err(json)
    }

    /// The track of a list of one.
    fn only_track(&self, tracks: Value) -> Option<Track> {
        if tracks.kind != Kind::List {
            return None;
        }
        let (mut track, mut items) = (None, 0);
        let mut scanner = Scanner::new(self.text, tracks.start, self.surrogates);
        let passed = scanner.list(0, |scanner| {
            track = self.track(scanner.value(1)?);
            items += 1;
            Ok(())
        });
        track.filter(|_| items == 1 && passed.is_ok())
    }

    /// An id, which has to be that of the only call that may be named.
    #[inline]
    fn id(&self, id: Value, top: Value, name: &str) -> Result<Value, Refusal> {
        let id = want(id, top, name, "a string that is not empty", filled)?;
        match self.call_id {
            Some(only) if *said(self.text, id) != *only => {
                Err(wrong(id.start, format!("{name} is not that of the connection's call")))
            }
            _ => Ok(id),
        }
    }

    /// The same, missing if it is no id.
    fn id_if_any(&self, id: Value, top: Value, name: &str) -> Result<Value, Refusal> {
        if filled(id).is_some() { self.id(id, top, name) } else { Ok(Value::MISSING) }
    }

    fn encoding(&self, value: Value) -> Option<Encoding> {
        match &*said(self.text, string(value)?) {
            b"pcm16" => Some(Encoding::Pcm16),
            b"mulaw" => Some(Encoding::Mulaw),
            _ => None,
        }
    }

    fn track(&self, value: Value) -> Option<Track> {
        match &*said(self.text, string(value)?) {
            b"inbound" => Some(Track::Inbound),
            b"outbound" => Some(Track::Outbound),
            _ => None,
        }
    }

    /// A number without sign, fraction and exponent; `-0` is one too.
    fn number(&self, value: Value) -> Option<u64> {
        if value.kind != Kind::Number {
            return None;
        }
        match &self.text[value.start..value.end] {
            b"-0" => Some(0),
            number => whole(number),
        }
    }

    /// A string of not too many digits.
    fn digits(&self, value: Value) -> Option<u64> {
        let digits = said(self.text, string(value)?);
        if digits.len() <= MOST_DIGITS { whole(&digits) } else { None }
    }

    /// A number or a string of digits.
    fn count(&self, value: Value) -> Option<u64> {
        if value.kind == Kind::String { whole(&said(self.text, value)) } else { self.number(value) }
    }
}

/// What a function makes of a member of an object.
#[inline]
fn want<T>(
    value: Value,
    object: Value,
    name: &str,
    what: &str,
    read: impl FnOnce(Value) -> Option<T>,
) -> Result<T, Refusal> {
    match read(value) {
        Some(wanted) if value.kind != Kind::Missing => Ok(wanted),
        _ => Err(unwanted(value, object, name, what)),
    }
}

#[cold]
fn unwanted(value: Value, object: Value, name: &str, what: &str) -> Refusal {
    if value.kind == Kind::Missing {
        return wrong(object.start, format!("{name} is missing"));
    }
    wrong(value.start, format!("{name} is not {what}"))
}

/// The same for a member that may be missing.
fn want_if_any<T>(
    value: Value,
    name: &str,
    what: &str,
    read: impl FnOnce(Value) -> Option<T>,
) -> Result<Option<T>, Refusal> {
    if value.kind == Kind::Missing {
        return Ok(None);
    }
    want(value, value, name, what, read).map(Some)
}

#[inline]
fn string(value: Value) -> Option<Value> {
    (value.kind == Kind::String).then_some(value)
}

#[inline]
fn filled(value: Value) -> Option<Value> {
    string(value).filter(|value| value.end - value.start > 2)
}

#[inline]
fn object(value: Value) -> Option<Value> {
    (value.kind == Kind::Object).then_some(value)
}

fn rate(number: Option<u64>) -> Option<u32> {
    number.filter(|number| (1..=MOST_RATE).contains(number)).map(|number| number as u32)
}

/// The number that digits name.
#[inline]
fn whole(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

#[cold]
fn json(position: usize) -> Refusal {
    Refusal::Json { position }
}
