"""What vector code gets wrong: the place of a symbol in a register, and the bytes beside the text."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .oracle import verdict
from .test_decode import Texts, differences, report
from .texts import encode, pattern

FOLDER = Path(__file__).parent
SYMBOLS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
PLACES = 200
"""Places to try: three registers of 64 symbols, and a tail."""


@cache
def symbols_at_every_place() -> Texts:
    """Texts in which every symbol comes to every place of a register, once."""
    texts = [bytes(SYMBOLS[(place + first) % 64] for place in range(PLACES)) for first in range(64)]
    return tuple((text, verdict(text.decode())) for text in texts)


@cache
def strangers_at_every_place() -> Texts:
    """Texts with one byte that is no symbol, every such byte at every place."""
    text = encode(pattern(PLACES // 4 * 3)).encode()
    strangers = sorted(set(range(256)) - set(SYMBOLS))
    pairs = ((place, bytes([stranger])) for place in range(PLACES) for stranger in strangers)
    texts = (text[:place] + stranger + text[place + 1 :] for place, stranger in pairs)
    return tuple((spoilt, verdict(spoilt.decode("latin-1"))) for spoilt in texts)


def test_every_symbol_at_every_place(impl: Any) -> None:
    wrong = differences(impl.decode, symbols_at_every_place())
    assert not wrong, report(wrong)


def test_every_stranger_at_every_place(impl: Any) -> None:
    wrong = differences(impl.decode, strangers_at_every_place())
    assert not wrong, report(wrong)


def run_at_page_edges(program: str, import_path: str) -> subprocess.CompletedProcess[str]:
    """Run one of the programs beside this file on an implementation, in a process of its own."""
    # With these hooks the interpreter notices, too, when a result is written past its end.
    environment = os.environ | {"PYTHONMALLOC": "debug", "PYTHONFAULTHANDLER": "1"}
    root = FOLDER.parents[(__package__ or "").count(".")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", f"{__package__}.{program}", import_path]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="pages are protected with POSIX's mprotect")
def test_nothing_beside_the_text_is_read(impl: Any, import_path: str) -> None:
    done = run_at_page_edges("page_edges", import_path)
    said = (done.stdout + done.stderr).strip().splitlines()[:12]
    assert done.returncode == 0, f"status {done.returncode}:\n  " + "\n  ".join(said)
