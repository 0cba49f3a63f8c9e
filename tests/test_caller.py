"""The caller: its frames against `websockets`, its faults, and that its check catches what a server does wrong."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from callbot_lab.caller.check import check
from callbot_lab.caller.faults import Fault, Plan
from callbot_lab.caller.frames import Mask
from callbot_lab.caller.messages import WIRES
from callbot_lab.caller.traffic import Traffic
from callbot_lab.errors import LabError
from callbot_lab.paths import SPEECH
from callbot_lab.server import wav
from callbot_lab.workload import FORMATS, read_recording

from .servers import FRONT_ENDS, Server

RECORDING = read_recording(SPEECH)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("recordings")) as running:
        yield running


@pytest.fixture
def port(server: Server) -> str:
    return str(server.port)


def parsed(data: bytes) -> Frame:
    """A client's frame as `websockets` reads it."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    reading = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as stopped:
        next(reading)
    frame: Frame = stopped.value.value
    return frame


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 125, 126, 127, 1280, 65_535, 65_536])
def test_frames_are_read_by_websockets(size: int) -> None:
    text = ("0123456789" * (size // 10 + 1))[:size]
    frame = parsed(Mask(b"\x01\xfe\x37\x80").frame(text))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, text.encode())


@pytest.mark.parametrize("place", range(9))
def test_parts_are_masked_for_the_place_they_have(place: int) -> None:
    mask, whole = Mask(b"\x01\xfe\x37\x80"), bytes(range(50))
    assert mask.masked(whole[:place], 0) + mask.masked(whole[place:], place) == mask.masked(whole, 0)


def test_a_key_has_four_bytes() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        Mask(b"abc")


@pytest.mark.parametrize("name", WIRES)
def test_a_message_in_parts_is_json_with_its_payload(name: str) -> None:
    wire, form = WIRES[name], FORMATS[name]
    call_id = wire.call_id("ab" * 12, 7)
    for slot in (0, 9, 99_999):
        message = json.loads(wire.before(call_id) + wire.counted(slot, form) + "AAAA" + wire.after(call_id, form))
        assert "AAAA" in (message.get("audio"), message.get("media", {}).get("payload"))


def traffic(server: Server, *faults: str, calls: int = 3) -> Traffic:
    made = Traffic(
        "127.0.0.1",
        server.port,
        FORMATS["callbot"],
        calls=calls,
        recording=RECORDING,
        plan=Plan.parse(faults, 5),
    )
    made.connect()
    made.play(0.4)
    made.finish()
    return made


def flip(data: bytes) -> bytes:
    return data[:-700] + bytes([data[-700] ^ 1]) + data[-699:]


def swap(data: bytes) -> bytes:
    return data[:44] + data[44 + 1280 : 44 + 2560] + data[44 : 44 + 1280] + data[44 + 2560 :]


@pytest.mark.parametrize("damage", [flip, swap])
def test_the_check_finds_a_wrong_byte(server: Server, damage: Callable[[bytes], bytes]) -> None:
    made = traffic(server)
    assert (check(made, server.folder).whole, check(made, server.folder).stored) == (3, 30)
    path = server.folder / f"{made.calls[1].call_id}.wav"
    path.write_bytes(damage(path.read_bytes()))
    found = check(made, server.folder)
    assert list(found.wrong) == [made.calls[1].call_id]
    assert "differs" in found.wrong[made.calls[1].call_id]


def test_the_check_finds_lost_audio_and_a_lost_call(server: Server) -> None:
    made = traffic(server)
    first, second, third = (call.call_id for call in made.calls)
    path = server.folder / f"{first}.wav"
    audio = wav.read(path)
    path.write_bytes(wav.header(audio.encoding, audio.rate, len(audio.data) - 1280) + audio.data[:-1280])
    (server.folder / f"{second}.json").unlink()
    found = check(made, server.folder, wait=0.1)
    assert found.whole == 1
    assert "11,520 bytes of 12,800" in found.wrong[first]
    assert found.wrong[second] == "it was not saved"
    assert third not in found.wrong


def test_the_check_finds_a_wrong_rate(server: Server) -> None:
    made = traffic(server, calls=1)
    path = server.folder / f"{made.calls[0].call_id}.wav"
    audio = wav.read(path)
    path.write_bytes(wav.header(audio.encoding, 8000, len(audio.data)) + audio.data)
    assert "its rate is 8000" in check(made, server.folder).wrong[made.calls[0].call_id]


def test_what_is_refused_is_counted_and_jitter_moves_what_is_due(server: Server) -> None:
    made = traffic(server, "malformed=0.3", "jitter=30", calls=5)
    bad = sum(len(call.odd) for call in made.calls)
    assert made.error_count == bad > 0
    assert len(made.errors) == min(bad, 20)
    late = np.array(made.due) - np.array(made.due).min(axis=0)
    assert len({int(number) // 1000 for number in (late % made.period_ns).flat}) > 5
    found = check(made, server.folder)
    assert (found.whole, found.stored) == (5, 50 - bad)


def test_a_call_in_another_s_file_is_found(server: Server) -> None:
    made = traffic(server)
    one, other = (server.folder / f"{call.call_id}.wav" for call in made.calls[:2])
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    assert len(check(made, server.folder).wrong) == 2


def test_lag_is_counted_from_when_a_chunk_was_due(server: Server) -> None:
    made = traffic(server)
    lags = check(made, server.folder).lags_ms
    assert len(lags) == 30
    # On one clock: by another the lag would be anything.
    assert 0 < lags.min() <= lags.max() < 60_000
    # What was due before the time from which on lags count is checked all the same.
    late = int(made.due[4].max())
    found = check(made, server.folder, since=late)
    assert (len(found.lags_ms), found.whole) == (15, 3)
    for due in made.due:
        due -= 1_000_000_000
    assert check(made, server.folder).lags_ms == pytest.approx(lags + 1000)


@pytest.mark.parametrize("front_end", FRONT_ENDS)
@pytest.mark.parametrize("form", ["callbot", "twilio", "openai"])
def test_calls_with_faults_are_stored_as_they_should_be(
    tmp_path: Path, callbot_lab: Callable[..., Any], form: str, front_end: str
) -> None:
    faults = ["malformed=0.05", "drop=0.05", "duplicate=0.05", "jitter=10", "half-open=0.1", "reset=0.1"]
    out = tmp_path / "outcome.json"
    with Server(tmp_path / "recordings", front_end=front_end) as server:
        arguments = ["--calls", "30", "--format", form, "--seconds", "2", "--port", str(server.port)]
        done = callbot_lab("call", *arguments, *(f"--fault={fault}" for fault in faults), "--json", str(out))
        assert done.returncode == 0, done.stdout + done.stderr
        assert server.page()["messages"]["refused"] > 0
    told = json.loads(out.read_text())
    assert told["stored"]["whole_calls"] == 30
    assert told["stored"]["wrong"] == {}
    assert 0 < told["lag_ms"]["p50"] <= told["lag_ms"]["p99"]


def test_a_flood_is_stored_whole(callbot_lab: Callable[..., Any], port: str) -> None:
    done = callbot_lab("call", "--calls", "20", "--seconds", "4", "--flood", "--port", port)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 of 20 calls are right bit for bit, 2,000 chunks" in done.stdout
    assert "lag" not in done.stdout


def test_a_flood_commits_faults(server: Server) -> None:
    faults = Plan({Fault.DROP: 0.2, Fault.MALFORMED: 0.2, Fault.HALF_OPEN: 0.3}, 5)
    made = Traffic(
        "127.0.0.1", server.port, FORMATS["callbot"], calls=10, recording=RECORDING, plan=faults, answers=False
    )
    made.connect()
    sent = made.flood(60)
    made.finish()
    assert 200 < sent.messages < 480
    found = check(made, server.folder)
    assert (found.whole, found.wrong) == (10, {})
    assert 150 < found.stored < sent.messages


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--format", "elevenlabs"], "no server here speaks elevenlabs"),
        (["--format", "nothing"], "nothing"),
        (["--calls", "0"], "0 calls"),
        (["--seconds", "0"], "make no sense"),
        (["--fault", "noise=1"], "is no fault"),
        (["--fault", "drop=2"], "a share"),
        (["--fault", "jitter=41"], "jitter"),
        (["--flood", "--fault", "jitter=4"], "it does not go with --fault jitter"),
        (["--input", "missing.wav"], "missing.wav"),
        (["--host", "host.invalid"], "host.invalid"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_line(
    callbot_lab: Callable[..., Any], port: str, arguments: list[str], reason: str
) -> None:
    done = callbot_lab("call", "--port", port, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("callbot-lab: ")
    assert reason in done.stderr
    assert done.stderr.count("\n") == 1


def test_any_whole_number_is_a_seed(callbot_lab: Callable[..., Any], port: str) -> None:
    done = callbot_lab(
        "call", "--calls", "2", "--seconds", "0.2", "--seed", "-1", "--fault", "jitter=5", "--port", port
    )
    assert done.returncode == 0, done.stderr


def test_shares_of_faults_are_those_asked_for() -> None:
    plan = Plan({Fault.DROP: 0.1, Fault.DUPLICATE: 0.2}, 3)
    found = [fault for slot in range(200) for fault in plan.of_messages(slot, 100).values()]
    assert found.count(Fault.DROP) == pytest.approx(2_000, rel=0.1)
    assert found.count(Fault.DUPLICATE) == pytest.approx(4_000, rel=0.1)
    assert plan.of_messages(7, 100) == plan.of_messages(7, 100)


def test_a_recording_that_is_too_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    path.write_bytes(wav.header("pcm16", 16_000, 100) + bytes(100))
    with pytest.raises(LabError):
        Traffic("127.0.0.1", 1, FORMATS["callbot"], calls=1, recording=read_recording(path))


ANSWERS = {
    b"SSH-2.0-OpenSSH_9.2\r\n": "SSH",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n": "Not Found",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]": "no callbot-lab server",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[": "IncompleteRead",
    None: "timed out",
}


@pytest.fixture
def stranger() -> Iterator[Callable[[bytes | None], str]]:
    """A server that says the same to everybody and hangs up, or nothing at all and waits; its port."""
    listening = []

    def listen(answer: bytes | None) -> str:
        sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        listening.append(sock)

        def speak() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = sock.accept()
                    client.recv(65536)
                    client.sendall(answer or b"")
                    client.close()

        if answer is not None:
            threading.Thread(target=speak, daemon=True).start()
        return str(sock.getsockname()[1])

    yield listen
    for sock in listening:
        sock.close()


def test_what_is_no_server_of_ours_is_said_in_a_line(
    callbot_lab: Callable[..., Any], stranger: Callable[[bytes | None], str]
) -> None:
    with ThreadPoolExecutor(len(ANSWERS)) as pool:
        runs = {answer: pool.submit(callbot_lab, "call", "--port", stranger(answer)) for answer in ANSWERS}
    for answer, run in runs.items():
        done = run.result()
        assert done.returncode == 2, answer
        assert done.stderr.startswith("callbot-lab: ")
        assert ANSWERS[answer] in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1


def test_a_server_that_takes_connections_and_says_nothing_is_given_up(
    stranger: Callable[[bytes | None], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbot_lab.caller.switchboard.CONNECT_SECONDS", 0.5)
    made = Traffic("127.0.0.1", int(stranger(None)), FORMATS["callbot"], calls=3, recording=RECORDING)
    with pytest.raises(LabError, match="took 0 of 3 connections in time"):
        made.connect()


def test_a_server_that_dies_in_the_middle_ends_no_caller(tmp_path: Path) -> None:
    with Server(tmp_path / "recordings") as server:
        made = Traffic("127.0.0.1", server.port, FORMATS["callbot"], calls=5, recording=RECORDING)
        made.connect()
        made.play(0.2)
        server.process.kill()
        server.process.wait()
        made.play(0.2)
        made.finish()
    assert set(made.lost) == {call.call_id for call in made.calls}
    found = check(made, tmp_path / "recordings", wait=0.1)
    assert (found.whole, len(found.wrong)) == (0, 5)


def test_more_calls_than_files_are_said_in_a_line(port: str) -> None:
    command = 'ulimit -n 60; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, "-m", "callbot_lab", "call", "--calls", "5000", "--port", port],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "Too many open files" in done.stderr
