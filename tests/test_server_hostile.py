"""Clients that mean harm, and machines that give way: what the servers do then, over real sockets."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from websockets.sync.client import ClientConnection

from callbot_lab.server import wav
from callbot_lab.server.recorder import SPARE_FILES
from callbot_lab.server.recordings import stem

from .servers import FRONT_ENDS, PARSERS, RawClient, Server, ask, frame, media, start, stop, until

PCM = bytes(range(256)) * 5

FEW_FILES = SPARE_FILES + 3
"""Files with which a journal is opened for every write, so that a disk can hang under it."""

DEEP = "[" * 1010 + "]" * 1010
HUGE = "9" * 4300
"""As long as a number can be that Python reads."""


@pytest.fixture(scope="module", params=FRONT_ENDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("recordings"), front_end=request.param) as running:
        yield running


def twilio(event: str, number: Any, stream: str = "S", **more: Any) -> str:
    return json.dumps({"event": event, "sequenceNumber": number, "streamSid": stream, **more})


def twilio_start(stream: str = "S", number: Any = "1", tracks: Any = ("inbound",), **form: Any) -> str:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1, **form}
    return twilio("start", number, stream, start={"streamSid": stream, "tracks": tracks, "mediaFormat": form})


def twilio_media(number: Any, payload: Any = "AAAA", track: Any = "inbound", stream: str = "S") -> str:
    told = {"track": track, "chunk": "1", "timestamp": "5", "payload": payload}
    return twilio("media", number, stream, media=told)


def append(payload: Any) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": payload})


def all_refused(server: Server, client: ClientConnection, texts: list[str]) -> bool:
    """Send texts; whether every one is refused."""
    before = server.page()["messages"]
    for text in texts:
        client.send(text)
    after = until(lambda: (now := server.page()["messages"])["all"] == before["all"] + len(texts) and now)
    return bool(after["refused"] == before["refused"] + len(texts))


# Messages


CALLBOT_MEDIA = '{"event":"media","call_id":"ID","seq":SEQ,"media":{"payload":"AAAA","encoding":"pcm16","rate":16000}}'
CALLBOT = [
    *(CALLBOT_MEDIA.replace("SEQ", number) for number in ("-1", "1.0", "1e400", "-" + HUGE, HUGE, HUGE + "0")),
    *(CALLBOT_MEDIA.replace("SEQ", number) for number in (str(2**64), "NaN", "null", DEEP, '"1"', "true")),
    CALLBOT_MEDIA.replace("SEQ", "1").replace('"pcm16"', DEEP),
    CALLBOT_MEDIA.replace("SEQ", "1").replace("AAAA", "\\ud800"),
    f'{{"event":{DEEP}}}',
    f'{{"event":{HUGE}}}',
    f'{{"event":"start","call_id":"x","media":{{"encoding":{DEEP},"rate":16000}}}}',
    '{"event":"start","call_id":"x","media":{"encoding":"pcm16","rate":true}}',
    '{"event":"start","call_id":"x","media":{"encoding":"pcm16","rate":1e999}}',
    '{"event":"start","call_id":"x","not":NaN,"media":{"encoding":"pcm16","rate":16000}}',
    '{"event":"start","call_id":"x","not":[-Infinity],"media":{"encoding":"pcm16","rate":16000}}',
    "\ufeff" + start("x"),
    start("x") + start("x"),
    start("x" * 1025),
]

TWILIO = [
    "no JSON",
    "[]",
    "null",
    "{}",
    '{"event":"zap"}',
    f'{{"event":{DEEP}}}',
    '{"event":"clear","streamSid":"S"}',
    '{"event":"media","sequenceNumber":"2","streamSid":"S"}',
    '{"event":"media","sequenceNumber":"2","streamSid":"S","media":"text"}',
    '{"event":"media","sequenceNumber":"2","streamSid":"S","media":{"track":"inbound"}}',
    '{"event":"media","sequenceNumber":"2","streamSid":{},"media":{"track":"inbound","payload":"AAAA"}}',
    *(twilio_media(number) for number in (2, True, None, "", "-2", "2.0", " 2", "\u00b2", "\u0662", str(2**64), HUGE)),
    *(twilio_media("2", payload) for payload in (5, None, [], "A", "AB==", "\u00e9", "AA-_")),
    *(twilio_media("2", track=track) for track in ("sideways", None, [], 5)),
    twilio_media("2", stream="other"),
    twilio_media("2", track="outbound"),
    twilio_start(),
    twilio_start("T", tracks=[]),
    twilio_start("T", tracks="inbound"),
    twilio_start("T", tracks=[[]]),
    twilio_start("T", tracks=["sideways"]),
    twilio_start("T", encoding="audio/x-wav"),
    *(twilio_start("T", sampleRate=rate) for rate in (0, -1, True, 1.5, "8_000", " 8000", "x", None, [], 10**9, 1e400)),
    *(twilio_start("T", channels=channels) for channels in (2, "2", None, [], float("nan"), 1e400)),
    twilio_start("T" * 1025),
    '{"event":"start","sequenceNumber":"1","streamSid":"T"}',
    '{"event":"start","sequenceNumber":"1","streamSid":"T","start":{"mediaFormat":[]}}',
    twilio("start", "1", start={}).replace('"S"', "5"),
    twilio("stop", "9", "never"),
    '{"event":"stop"}',
]

OPENAI = [
    "no JSON",
    "[]",
    "{}",
    '{"type":5}',
    f'{{"type":{DEEP}}}',
    '{"type":"response.create"}',
    '{"type":"input_audio_buffer.append"}',
    *(append(payload) for payload in (5, None, [], {}, "A", "AB==", "\u00e9", "AA-_", "AAAA\n")),
    '{"type":"input_audio_buffer.commit"}',
]


@pytest.mark.parametrize("parser", PARSERS)
def test_a_bad_message_is_refused_in_every_format(serve: Callable[..., Server], parser: str) -> None:
    server = serve("--parser", parser)
    with server.connect() as client:
        ask(client, start("ID"))
        assert all_refused(server, client, CALLBOT)
        client.send(media("ID", 1, PCM))
        client.send(stop("ID", 2))
        assert wav.read(server.folder / server.note("ID")["file"]).data == PCM
    with server.connect("/ws/twilio") as client:
        client.send(twilio_start())
        assert all_refused(server, client, TWILIO)
        client.send(twilio_media("2", base64.b64encode(PCM).decode()))
        client.send(twilio("stop", "3"))
        assert wav.read(server.folder / server.note("S")["file"]).data == PCM
        assert all_refused(server, client, [twilio_media("4"), twilio("stop", "5")])
    with server.connect("/ws/openai?call_id=openai") as client:
        assert all_refused(server, client, OPENAI)
        client.send(append(base64.b64encode(PCM).decode()))
    assert wav.read(server.folder / server.note("openai")["file"]).data == PCM
    assert server.page("/calls")["open"] == []


@pytest.mark.parametrize("parser", PARSERS)
def test_the_last_of_equal_members_counts(serve: Callable[..., Server], parser: str) -> None:
    with serve("--parser", parser).connect() as client:
        text = start("one").replace('"call_id"', '"event":"stop","event":"start","call_id":"none","call_id"')
        assert ask(client, text) == {"event": "started", "call_id": "one"}


def test_no_number_of_a_call_keeps_others_from_their_files(server: Server) -> None:
    with server.connect() as client, server.connect() as other:
        ask(client, start("numbers"))
        for number in (-int(HUGE), int(HUGE), 10**400, 0, 2**64 - 1):
            client.send(media("numbers", number, b"ab"))
        ask(other, start("unharmed"))
        other.send(media("unharmed", 1, PCM))
        client.send(stop("numbers", int(HUGE)))
        assert ask(other, stop("unharmed", 2))["bytes"] == len(PCM)
    note = server.note("numbers")
    assert (note["chunks"], note["sequence"]["missing"]) == (2, 2**64 - 2)


@pytest.mark.parametrize("impl", ["rust", "rust-report"])
def test_an_id_may_be_anything(serve: Callable[..., Server], impl: str) -> None:
    ids = ["../../x", "/", ".", "..", "\0", "\ud800", "\U0001f600", "\U0001f601", "a b", "a\nb", "a/b", "A" * 1024]
    for front_end in FRONT_ENDS:
        server = serve(front_end=front_end, impl=impl)
        with server.connect() as client:
            taken = [call_id for call_id in ids if ask(client, start(call_id))["event"] == "started"]
            # The binding of the report's design takes no half surrogate pair.
            assert [call_id for call_id in ids if call_id not in taken] == (["\ud800"] if "report" in impl else [])
            for place, call_id in enumerate(taken):
                client.send(media(call_id, 1, PCM[place:]))
            found = server.page("/calls")["open"]
            assert [call["call_id"] for call in found] == taken
            for place, call_id in enumerate(taken):
                answer = ask(client, stop(call_id, 2))
                assert answer["file"] == f"{stem(call_id)}.wav"
                assert wav.read(server.folder / answer["file"]).data == PCM[place:] + bytes(place % 2)
        assert {path.parent for path in server.folder.parent.rglob("*.wav*")} <= {
            server.folder.parent / f"recordings-{number}" for number in range(3)
        }


def test_numbers_of_a_stream_go_through_all_its_messages(server: Server) -> None:
    stream = "numbers-of-a-stream"
    with server.connect("/ws/twilio") as client:
        client.send(twilio_start(stream, tracks=["inbound", "outbound"]))
        for number in range(2, 10):
            client.send(twilio_media(str(number), track=("inbound", "outbound")[number % 2], stream=stream))
        client.send(twilio("mark", "10", stream, mark={"name": "x"}))
        client.send(twilio("dtmf", "11", stream, dtmf={"track": "inbound_track", "digit": "1"}))
        for number in (12, 15, 15):
            client.send(twilio_media(str(number), stream=stream))
        client.send(twilio("stop", "18", stream, stop={}))
        for call_id, chunks in ((stream, 7), (f"{stream}-outbound", 4)):
            note = server.note(call_id)
            assert note["chunks"] == chunks
            assert note["sequence"] == {"gaps": 2, "missing": 4, "repeats": 1, "wraps": 0}


def test_no_second_start_leaves_a_call_behind(server: Server) -> None:
    with server.connect("/ws/twilio") as client, server.connect("/ws/twilio") as other:
        client.send(twilio_start("twice", tracks=["outbound"]))
        until(lambda: [call["call_id"] for call in server.page("/calls")["open"]] == ["twice"])
        # Its outbound track would have another name than the one that is open.
        assert all_refused(server, client, [twilio_start("twice", tracks=["outbound", "inbound"])])
        assert all_refused(server, other, [twilio_start("twice"), twilio("stop", "2", "twice")])
        client.send(twilio_media("2", track="outbound", stream="twice"))
    assert server.note("twice")["bytes"] == 3
    until(lambda: server.page()["calls"]["open"] == 0)


def test_an_id_that_is_open_is_refused_in_the_query_too(server: Server) -> None:
    with server.connect() as owner, server.connect("/ws/openai?call_id=taken") as client:
        assert json.loads(client.recv(timeout=20))["type"] == "session.created"
        assert "open already" in ask(owner, start("taken"))["message"]
        with server.connect("/ws/openai?call_id=taken") as second:
            assert "open already" in json.loads(second.recv(timeout=20))["error"]["message"]
            assert "refused" in ask(second, append("AAAA"))["error"]["message"]
        client.send(append("AAAA"))
        assert ask(client, '{"type":"input_audio_buffer.commit"}')["type"] == "input_audio_buffer.committed"
    assert server.note("taken")["bytes"] == 3


@pytest.mark.parametrize("journal", ["--journal", "--no-journal"])
def test_odd_chunks_stay_in_order_whatever_the_journal_takes_when(serve: Callable[..., Server], journal: str) -> None:
    server = serve(journal, "--wav", "decoded")
    sent = b""
    with server.connect() as client:
        ask(client, start("pcm"))
        ask(client, start("mulaw", "mulaw", 8000))
        for number in range(1, 121):
            chunk = bytes((number + k) % 256 for k in range(number % 4))
            sent += chunk
            client.send(media("pcm", number, chunk))
            client.send(media("mulaw", number, chunk, "mulaw", 8000))
            time.sleep(0.015)
        assert ask(client, stop("pcm"))["bytes"] == len(sent)
        assert ask(client, stop("mulaw"))["bytes"] == len(sent)
    assert wav.read(server.folder / "pcm.wav").data == sent + bytes(len(sent) % 2)
    assert wav.read(server.folder / "mulaw.wav").data == wav.linear(sent)


# Connections


def test_who_asks_for_nothing_keeps_nobody_out(serve: Callable[..., Server]) -> None:
    servers = [serve(front_end=front_end, files=150) for front_end in FRONT_ENDS]
    silent = []
    for server in servers:
        for _ in range(180):
            silent.append(socket.socket())
            silent[-1].setblocking(False)
            with contextlib.suppress(BlockingIOError):
                silent[-1].connect(("127.0.0.1", server.port))

    def served(server: Server) -> bool:
        with contextlib.suppress(Exception), server.connect() as client:
            return ask(client, start("served"))["event"] == "started" and "file" in ask(client, stop("served"))
        return False

    for server in servers:
        assert until(lambda server=server: served(server), 40)
    for sock in silent:
        sock.close()


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_connections_are_capped(serve: Callable[..., Server], front_end: str) -> None:
    server = serve(front_end=front_end, files=72)
    most = server.page()["connections"]["most"]
    # Of the eight that are left two are for journals.
    assert most == 6
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(most)]
        assert ask(clients[-1], start("last"))["event"] == "started"
        with pytest.raises(Exception, match="503"), server.connect():
            pass
        clients.pop(0).close()
        until(lambda: server.page()["connections"]["open"] < most)
        assert ask(stack.enter_context(server.connect()), start("next"))["event"] == "started"
        clients[-1].send(media("last", 1, PCM))
        assert ask(clients[-1], stop("last", 2))["bytes"] == len(PCM)


def test_parts_without_end_take_no_memory(server: Server) -> None:
    memory = psutil.Process(server.process.pid).memory_info
    before, client = memory().rss, RawClient(server)
    client.send(frame(b"", fin=False))

    def pour() -> None:
        for _ in range(400):
            client.send(frame(b"", 0, fin=False) * 5000)

    with pytest.raises(OSError, match=r"reset|[Bb]roken"):
        pour()
    assert memory().rss - before < 32 * 2**20


@pytest.mark.parametrize("path", ["//[x", "/ws/callbot%2f", "/ws/", "/ws/callbot/"])
def test_an_odd_path_is_no_path(server: Server, path: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert sock.recv(4096).split()[1] in (b"404", b"400")


@contextlib.contextmanager
def little_memory(server: Server, more: int) -> Iterator[None]:
    """Let a server have only so many bytes more than it has."""
    pid, free = server.process.pid, (resource.RLIM_INFINITY,) * 2
    resource.prlimit(pid, resource.RLIMIT_AS, (psutil.Process(pid).memory_info().vms + more, free[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_AS, free)


def test_a_call_that_there_is_no_memory_for_is_refused(serve: Callable[..., Server]) -> None:
    server = serve("--capacity", str(2**30), "--max-call-mib", "1024", impl="cython")
    with server.connect() as client:
        with little_memory(server, 2**28):
            assert "no memory for another call" in ask(client, start("a"))["message"]
            with server.connect("/ws/openai") as other:
                assert "no memory for another call" in json.loads(other.recv(timeout=20))["error"]["message"]
        assert ask(client, start("a"))["event"] == "started"


@pytest.mark.parametrize("journal", ["--journal", "--no-journal"])
def test_audio_that_cannot_be_handed_over_for_want_of_memory_stays(serve: Callable[..., Server], journal: str) -> None:
    server = serve(journal, "--capacity", str(2**27), "--parser", "orjson", impl="cython")
    text = append(base64.b64encode(bytes(48_000)).decode())
    commit = '{"type":"input_audio_buffer.commit"}'
    with server.connect("/ws/openai?call_id=large") as client:
        client.recv(timeout=20)
        with little_memory(server, 2**25):
            for _ in range(1600):
                client.send(text)
            time.sleep(1)  # the journal has a turn
            answer = ask(client, commit)
            assert answer["type"] in ("error", "input_audio_buffer.committed")
            if journal == "--no-journal":
                assert answer["error"]["message"] == "out of memory"
        client.send(append("AAAA"))
        assert ask(client, commit)["type"] == "input_audio_buffer.committed"
    assert server.note("large")["bytes"] == 1600 * 48_000 + 3


# Disks


def hang(folder: Path, name: str) -> Callable[[], None]:
    """Let the disk hang under a journal, as soon as there is one; what is returned makes it work again."""
    part = folder / f"{name}.wav.part"
    until(part.exists)
    aside = part.rename(part.with_suffix(".aside"))
    os.mkfifo(part)

    def release() -> None:
        hung = os.open(part, os.O_RDONLY | os.O_NONBLOCK)
        aside.replace(part)
        os.close(hung)

    return release


def test_a_disk_that_hangs_fills_the_memory_to_its_bound_and_no_further(serve: Callable[..., Server]) -> None:
    most = 100 * len(PCM)
    server = serve("--max-total-mib", str(most / 2**20), files=FEW_FILES)
    with server.connect() as client, server.connect() as other:
        ask(client, start("hung"))
        client.send(media("hung", 1, PCM))
        release = hang(server.folder, "hung")

        def filled() -> int:
            client.send(media("hung", 2, PCM))
            found: dict[str, int] = server.page()["bytes"]
            return sum(found.values())

        until(lambda: filled() >= 0.9 * most, 40)
        assert server.page()["messages"]["refused"] == 0
        assert "nearly full" in ask(other, start("late"))["message"]
        until(lambda: filled() and server.page()["messages"]["refused"] > 30, 40)
        # What is full is found out every now and then, not with every message.
        assert 0.9 * most < filled() < most + 20 * len(PCM)
        assert server.page()["status"] == "degraded"
        release()
        until(lambda: server.page()["status"] == "ok")
        client.send(stop("hung", 501))
        note = server.note("hung")
        assert note["bytes"] == note["chunks"] * len(PCM) > 0.9 * most
        assert wav.read(server.folder / note["file"]).data == PCM * note["chunks"]
        assert ask(other, start("late"))["event"] == "started"


def test_an_id_is_free_once_its_call_has_ended_even_while_that_is_being_saved(serve: Callable[..., Server]) -> None:
    server = serve(files=FEW_FILES)
    with server.connect() as client:
        ask(client, start("same"))
        client.send(media("same", 1, PCM))
        release = hang(server.folder, "same")
        client.send(media("same", 2, PCM))
        client.send(stop("same", 3))
        assert ask(client, start("same"))["event"] == "started"
        client.send(media("same", 1, PCM[::-1]))
        client.send(stop("same", 2))
        release()
        answers = [json.loads(client.recv(timeout=20)) for _ in range(2)]
    found = sorted((answer["file"], wav.read(server.folder / answer["file"]).data) for answer in answers)
    assert found == [("same.2.wav", PCM[::-1]), ("same.wav", 2 * PCM)]


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_disk_that_hangs_keeps_no_server_from_ending(serve: Callable[..., Server], front_end: str) -> None:
    server = serve("--grace", "2", front_end=front_end, files=FEW_FILES)
    with server.connect() as client:
        ask(client, start("hung"))
        client.send(media("hung", 1, PCM))
        hang(server.folder, "hung")
        client.send(media("hung", 2, PCM))
        until(lambda: server.page()["bytes"]["unwritten"])
        assert server.terminate(20) == 1
    assert server.process.stdout is not None
    assert "not saved: hung; callbot-lab recover" in server.process.stdout.read()


def test_a_server_that_ends_on_a_full_disk_says_so_and_leaves_what_can_be_recovered(small_disk: Path) -> None:
    with Server(small_disk, "--grace", "3") as server, server.connect() as client:
        for call_id in ("a", "b\n\ud800"):
            ask(client, start(call_id))
            client.send(media(call_id, 1, PCM))
        until(lambda: len(list(small_disk.glob("*.wav.part"))) == 2 and not server.page()["bytes"]["unwritten"])
        filler = small_disk / "filler"
        with contextlib.suppress(OSError):
            filler.write_bytes(bytes(2**18))
        for number in range(2, 50):
            client.send(media("a", number, PCM))
        assert server.terminate() == 1
        assert server.process.stdout is not None
        lines = server.process.stdout.read().splitlines()
        assert [line.split(";")[0] for line in lines[1:]] == ["not saved: a", "not saved: b\\n\\ud800"]
        # That one needed no more room for its audio, just for what is told of it.
        assert wav.read(small_disk / f"{stem('b' + chr(10) + chr(0xD800))}.wav").data == PCM
    command = [sys.executable, "-m", "callbot_lab", "recover", str(small_disk)]
    full = subprocess.run(command, capture_output=True, text=True, check=False)
    assert full.returncode == 1
    assert "No space left" in full.stdout
    filler.unlink()
    assert subprocess.run(command, capture_output=True, text=True, check=False).returncode == 0
    audio = wav.read(small_disk / "a.wav").data
    assert audio.startswith(PCM)
    assert (PCM * 50).startswith(audio)
    for call_id in ("a", "b\n\ud800"):
        note = server.note(call_id)
        assert (note["call_id"], note["ended"]) == (call_id, "recovered")
    assert "nothing to recover" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


# Ends


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_server_that_nobody_watches_any_more_saves_its_calls(serve: Callable[..., Server], front_end: str) -> None:
    server = serve(front_end=front_end)
    assert server.process.stdout is not None
    server.process.stdout.close()
    server.process.stdout = None
    with server.connect() as client:
        ask(client, start("a"))
        client.send(media("a", 1, PCM))
        until(lambda: server.page()["bytes"]["held"] or server.page("/calls")["open"][0]["chunks"])
        assert server.terminate() == 0
    assert wav.read(server.folder / "a.wav").data == PCM


@pytest.mark.parametrize("front_end", FRONT_ENDS)
def test_a_flood_keeps_no_server_from_ending(serve: Callable[..., Server], front_end: str) -> None:
    server, grace = serve("--grace", "4", front_end=front_end), 4
    clients = [RawClient(server) for _ in range(6)]

    def pour(client: RawClient, number: int) -> None:
        """Send without end, and answer no close."""
        data = frame(media(f"flood-{number}", 1, PCM).encode()) * 10
        with contextlib.suppress(OSError):
            client.send(frame(start(f"flood-{number}").encode()))
            while True:
                client.send(data)

    threads = [threading.Thread(target=pour, args=(client, k), daemon=True) for k, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    until(lambda: len(server.page("/calls")["open"]) == 6)
    began = time.monotonic()
    server.process.terminate()
    # To be told twice changes nothing.
    while server.process.poll() is None and time.monotonic() < began + 3 * grace:
        server.process.terminate()
        time.sleep(0.05)
    assert server.process.wait(20) == 0
    assert time.monotonic() - began < 2.5 * grace
    for number in range(6):
        audio = wav.read(server.folder / f"flood-{number}.wav").data
        assert audio == PCM * (len(audio) // len(PCM))
    assert not list(server.folder.glob("*.part"))
    assert server.process.stderr is not None
    assert "Traceback" not in server.process.stderr.read()
