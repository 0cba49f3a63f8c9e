"""msgspec with typed structures, and pybase64 with validation.

The structures have what leads to the payload and nothing else, since a parser is the faster the less it has to make:
members that they do not name are passed over, and what an implementation checks of them is not checked here.
"""

from importlib.metadata import version

import msgspec

from .bare_pybase64 import BUILD as _DECODER
from .bare_pybase64 import decode

__all__ = ["BUILD", "decode", "parsers"]


class Media(msgspec.Struct, gc=False):
    """What callbot and Twilio have around a payload."""

    payload: str


class MediaMessage(msgspec.Struct, gc=False):
    """A message with audio of callbot or Twilio."""

    media: Media


class AppendMessage(msgspec.Struct, gc=False):
    """A message with audio of OpenAI."""

    audio: str


parsers = {
    "callbot": msgspec.json.Decoder(MediaMessage).decode,
    "twilio": msgspec.json.Decoder(MediaMessage).decode,
    "openai": msgspec.json.Decoder(AppendMessage).decode,
}

BUILD = {**_DECODER, "version": f"msgspec {version('msgspec')}, pybase64 {_DECODER['version']}"}
