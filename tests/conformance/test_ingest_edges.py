"""What a scanner that takes many bytes at once gets wrong: the bytes beside the message."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from .test_edges import run_at_page_edges


@pytest.mark.skipif(sys.platform == "win32", reason="pages are protected with POSIX's mprotect")
def test_nothing_beside_the_message_is_read(ingesting: Any, import_path: str) -> None:
    done = run_at_page_edges("ingest_edges", import_path)
    said = (done.stdout + done.stderr).strip().splitlines()[:12]
    assert done.returncode == 0, f"status {done.returncode}:\n  " + "\n  ".join(said)
