"""Gives an implementation whole messages that end, or begin, at the edge of a page that must not be touched.

Run as a module with an import path, since a read across the edge ends the process. What is wrong without that is
printed: a message at an edge has to do what the same message does elsewhere. POSIX only, as page_edges.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from typing import Any

from .messages import FORMATS, MEDIA, STARTS, STOPS, media, opened, outcome, send
from .page_edges import Pages
from .texts import encode, pattern

SIZES = (*range(70), 190, 191, 192, 1280)
"""Bytes of audio: the payload ends at every place of a register that is followed by little text."""

TAILS = (
    *(b'"}}', b'"}', b'"', b"", b"\\", b"\\u", b"\\u00", b"[", b" ", b"\xe2\x82"),
    *(b"1", b"1.", b"1e", b"-", b"t", b"nul"),
)
"""Texts of which a scanner looks for more than there is."""


def messages(form: str) -> Iterator[bytes]:
    """Usual messages of a format, such with escapes, all their beginnings, and beginnings with other ends."""
    usual = json.dumps(MEDIA[form])
    whole = [json.dumps(kind[form]) for kind in (STARTS, MEDIA, STOPS) if form in kind]
    whole += [json.dumps(media(form, encode(pattern(size)))) for size in SIZES]
    whole += [usual.replace("/", "\\/").replace("+", "\\u002b"), usual.replace('"', '"\\u0020', 2), f"  {usual}  "]
    for text in (text.encode() for text in whole):
        yield text
    for text in (text.encode() for text in (usual, whole[-3])):
        for length in range(len(text)):
            yield text[:length]
        for tail in TAILS:
            for length in range(0, len(text), 7):
                yield text[:length] + tail


def main() -> int:
    """Try all messages at both edges; the number of mistakes, at most 5."""
    module, _, attribute = sys.argv[1].partition(":")
    implementation: Any = importlib.import_module(module)
    if attribute:
        implementation = getattr(implementation, attribute)
    pages, mistakes = Pages(8192), 0
    for form in FORMATS:
        for message in messages(form):
            seen = []
            for put in (bytes, pages.at_the_end, pages.at_the_start):
                processor, buffer = opened(implementation, form)
                done = outcome(send, processor, form, put(message))
                seen.append((done, bytes(buffer.take()) if "c1" in processor else None))
            for place, found in zip(("end", "start"), seen[1:], strict=True):
                if found != seen[0]:
                    mistakes += 1
                    print(f"{form}, {message[-40:]!r} at the {place} of a page: {found}, elsewhere {seen[0]}")
            if mistakes >= 5:
                return mistakes
    return mistakes


if __name__ == "__main__":
    sys.exit(main())
