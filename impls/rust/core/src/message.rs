//! What the messages of voice services say: docs/contract.md, `AudioProcessor.ingest`.

use crate::escapes::{said, says};
use crate::json::{Scanner, Value};
use crate::members::{Members, Place};
use crate::values::{count, digits, encoding, filled, is_object, rate, string, track, whole_number};

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
#[derive(Debug, PartialEq, Eq)]
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

#[cold]
fn no_json(position: usize) -> Refusal {
    Refusal::Json { position }
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

impl<'a> Reader<'a> {
    #[inline]
    pub fn scanner(&self) -> Scanner<'a> {
        Scanner { text: self.text, surrogates: self.surrogates }
    }

    /// Read the message.
    #[inline]
    pub fn message(&self) -> Result<Message, Refusal> {
        let mut members = Members::new();
        let top = members.scan(self).map_err(no_json)?;
        Checks { text: self.scanner(), reader: self, members, top }.message()
    }
}

/// What a format asks for, in its order, once the text is known to be JSON.
struct Checks<'a> {
    text: Scanner<'a>,
    reader: &'a Reader<'a>,
    members: Members,
    top: Value,
}

impl Checks<'_> {
    #[inline]
    fn message(&self) -> Result<Message, Refusal> {
        if !is_object(self.text, self.top) {
            return Err(wrong(self.top.start, "a message is an object"));
        }
        let format = self.reader.format;
        let name = self.members.of(Place::Event);
        let mut message = Message {
            event: Event::Other,
            name,
            id: Value::MISSING,
            sequence: None,
            audio: Audio::default(),
            payload: Value::MISSING,
            told_at: [Place::Encoding, Place::Rate, Place::Track].map(|place| self.members.of(place).start),
        };
        let member = if format == Format::OpenAi { "type" } else { "event" };
        let name = want(string(self.text, name), name, self.top, member, "a string")?;
        message.event = event(format, name);
        if format == Format::OpenAi {
            if message.event == Event::Appended {
                message.payload = self.payload(self.top, "audio")?;
            }
            return Ok(message);
        }
        if message.event == Event::Other {
            message.id = self.id_if_any()?;
        } else {
            message.id = self.id()?;
        }
        message.sequence = self.sequence();
        match (format, message.event) {
            (Format::Callbot, Event::Opened) => {
                self.media()?;
                message.audio = self.described()?;
            }
            (Format::Callbot, Event::Appended) => {
                self.require_sequence(message.sequence, "seq")?;
                message.payload = self.payload(self.media()?, "media.payload")?;
                message.audio = self.described()?;
            }
            (Format::Twilio, Event::Opened) => message.audio = self.started()?,
            (Format::Twilio, Event::Appended) => {
                self.require_sequence(message.sequence, "sequenceNumber")?;
                let (media, place) = (self.media()?, self.members.of(Place::Track));
                let track = want(track(self.text, place), place, media, "media.track", "inbound or outbound")?;
                message.audio.track = Some(track);
                message.payload = self.payload(media, "media.payload")?;
            }
            _ => {}
        }
        Ok(message)
    }

    /// The id of the message's call, which has to be the only one that it may name.
    #[inline]
    fn id(&self) -> Result<Value, Refusal> {
        let (id, name) = (self.members.of(Place::Id), self.id_name());
        let inside = want(filled(self.text, id), id, self.top, name, "a string that is not empty")?;
        match self.reader.call_id {
            Some(only) if *said(inside) != *only => {
                Err(wrong(id.start, format!("{name} is not that of the connection's call")))
            }
            _ => Ok(id),
        }
    }

    /// The same, missing if it is no id.
    fn id_if_any(&self) -> Result<Value, Refusal> {
        if filled(self.text, self.members.of(Place::Id)).is_none() {
            return Ok(Value::MISSING);
        }
        self.id()
    }

    #[inline]
    fn id_name(&self) -> &'static str {
        if self.reader.format == Format::Callbot { "call_id" } else { "streamSid" }
    }

    #[inline]
    fn sequence(&self) -> Option<u64> {
        let value = self.members.of(Place::Sequence);
        if self.reader.format == Format::Callbot { whole_number(self.text, value) } else { digits(self.text, value) }
    }

    #[inline]
    fn require_sequence(&self, sequence: Option<u64>, name: &str) -> Result<(), Refusal> {
        want(sequence, self.members.of(Place::Sequence), self.top, name, "a sequence number").map(drop)
    }

    #[inline]
    fn media(&self) -> Result<Value, Refusal> {
        let media = self.members.of(Place::Media);
        want(is_object(self.text, media).then_some(media), media, self.top, "media", "an object")
    }

    #[inline]
    fn payload(&self, object: Value, name: &str) -> Result<Value, Refusal> {
        let payload = self.members.of(Place::Payload);
        want(string(self.text, payload).map(|_| payload), payload, object, name, "a string")
    }

    /// What a callbot's `media` tells of the audio.
    #[inline]
    fn described(&self) -> Result<Audio, Refusal> {
        let place = |place| (self.members.of(place), self.members.of(Place::Media));
        let (value, media) = place(Place::Encoding);
        let encoding = want(encoding(self.text, value), value, media, "media.encoding", "pcm16 or mulaw")?;
        let (value, media) = place(Place::Rate);
        let rate = want(rate(whole_number(self.text, value)), value, media, "media.rate", A_RATE)?;
        Ok(Audio { encoding: Some(encoding), rate: Some(rate), track: None })
    }

    /// What a Twilio stream's `start` tells of the audio.
    #[cold]
    fn started(&self) -> Result<Audio, Refusal> {
        let text = self.text;
        let start = self.members.of(Place::Start);
        want(is_object(text, start).then_some(()), start, self.top, "start", "an object")?;
        let [media, tracks] = self.each(start, [b"mediaFormat", b"tracks"])?;
        want(is_object(text, media).then_some(()), media, start, "start.mediaFormat", "an object")?;
        let [encoding, channels, samples] = self.each(media, [b"encoding", b"channels", b"sampleRate"])?;
        let mulaw = string(text, encoding).filter(|inside| says(inside, b"audio/x-mulaw"));
        want(mulaw, encoding, media, "encoding", "audio/x-mulaw")?;
        if !channels.is_missing() {
            want(count(text, channels).filter(|&count| count == 1), channels, media, "channels", "1")?;
        }
        let rate = match samples.is_missing() {
            true => DEFAULT_RATE,
            false => want(rate(count(text, samples)), samples, media, "sampleRate", A_RATE)?,
        };
        let track = match tracks.is_missing() {
            true => Track::Inbound,
            false => want(self.only_track(tracks), tracks, start, "start.tracks", "a list of inbound or of outbound")?,
        };
        Ok(Audio { encoding: Some(Encoding::Mulaw), rate: Some(rate), track: Some(track) })
    }

    /// The members of these names of an object that was passed before.
    fn each<const N: usize>(&self, object: Value, names: [&[u8]; N]) -> Result<[Value; N], Refusal> {
        let mut values = [Value::MISSING; N];
        let passed = self.text.object(0, object.start, |name, start| {
            let end = self.text.value(1, start)?;
            if let Some(index) = names.iter().position(|known| says(name.inside, known)) {
                values[index] = Value { start, end };
            }
            Ok(end)
        });
        passed.map(|_| values).map_err(no_json)
    }

    /// The track of a list of one.
    fn only_track(&self, tracks: Value) -> Option<Track> {
        let (mut only, mut items) = (None, 0);
        let passed = self.text.list(0, tracks.start, |start| {
            let end = self.text.value(1, start)?;
            only = track(self.text, Value { start, end });
            items += 1;
            Ok(end)
        });
        only.filter(|_| items == 1 && passed.is_ok())
    }
}

const DEFAULT_RATE: u32 = 8_000;
const A_RATE: &str = "a whole number from 1 to 192000";

/// What an event does.
#[inline]
fn event(format: Format, name: &[u8]) -> Event {
    let says = |event: &[u8]| says(name, event);
    match format {
        Format::OpenAi if says(b"input_audio_buffer.append") => Event::Appended,
        Format::OpenAi => Event::Other,
        _ if says(b"media") => Event::Appended,
        _ if says(b"start") => Event::Opened,
        _ if says(b"stop") => Event::Closed,
        _ => Event::Other,
    }
}

/// What was made of a member of an object, or the refusal of the member.
#[inline]
fn want<T>(made: Option<T>, value: Value, object: Value, name: &str, what: &str) -> Result<T, Refusal> {
    made.ok_or_else(|| unwanted(value, object, name, what))
}

#[cold]
fn unwanted(value: Value, object: Value, name: &str, what: &str) -> Refusal {
    if value.is_missing() {
        return wrong(object.start, format!("{name} is missing"));
    }
    wrong(value.start, format!("{name} is not {what}"))
}
