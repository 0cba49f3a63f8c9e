"""Limits and faults of the servers, over real sockets: one bad message or call never harms another."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from callbot_lab.paths import SPEECH
from callbot_lab.server import wav
from callbot_lab.workload import FORMATS, cut, read_recording

from .servers import (
    BINARY,
    CLOSE,
    FRONT_ENDS,
    PARSERS,
    PING,
    PONG,
    RawClient,
    Server,
    ask,
    frame,
    media,
    start,
    stop,
    until,
)

IMPLEMENTATIONS = ("python", "cython", "rust")
PCM = bytes(range(256)) * 5


@pytest.fixture(scope="module", params=FRONT_ENDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("recordings"), front_end=request.param) as running:
        yield running


@pytest.fixture
def bystander(server: Server, request: pytest.FixtureRequest) -> Iterator[None]:
    """A call that goes on while a test does what it does; afterwards it must be whole."""
    call_id = f"bystander-{request.node.name}"
    with server.connect() as client:
        assert ask(client, start(call_id))["event"] == "started"
        client.send(media(call_id, 1, PCM))
        yield
        client.send(media(call_id, 2, PCM[::-1]))
        answer = ask(client, stop(call_id, 3))
    assert (answer["event"], answer["bytes"], answer["refused"]) == ("stopped", 2 * len(PCM), 0)
    assert wav.read(server.folder / answer["file"]).data == PCM + PCM[::-1]


# Messages


BAD_MESSAGES = {
    "hello": "no JSON",
    "": "no JSON",
    '{"event":"media"': "no JSON",
    "[" * 60_000: "no JSON",
    "[]": "JSON object",
    '"media"': "JSON object",
    "{}": "event: a string",
    '{"event":5}': "event",
    '{"event":"dance"}': "unknown 'dance'",
    '{"event":"media"}': "call_id: a string",
    '{"event":"media","call_id":[],"seq":1,"media":{}}': "call_id: a string",
    '{"event":"media","call_id":"never","seq":1,"media":{}}': "before the start",
    '{"event":"media","call_id":"ID","seq":1}': "media: an object",
    '{"event":"media","call_id":"ID","seq":1,"media":[]}': "media: an object",
    '{"event":"media","call_id":"ID","seq":1,"media":{"encoding":"pcm16","rate":16000}}': "media.payload",
    '{"event":"media","call_id":"ID","seq":1,"media":{"payload":5,"encoding":"pcm16","rate":16000}}': "media.payload",
    '{"event":"media","call_id":"ID","seq":"1","media":{"payload":"","encoding":"pcm16","rate":16000}}': "seq",
    '{"event":"media","call_id":"ID","seq":true,"media":{"payload":"","encoding":"pcm16","rate":16000}}': "seq",
    '{"event":"media","call_id":"ID","seq":1,"media":{"payload":"","encoding":"mulaw","rate":16000}}': "not with mulaw",
    '{"event":"media","call_id":"ID","seq":1,"media":{"payload":"","encoding":"pcm16","rate":8000}}': "at 8000",
    '{"event":"media","call_id":"ID","seq":1,"media":{"payload":"","encoding":"pcm16"}}': "missing",
    '{"event":"start","call_id":"x"}': "media: an object",
    '{"event":"start","call_id":"","media":{"encoding":"pcm16","rate":16000}}': "empty",
    '{"event":"start","call_id":"x","media":{"encoding":"mp3","rate":16000}}': "unknown 'mp3'",
    '{"event":"start","call_id":"x","media":{"encoding":"pcm16","rate":0}}': "rate",
    '{"event":"start","call_id":"x","media":{"encoding":"pcm16","rate":1e3}}': "rate",
    '{"event":"start","call_id":"ID","media":{"encoding":"pcm16","rate":16000}}': "open already",
    '{"event":"stop","call_id":"other"}': "not open",
    '{"event":"stop"}': "call_id",
}


@pytest.mark.parametrize("parser", PARSERS)
def test_a_bad_message_is_answered_and_stores_nothing(serve: Callable[..., Server], parser: str) -> None:
    server = serve("--parser", parser)
    with server.connect() as client:
        ask(client, start("ID"))
        client.send(media("ID", 1, PCM))
        for text, reason in BAD_MESSAGES.items():
            answer = ask(client, text)
            assert answer["event"] == "error"
            assert reason in answer["message"], text
        client.send(media("ID", 2, PCM))
        answer = ask(client, stop("ID", 3))
    assert wav.read(server.folder / answer["file"]).data == 2 * PCM
    assert server.page()["messages"]["refused"] == len(BAD_MESSAGES)
    assert answer["sequence"] == {"gaps": 0, "missing": 0, "repeats": 0, "wraps": 0}


BAD_BASE64 = {"A": 1, "AA=": 3, "AB==": 2, "AAAA\n": 4, "AA-_": 2, "\u00e9": 0, "AAA==": 4, " AAAA": 0, "AA=A": 3}


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_bad_base64_has_the_same_verdict_in_every_implementation(serve: Callable[..., Server], impl: str) -> None:
    server = serve(impl=impl)
    with server.connect() as client:
        ask(client, start("a"))
        for text, position in BAD_BASE64.items():
            answer = ask(client, media("a", 1, text))
            assert answer == {"event": "error", "message": f"invalid base64 at position {position}"}
        assert ask(client, stop("a"))["bytes"] == 0
    assert server.note("a")["refused"] == len(BAD_BASE64)


def test_odd_bytes_and_empty_payloads_are_kept(server: Server) -> None:
    with server.connect() as client:
        ask(client, start("odd"))
        for number, pcm in enumerate((b"\1\2\3", b"", b"\4\5"), 1):
            client.send(media("odd", number, pcm))
        answer = ask(client, stop("odd", 4))
    assert (answer["bytes"], answer["chunks"]) == (5, 3)
    # The last sample lacks its second byte: it is padded, so that the file is whole.
    assert wav.read(server.folder / answer["file"]).data == b"\1\2\3\4\5\0"


# Frames


@pytest.mark.usefixtures("bystander")
@pytest.mark.parametrize(
    ("frames", "code"),
    [
        pytest.param([frame(b"x" * 65_537)], 1009, id="too-long"),
        pytest.param([frame(b"x" * 40_000, fin=False), frame(b"x" * 40_000, 0)], 1009, id="too-long-in-parts"),
        pytest.param([frame(b"", claim=2**40)], 1009, id="huge-header"),
        pytest.param([frame(b"abc", BINARY)], 1003, id="binary"),
        pytest.param([frame(b"abc", BINARY, fin=False), frame(b"", 0)], 1003, id="binary-in-parts"),
        pytest.param([frame(b'{"event":"\xff"}')], 1007, id="no-UTF-8"),
        pytest.param([frame(b'{"event":"\xc3', fin=False), frame(b'("}', 0)], 1007, id="no-UTF-8-in-parts"),
        pytest.param([frame(b"abc", masked=False)], 1002, id="not-masked"),
        pytest.param([frame(b"abc", bits=64)], 1002, id="reserved-bit"),
        pytest.param([frame(b"abc", 0)], 1002, id="nothing-to-continue"),
        pytest.param([frame(b"abc", fin=False), frame(b"abc")], 1002, id="mixed-up"),
        pytest.param([frame(b"abc", 3)], 1002, id="unknown-opcode"),
        pytest.param([frame(b"x" * 126, PING)], 1002, id="long-ping"),
        pytest.param([frame(b"x", PING, fin=False)], 1002, id="ping-in-parts"),
        pytest.param([frame(struct.pack("!H", 1005), 8)], 1002, id="close-with-1005"),
        pytest.param([frame(struct.pack("!H", 1006), 8)], 1002, id="close-with-1006"),
        pytest.param([frame(struct.pack("!H", 0), 8)], 1002, id="close-with-0"),
        pytest.param([frame(struct.pack("!H", 5000), 8)], 1002, id="close-with-5000"),
        pytest.param([frame(b"x", 8)], 1002, id="close-with-half-a-code"),
        pytest.param([frame(struct.pack("!H", 1000) + b"bye", 8)], 1000, id="goodbye"),
    ],
)
def test_a_forbidden_frame_closes_its_connection_alone(server: Server, frames: list[bytes], code: int) -> None:
    client = RawClient(server)
    client.send(*frames)
    assert client.close_code() == code


def test_a_close_without_a_code_is_answered_with_no_forbidden_one(server: Server) -> None:
    client = RawClient(server)
    client.send(frame(b"", CLOSE))
    assert client.frames() in ([(CLOSE, b"")], [(CLOSE, struct.pack("!H", 1000))])


# uvicorn forgets what came in one piece with a forbidden frame before anybody sees it.
@pytest.mark.parametrize("front_end", [name for name in FRONT_ENDS if name != "fastapi"])
@pytest.mark.parametrize(
    ("before", "forbidden"),
    [
        pytest.param([], frame(b"abc", 3), id="opcode"),
        pytest.param([], frame(b"abc", bits=64), id="bit"),
        pytest.param([], frame(b"\xff"), id="text"),
        pytest.param([frame(b"x", PING)], frame(b"abc", 3), id="opcode-and-a-ping-before"),
        pytest.param([], frame(b"x", PING) + frame(b"abc", 3), id="ping-and-opcode"),
        pytest.param([], frame(b"abc", bits=64) + frame(b"abc", 3), id="bit-and-opcode"),
    ],
)
def test_a_whole_message_before_a_forbidden_frame_is_stored(
    serve: Callable[..., Server], front_end: str, before: list[bytes], forbidden: bytes
) -> None:
    server = serve(front_end=front_end)
    client = RawClient(server)
    # In one piece, so that the server sees all at once; what comes after the forbidden frame does not count.
    client.send(
        frame(start("a").encode()),
        *before,
        frame(media("a", 1, PCM).encode()),
        forbidden,
        frame(media("a", 2, PCM).encode()),
    )
    # The close is the last word.
    opcodes = [opcode for opcode, _ in client.frames()]
    assert opcodes.index(CLOSE) == len(opcodes) - 1
    client.sock.close()
    assert server.note("a")["bytes"] == len(PCM)


def test_nothing_is_stored_of_a_message_over_the_limit(server: Server) -> None:
    client = RawClient(server)
    client.send(frame(start("over").encode()), frame(media("over", 1, PCM).encode()))
    until(lambda: any(call["call_id"] == "over" and call["chunks"] for call in server.page("/calls")["open"]))
    client.send(frame(media("over", 2, bytes(60_000)).encode()), frame(media("over", 3, PCM).encode()))
    assert client.close_code() == 1009
    assert server.note("over")["bytes"] == len(PCM)


def test_a_message_of_the_longest_size_is_taken(server: Server) -> None:
    with server.connect() as client:
        ask(client, start("long"))
        text = media("long", 1, "")
        client.send(text.replace('"seq"', " " * (65_536 - len(text)) + '"seq"'))
        assert ask(client, stop("long", 2))["chunks"] == 1


def test_a_fragmented_message_counts_as_one_and_a_ping_in_between_is_answered(server: Server) -> None:
    client = RawClient(server)
    client.send(frame(start("parts").encode()))
    # Together they are longer than the longest message.
    for number in range(1, 51):
        text = media("parts", number, PCM).encode()
        client.send(frame(text[:9], fin=False), frame(b"between", PING))
        client.send(frame(text[9:500], 0, fin=False), frame(text[500:], 0))
    client.send(frame(stop("parts", 51).encode()))
    note = server.note("parts")
    client.send(frame(struct.pack("!H", 1000), 8))
    assert client.frames().count((PONG, b"between")) == 50
    assert wav.read(server.folder / note["file"]).data == 50 * PCM


def test_a_message_that_comes_byte_by_byte_is_taken(server: Server) -> None:
    client = RawClient(server)
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.send(frame(start("slow").encode()))
    for byte in frame(media("slow", 1, PCM[:64]).encode()):
        client.send(bytes([byte]))
    client.send(frame(stop("slow", 2).encode()))
    assert server.note("slow")["bytes"] == 64


# Calls


@pytest.mark.usefixtures("bystander")
def test_a_call_belongs_to_its_connection(server: Server) -> None:
    with server.connect() as owner, server.connect() as other:
        assert ask(owner, start("mine"))["event"] == "started"
        assert "open already" in ask(other, start("mine"))["message"]
        assert "on this connection" in ask(other, media("mine", 1, PCM))["message"]
        assert "not open on this connection" in ask(other, stop("mine"))["message"]
        owner.send(media("mine", 1, PCM))
        answer = ask(owner, stop("mine", 2))
        assert answer["bytes"] == len(PCM)
        assert "after the stop" in ask(owner, media("mine", 3, PCM))["message"]
        # The same id again is another call, with a file of its own.
        ask(other, start("mine"))
        other.send(media("mine", 1, PCM[::-1]))
        again = ask(other, stop("mine", 2))
    assert again["file"] != answer["file"]
    assert wav.read(server.folder / answer["file"]).data == PCM
    assert wav.read(server.folder / again["file"]).data == PCM[::-1]


def test_a_reset_in_mid_frame_keeps_what_came_whole(server: Server) -> None:
    client = RawClient(server)
    client.send(frame(start("reset").encode()), frame(media("reset", 1, PCM).encode()))
    until(lambda: any(c["call_id"] == "reset" and c["chunks"] for c in server.page("/calls")["open"]))
    client.send(frame(media("reset", 2, PCM).encode())[:900])
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sock.close()
    note = server.note("reset")
    assert (note["ended"], note["bytes"]) == ("connection lost", len(PCM))
    assert wav.read(server.folder / note["file"]).data == PCM


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_peer_that_answers_no_ping_is_given_up(serve: Callable[..., Server], front_end: str) -> None:
    server = serve("--ping-interval", "0.4", "--ping-timeout", "0.4", front_end=front_end)
    client = RawClient(server)
    client.send(frame(start("half-open").encode()), frame(media("half-open", 1, PCM).encode()))
    assert server.note("half-open")["bytes"] == len(PCM)
    until(lambda: server.page()["connections"]["open"] == 0)


def test_numbers_are_counted_over_the_wire(server: Server) -> None:
    with server.connect() as client:
        ask(client, start("numbers"))
        for number in (65_530, 65_531, 65_533, 65_533, 65_534, 65_535, 0, 1):
            client.send(media("numbers", number, b"ab"))
        answer = ask(client, stop("numbers", 5))
    assert answer["sequence"] == {"gaps": 2, "missing": 4, "repeats": 1, "wraps": 1}
    assert answer["chunks"] == 8


# Limits


def test_a_call_is_capped(serve: Callable[..., Server]) -> None:
    server = serve("--max-call-mib", str(3000 / 2**20))
    with server.connect() as client:
        ask(client, start("a"))
        client.send(media("a", 1, PCM))
        client.send(media("a", 2, PCM))
        time.sleep(1.2)  # the journal takes the audio: the cap is on the call and not on what is in memory
        assert "3000 bytes" in ask(client, media("a", 3, PCM))["message"]
        client.send(media("a", 4, bytes(440)))
        answer = ask(client, stop("a", 5))
    assert (answer["bytes"], answer["refused"]) == (3000, 1)


def test_new_calls_are_refused_before_open_ones_lose_anything(serve: Callable[..., Server]) -> None:
    server = serve("--no-journal", "--max-total-mib", str(9_900 / 2**20))
    with server.connect() as client:
        ask(client, start("first"))
        for number in range(1, 8):
            client.send(media("first", number, PCM))
        assert "nearly full" in ask(client, start("second"))["message"]
        # There is less than one chunk left, and that is taken as well.
        client.send(media("first", 8, bytes(900)))
        assert ask(client, media("first", 9, PCM))["event"] == "error"
        answer = ask(client, stop("first", 10))
        assert answer["bytes"] == 7 * len(PCM) + 900
        assert ask(client, start("third"))["event"] == "started"
    assert server.page()["calls"]["refused"] == 1


def test_calls_are_capped_in_number(serve: Callable[..., Server]) -> None:
    server = serve("--max-calls", "2")
    with server.connect() as client:
        assert [ask(client, start(call_id))["event"] for call_id in "abc"] == ["started", "started", "error"]
        ask(client, stop("a"))
        assert ask(client, start("c"))["event"] == "started"


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_client_that_reads_late_loses_replies_and_nothing_else(serve: Callable[..., Server], front_end: str) -> None:
    server = serve(front_end=front_end)
    client = RawClient(server)
    client.send(frame(start("late").encode()))
    bad = frame(json.dumps({"event": "x" * 64}).encode()) * 3000

    def provoked() -> bool:
        client.send(bad)
        return bool(server.page()["lost_replies"])

    until(provoked, 60)
    time.sleep(1.5)  # long enough for what is unread to be looked at
    client.sock.settimeout(2)
    with contextlib.suppress(TimeoutError):
        while client.sock.recv(2**20):
            pass
    client.sock.settimeout(20)
    client.send(frame(media("late", 1, PCM).encode()), frame(stop("late", 2).encode()))
    assert server.note("late")["bytes"] == len(PCM)
    client.send(frame(struct.pack("!H", 1000), 8))
    rest = b""
    while more := client.sock.recv(2**20):
        rest += more
    assert b'"stopped"' in rest
    assert server.page()["connections"]["cut"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("front_end", FRONT_ENDS)
@pytest.mark.parametrize("provocation", [frame(b"no JSON"), frame(b"x" * 125, PING)], ids=["errors", "pings"])
def test_a_client_that_never_reads_takes_no_memory(
    serve: Callable[..., Server], front_end: str, provocation: bytes
) -> None:
    server = serve(front_end=front_end)
    client = RawClient(server)
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sock.settimeout(0.5)
    process = psutil.Process(server.process.pid)
    before, most = process.memory_info().rss, 0
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        try:
            client.sock.sendall(provocation * 500)
        except (TimeoutError, OSError):
            break
        most = max(most, process.memory_info().rss - before)
    with server.connect() as other:
        ask(other, start("other"))
        other.send(media("other", 1, PCM))
        assert ask(other, stop("other", 2))["bytes"] == len(PCM)
    assert most < 64 * 2**20
    client.sock.close()
    until(lambda: server.page()["connections"]["open"] == 0)


# Ends


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_sigterm_saves_every_open_call(serve: Callable[..., Server], front_end: str) -> None:
    server = serve("--grace", "6", front_end=front_end)
    raw = RawClient(server)  # it will not answer the close
    raw.send(frame(start("raw").encode()), frame(media("raw", 1, PCM).encode()))
    with server.connect() as client:
        for k in range(20):
            ask(client, start(f"c{k}"))
            client.send(media(f"c{k}", 1, PCM * (k + 1)))
        until(lambda: sum(call["chunks"] for call in server.page("/calls")["open"]) == 21)
        began = time.monotonic()
        assert server.terminate() == 0
    assert time.monotonic() - began < 10
    assert wav.read(server.folder / "raw.wav").data == PCM
    for k in range(20):
        assert wav.read(server.folder / f"c{k}.wav").data == PCM * (k + 1)
    assert not list(server.folder.glob("*.part"))


def test_what_was_journalled_before_a_kill_can_be_recovered(serve: Callable[..., Server]) -> None:
    server = serve()
    recording = cut(read_recording(SPEECH), FORMATS["callbot"])
    sent = []
    with server.connect() as client:
        ask(client, start("killed call"))
        for number in range(1, 76):
            client.send(media("killed call", number, recording.texts[number]))
            sent.append((time.monotonic(), recording.pcm[number]))
            time.sleep(0.04)
        killed = time.monotonic()
        server.process.kill()
        server.process.wait()
    arguments = [sys.executable, "-m", "callbot_lab", "recover", str(server.folder)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert "1 recording(s) recovered" in done.stdout
    path = next(server.folder.glob("*.wav"))
    found = wav.read(path).data
    assert b"".join(pcm for _, pcm in sent).startswith(found)
    assert len(found) >= len(b"".join(pcm for when, pcm in sent if when < killed - 1.0))
    assert json.loads(path.with_suffix(".json").read_text())["call_id"] == "killed call"


def test_every_call_has_its_turn_in_the_journal(serve: Callable[..., Server], callbot_lab: Callable[..., Any]) -> None:
    server = serve()
    with server.connect() as client:
        for k in range(500):
            client.send(start(f"c{k}"))
            client.send(media(f"c{k}", 1, PCM[k:]))
        until(lambda: sum(call["chunks"] for call in server.page("/calls")["open"]) == 500)
        # A second is what a kill may cost; the rest is for a machine that is busy.
        until(lambda: server.page()["bytes"] == {"held": 0, "unwritten": 0}, 5)
        server.process.kill()
        server.process.wait()
    assert "500 recording(s) recovered" in callbot_lab("recover", str(server.folder)).stdout
    for k in range(500):
        assert wav.read(server.folder / f"c{k}.wav").data == PCM[k:] + bytes(k % 2)


def test_a_full_disk_refuses_new_calls_and_loses_nothing(small_disk: Path) -> None:
    with Server(small_disk) as server, server.connect() as client:
        filler = small_disk / "filler"
        filler.write_bytes(bytes(150 * 1024))
        ask(client, start("a"))
        for number in range(1, 101):
            client.send(media("a", number, PCM))
        until(lambda: server.page()["status"] == "degraded")
        assert "No space left" in ask(client, start("b"))["message"]
        for number in range(101, 121):
            client.send(media("a", number, PCM))
        client.send(stop("a", 121))
        filler.unlink()
        answer = json.loads(client.recv(timeout=20))
        assert answer["bytes"] == 120 * len(PCM)
        assert wav.read(small_disk / answer["file"]).data == 120 * PCM
        assert server.page()["status"] == "ok"
        assert ask(client, start("b"))["event"] == "started"


# Formats


def test_twilio_s_messages_end_in_a_mulaw_file_per_track(serve: Callable[..., Server]) -> None:
    audio = bytes(range(160))
    payload = base64.b64encode(audio).decode()
    for arguments, expected in ((), wav.Audio("mulaw", 8000, audio)), (("--wav", "decoded"), None):
        server = serve(*arguments)
        with server.connect("/ws/twilio") as client:
            client.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
            begin = {"accountSid": "AC1", "streamSid": "MZ1", "callSid": "CA1", "tracks": ["inbound", "outbound"]}
            begin |= {"mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}}
            begin |= {"customParameters": {"FirstName": "Jane"}}
            client.send(json.dumps({"event": "start", "sequenceNumber": "1", "start": begin, "streamSid": "MZ1"}))
            for number, track in ((2, "inbound"), (3, "outbound")):
                told = {"track": track, "chunk": "1", "timestamp": "5", "payload": payload}
                message = {"event": "media", "sequenceNumber": str(number), "media": told, "streamSid": "MZ1"}
                client.send(json.dumps(message))
            client.send('{"event":"mark","sequenceNumber":"4","streamSid":"MZ1","mark":{"name":"my label"}}')
            client.send('{"event":"dtmf","streamSid":"MZ1","sequenceNumber":"5","dtmf":{"track":"x","digit":"1"}}')
            client.send('{"event":"media","sequenceNumber":"6","streamSid":"MZ1","media":{"track":"inbound"}}')
            client.send('{"event":"stop","sequenceNumber":"7","stop":{"callSid":"CA1"},"streamSid":"MZ1"}')
            for call_id in ("MZ1", "MZ1-outbound"):
                note = server.note(call_id)
                found = wav.read(server.folder / note["file"])
                assert found == (expected or wav.Audio("pcm16", 8000, wav.linear(audio)))
        health = server.page()["messages"]
        assert (health["refused"], health["without_audio"]) == (1, 3)


def test_openai_s_commits_stay_and_clears_take_back(server: Server) -> None:
    def append(pcm: bytes) -> str:
        return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})

    with server.connect("/ws/openai?call_id=openai%2F1") as client:
        assert json.loads(client.recv(timeout=20))["type"] == "session.created"
        assert "empty" in ask(client, '{"type":"input_audio_buffer.commit"}')["error"]["message"]
        client.send(append(b"one!"))
        assert ask(client, '{"type":"input_audio_buffer.commit"}')["type"] == "input_audio_buffer.committed"
        client.send(append(b"gone"))
        assert ask(client, '{"type":"input_audio_buffer.clear"}')["type"] == "input_audio_buffer.cleared"
        client.send(append(b"gone"))
        time.sleep(1.0)  # long enough for the journal to have it
        assert ask(client, '{"type":"input_audio_buffer.clear"}')["type"] == "input_audio_buffer.cleared"
        client.send(append(b"left"))
        assert ask(client, '{"type":"response.create"}')["type"] == "error"
    note = server.note("openai/1")
    until(lambda: server.page()["bytes"] == {"held": 0, "unwritten": 0})
    assert wav.read(server.folder / note["file"]) == wav.Audio("pcm16", 24_000, b"one!left")


@pytest.mark.parametrize("front_end", FRONT_ENDS)
@pytest.mark.parametrize("journal", ["--journal", "--no-journal"])
def test_two_hundred_calls_at_once_keep_apart(
    serve: Callable[..., Server], callbot_lab: Callable[..., Any], front_end: str, journal: str
) -> None:
    server = serve(journal, "--parser", "orjson", front_end=front_end, impl="rust")
    done = callbot_lab("call", "--calls", "200", "--seconds", "2", "--port", str(server.port))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "200 of 200 calls are right bit for bit, 10,000 chunks" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_ten_thousand_calls_leave_nothing_behind(serve: Callable[..., Server], front_end: str) -> None:
    server = serve(front_end=front_end)
    process = psutil.Process(server.process.pid)

    def run(first: int, last: int) -> None:
        for batch in range(first, last, 50):
            with server.connect() as client:
                for k in range(batch, batch + 50):
                    client.send(start(f"c{k}"))
                    client.send(media(f"c{k}", 1, b"abcd"))
                    client.send(stop(f"c{k}", 2))
                stopped = 0
                while stopped < 50:
                    stopped += json.loads(client.recv(timeout=20))["event"] == "stopped"
        until(lambda: server.page()["connections"]["open"] == 0)

    run(0, 2_000)
    files, tasks = process.num_fds(), server.page()["tasks"]
    memory = process.memory_info().rss
    run(2_000, 10_000)
    # The connection that asks is one of the descriptors; it may still be on its way out.
    until(lambda: process.num_fds() <= files and server.page()["tasks"] <= tasks)
    assert server.page()["calls"] == {"open": 0, "ended": 10_000, "refused": 0}
    assert process.memory_info().rss - memory < 4 * 2**20


@pytest.mark.parametrize("impl", ["python-report", "cython-report", "rust-report"])
@pytest.mark.parametrize("journal", ["--journal", "--no-journal"])
def test_the_designs_of_the_report_serve_too(
    serve: Callable[..., Server], callbot_lab: Callable[..., Any], impl: str, journal: str
) -> None:
    server = serve(journal, impl=impl)
    for form in ("callbot", "openai"):
        done = callbot_lab("call", "--calls", "5", "--seconds", "2", "--format", form, "--port", str(server.port))
        assert done.returncode == 0, done.stdout + done.stderr


# Start


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--impl", "nothing"], "nothing cannot be used"),
        (["--impl", "python", "--server", "iis"], "unknown server 'iis'"),
        (["--impl", "python", "--parser", "xml"], "unknown parser 'xml'"),
        (["--impl", "stdlib"], "needs an AudioProcessor"),
        (["--impl", "python", "--recordings", "/dev/null/x"], "cannot keep recordings"),
        (["--impl", "python", "--host", "203.0.113.1"], "cannot listen"),
        (["--impl", "python", "--max-calls", "0"], "makes no sense"),
        (["--impl", "python", "--cpu", "100000"], "cannot run on CPU"),
    ],
)
def test_what_cannot_be_served_is_said_in_a_line(
    callbot_lab: Callable[..., Any], tmp_path: Path, arguments: list[str], reason: str
) -> None:
    done = callbot_lab("serve", "--port", "0", "--recordings", str(tmp_path), *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("callbot-lab: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_and_a_folder_have_one_server(serve: Callable[..., Server], callbot_lab: Callable[..., Any]) -> None:
    server = serve()
    taken = callbot_lab("serve", "-i", "python", "--port", str(server.port))
    assert "Address already in use" in taken.stderr
    taken = callbot_lab("serve", "-i", "python", "--port", "0", "--recordings", str(server.folder))
    assert "in use by a server" in taken.stderr
    assert "in use" in callbot_lab("recover", str(server.folder)).stderr


def test_the_pages_are_the_same_everywhere(server: Server) -> None:
    assert {"status", "calls", "saving", "limits", "recordings"} <= set(server.page())
    assert set(server.page("/calls")) == {"open", "ended"}
    with pytest.raises(Exception, match="404"):
        server.page("/other")
    with pytest.raises(Exception, match="404"), server.connect("/ws/other"):
        pass


def test_a_client_that_says_nothing_harms_nobody(server: Server) -> None:
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
    silent[0].sendall(b"GET /ws/callbot HTTP/1.1\r\nX: " + b"x" * 200_000)
    with server.connect() as client:
        assert ask(client, start("after silence"))["event"] == "started"
        assert ask(client, stop("after silence"))["event"] == "stopped"
    for sock in silent:
        sock.close()


def test_all_calls_of_a_connection_end_with_it(server: Server) -> None:
    with server.connect() as client:
        for call_id in ("end-1", "end-2", "end-3"):
            ask(client, start(call_id))
            client.send(media(call_id, 1, PCM))
    for call_id in ("end-1", "end-2", "end-3"):
        assert server.note(call_id)["bytes"] == len(PCM)


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        pytest.param(b"", "", id="no-code"),
        pytest.param(struct.pack("!H", 1000), "connection closed", id="1000"),
        pytest.param(struct.pack("!H", 1001), "connection closed", id="1001"),
        pytest.param(struct.pack("!H", 1011), "connection lost", id="1011"),
        pytest.param(struct.pack("!H", 1006), "connection lost", id="1006"),
    ],
)
def test_a_closed_connection_is_told_from_a_lost_one(
    server: Server, request: pytest.FixtureRequest, code: bytes, ended: str
) -> None:
    call_id = request.node.name
    client = RawClient(server)
    client.send(frame(start(call_id).encode()))
    until(lambda: any(call["call_id"] == call_id for call in server.page("/calls")["open"]))
    client.send(frame(code, CLOSE))
    client.frames()
    client.sock.close()
    # uvicorn gives a close without a code and a connection that just ends the same code.
    no_code = "connection lost" if server.page()["server"] == "fastapi" else "connection closed"
    assert server.note(call_id)["ended"] == (ended or no_code)
