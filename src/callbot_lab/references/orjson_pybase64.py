"""orjson and pybase64 with validation: what is written where both are known to be slow in the standard library."""

from importlib.metadata import version

import orjson

from .bare_pybase64 import BUILD as _DECODER
from .bare_pybase64 import decode

__all__ = ["BUILD", "decode", "parsers"]

parsers = dict.fromkeys(("callbot", "twilio", "openai"), orjson.loads)

BUILD = {
    **_DECODER,
    "language": "rust, c",
    "version": f"orjson {version('orjson')}, pybase64 {_DECODER['version']}",
}
