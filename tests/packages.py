"""Makes small packages that announce arms, as an installer would leave them, for tests to put on the path."""

from __future__ import annotations

import json
import os
from pathlib import Path

GOOD = """
import binascii
from callbot_python import AudioBuffer, AudioProcessor, decode
BUILD = {key: "-" for key in ("language", "binding", "kernel", "compiler", "flags", "version")}
BUILD |= {"profile": "release", "contract": "full"}
"""
"""Source of an implementation that conforms, because it is the pure-Python one under another name."""

LENIENT = (
    GOOD
    + """
import base64
decode = base64.b64decode
"""
)
"""One that takes what the contract refuses."""

WITHOUT_MESSAGES = (
    GOOD
    + """
BUILD["language"] = "python"
class AudioProcessor:
    def __init__(self, **options):
        import callbot_python
        self._whole = callbot_python.AudioProcessor(**options)

    def __getattr__(self, name):
        if name == "ingest":
            raise AttributeError(name)
        return getattr(self._whole, name)

    def __getitem__(self, call_id):
        return self._whole[call_id]

    def __contains__(self, call_id):
        return call_id in self._whole

    def __len__(self):
        return len(self._whole)
"""
)
"""One that takes chunks only, as the contract allows."""

DEBUG = GOOD + 'BUILD["profile"] = "debug"\n'

UNIMPORTABLE = "import a_module_that_is_not_there\n"

UNAVAILABLE = 'raise ImportError("this CPU lacks the instructions")\n'

WRONG_LATER = (
    GOOD
    + """
_right = decode
def decode(chunk, /):
    pcm = _right(chunk)
    return pcm if len(pcm) < 1000 else pcm[:-1] + b"x"
"""
)
"""Right on short chunks, and so past the smoke check; wrong on what is timed."""

DIES_LATER = (
    GOOD
    + """
import os
_right = decode
def decode(chunk, /):
    pcm = _right(chunk)
    return pcm if len(pcm) < 1000 else os._exit(41)
"""
)
"""Takes its process down on what is timed."""


HANDS_ON = """
decode = bytes
BUILD = {key: "-" for key in ("language", "binding", "kernel", "compiler", "flags", "version")}
BUILD |= {"profile": "release", "contract": "decode", "input": "pcm"}
"""
"""Source of a reference that takes PCM and hands it on."""


def make_package(
    folder: Path, name: str, source: str, *, group: str = "callbot_lab.implementations", arm: str = ""
) -> Path:
    """Write module `name` and the metadata that announces it as `arm` (its own name if none is given)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\n{arm or name} = {name}\n", encoding="utf-8")
    (info / "RECORD").write_text("", encoding="utf-8")
    return folder


def say_origin(folder: Path, name: str, sources: Path, *, source_is_newer: bool) -> None:
    """Record that a package was installed from a folder of sources, and set their age against the installation's."""
    info = folder / f"{name}-1.0.dist-info"
    (info / "direct_url.json").write_text(json.dumps({"url": sources.as_uri(), "dir_info": {}}), encoding="utf-8")
    built = (info / "RECORD").stat().st_mtime
    age = 10 if source_is_newer else -10
    for source in sources.rglob("*"):
        os.utime(source, (built + age, built + age))
