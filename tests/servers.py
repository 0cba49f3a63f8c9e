"""Servers in processes of their own, and clients that can misbehave, for the tests."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from callbot_lab.server.recordings import ENDED, read_note, stem

FRONT_ENDS = ("fastapi", "websockets", "picows")
PARSERS = ("json", "orjson", "msgspec")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Server:
    """`callbot-lab serve` on a free port."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        front_end: str = "picows",
        impl: str = "python",
        files: int | None = None,
    ) -> None:
        """`files`: how many files the server may open."""
        self.folder = folder
        command = [sys.executable, "-m", "callbot_lab", "serve", "--port", "0", "--recordings", str(folder)]
        command += ["--impl", impl, "--server", front_end, *arguments]
        if files is not None:
            command = ["sh", "-c", f'ulimit -n {files}; exec "$@"', "sh", *command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r":(\d+)/ws/", line)
        if found is None:
            raise RuntimeError(f"{line}{self.process.communicate(timeout=30)[1]}")
        self.port = int(found[1])

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=30)

    def url(self, path: str = "/ws/callbot") -> str:
        return f"ws://127.0.0.1:{self.port}{path}"

    def connect(self, path: str = "/ws/callbot") -> ClientConnection:
        return connect(self.url(path), compression=None, open_timeout=20, max_size=None, max_queue=None)

    def page(self, path: str = "/health") -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def note(self, call_id: str, seconds: float = 60.0) -> dict[str, Any]:
        """The note of a call once it has ended."""
        path = self.folder / f"{stem(call_id)}.json"

        def ended() -> dict[str, Any] | None:
            note = read_note(path) if path.exists() else None
            return note if note and note["state"] == ENDED else None

        return until(ended, seconds)

    def terminate(self, seconds: float = 30.0) -> int:
        self.process.terminate()
        return self.process.wait(seconds)


class RawClient:
    """A WebSocket client whose frames are made by hand."""

    def __init__(self, server: Server, path: str = "/ws/callbot") -> None:
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        key = base64.b64encode(os.urandom(16)).decode()
        self.sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        assert b" 101 " in head.splitlines()[0], head

    def send(self, *frames: bytes) -> None:
        self.sock.sendall(b"".join(frames))

    def frames(self) -> list[tuple[int, bytes]]:
        """What the server sends until it ends the connection: opcodes and payloads."""
        found = []
        while True:
            while len(self.buffer) < 2 or len(self.buffer) < 2 + self._size()[1] + self._size()[0]:
                more = self._more()
                if not more:
                    return found
                self.buffer += more
            length, extra = self._size()
            found.append((self.buffer[0] & 15, self.buffer[2 + extra : 2 + extra + length]))
            if found[-1][0] == CLOSE:
                # A server may wait for this answer before it lets go.
                with contextlib.suppress(OSError):
                    self.send(frame(found[-1][1], CLOSE))
            self.buffer = self.buffer[2 + extra + length :]

    def close_code(self) -> int | None:
        """The code with which the server closes; None if it just ends the connection."""
        closes = [payload for opcode, payload in self.frames() if opcode == CLOSE]
        return struct.unpack("!H", closes[0][:2])[0] if closes and len(closes[0]) >= 2 else None

    def _size(self) -> tuple[int, int]:
        short = self.buffer[1] & 127
        if short < 126:
            return short, 0
        return (struct.unpack_from("!H", self.buffer + b"\0\0", 2)[0], 2) if short == 126 else (0, 8)

    def _more(self) -> bytes:
        try:
            return self.sock.recv(65536)
        except ConnectionResetError:
            return b""


def frame(
    payload: bytes,
    opcode: int = TEXT,
    *,
    fin: bool = True,
    masked: bool = True,
    bits: int = 0,
    claim: int | None = None,
) -> bytes:
    """A frame, with whatever is wrong with it; `claim` is the length that it promises."""
    size = len(payload) if claim is None else claim
    first = (128 if fin else 0) | bits | opcode
    flag = 128 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, flag | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, flag | 126, size)
    else:
        head = struct.pack("!BBQ", first, flag | 127, size)
    if not masked:
        return head + payload
    key = b"\x0f\xa5\x5a\x3c"
    return head + key + bytes(byte ^ key[place % 4] for place, byte in enumerate(payload))


def start(call_id: str, encoding: str = "pcm16", rate: int = 16000) -> str:
    return json.dumps({"event": "start", "call_id": call_id, "media": {"encoding": encoding, "rate": rate}})


def media(call_id: str, number: int, pcm: bytes | str, encoding: str = "pcm16", rate: int = 16000) -> str:
    payload = pcm if isinstance(pcm, str) else base64.b64encode(pcm).decode()
    audio = {"payload": payload, "encoding": encoding, "rate": rate}
    return json.dumps({"event": "media", "call_id": call_id, "seq": number, "media": audio})


def stop(call_id: str, number: int = 1) -> str:
    return json.dumps({"event": "stop", "call_id": call_id, "seq": number})


def ask(client: ClientConnection, text: str) -> dict[str, Any]:
    """Send a message and take the next answer."""
    client.send(text)
    found: dict[str, Any] = json.loads(client.recv(timeout=20))
    return found


def until(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `look` finds once it finds something; AssertionError if it never does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("waited in vain")
