"""Traffic files: what was recorded plays again on any server, the check of that is strict, and bad files are told."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callbot_lab.caller.check import Checked, check
from callbot_lab.caller.connections import State
from callbot_lab.caller.expected import Expected, Listener
from callbot_lab.caller.frames import Mask
from callbot_lab.caller.messages import WIRES
from callbot_lab.caller.replay import Names, Replay
from callbot_lab.caller.tape import Line, Reader, Tape
from callbot_lab.caller.taped import TapedConnection
from callbot_lab.errors import LabError
from callbot_lab.server import wav

from .servers import Server, media, start, stop

CommandLine = Callable[..., "subprocess.CompletedProcess[str]"]
FAULTS = ["malformed=0.1", "drop=0.05", "duplicate=0.05", "jitter=10", "half-open=0.1", "reset=0.1"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("recordings")) as running:
        yield running


@pytest.fixture(scope="module")
def other_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("recordings")
    with Server(folder, "--parser", "orjson", front_end="fastapi", impl="python-pybase64") as running:
        yield running


def written(path: Path, form: str, *lines: dict[str, Any], **head: Any) -> Path:
    """A traffic file by hand."""
    texts = [json.dumps({"traffic": 1, "format": form} | head), *(json.dumps(line) for line in lines)]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def of_texts(*texts: str) -> list[dict[str, Any]]:
    return [{"t": 0.01 * number, "text": text} for number, text in enumerate(texts)]


def replayed(server: Server, path: Path) -> tuple[Checked, list[Expected]]:
    played = Replay("127.0.0.1", server.port, path)
    played.connect()
    played.play(played.seconds)
    played.finish()
    return check(played, server.folder, wait=10), list(played.expected())


def pcm(number: int, size: int = 320) -> bytes:
    return bytes([number]) * size


def twilio_start(stream: str, *tracks: str) -> str:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    told = {"streamSid": stream, "tracks": list(tracks), "mediaFormat": form}
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": told, "streamSid": stream})


def twilio_media(stream: str, number: int, data: bytes, track: str = "inbound") -> str:
    told = {"track": track, "chunk": "1", "timestamp": "0", "payload": base64.b64encode(data).decode()}
    # With spaces, as others write it.
    return json.dumps({"event": "media", "sequenceNumber": str(number), "media": told, "streamSid": stream}, indent=1)


def append(data: bytes) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(data).decode()})


@pytest.mark.parametrize("form", WIRES)
def test_what_was_recorded_is_stored_by_another_server(
    tmp_path: Path, callbot_lab: CommandLine, server: Server, other_server: Server, form: str
) -> None:
    tape, outcome = tmp_path / "traffic.jsonl.gz", tmp_path / "outcome.json"
    play = ["--calls", "20", "--format", form, "--seconds", "1.2", "--port", str(server.port)]
    done = callbot_lab("call", *play, *(f"--fault={fault}" for fault in FAULTS), "--record", str(tape))
    assert done.returncode == 0, done.stdout + done.stderr
    for again, way in ((tmp_path / "paced.jsonl", []), (tmp_path / "flood.jsonl", ["--flood"])):
        where = ["--port", str(other_server.port), "--json", str(outcome), "--record", str(again)]
        done = callbot_lab("call", "--replay", str(tape), *where, *way)
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(outcome.read_text())
        assert (told["calls"], told["stored"]["whole_calls"], told["stored"]["wrong"]) == (20, 20, {})
        assert told["stored"]["expected_chunks"] > 100
        assert told["flood"] is ("lag_ms" not in told) is bool(way)

        # What the replay sent is what was recorded, but for the names.
        first, second = (list(Reader(path)) for path in (tape, again))
        assert Counter(line.end for line in first) == Counter(line.end for line in second)
        for connection in range(20):
            one, other = ([line for line in lines if line.connection == connection] for lines in (first, second))
            assert [(line.end, len(line.text or "")) for line in one] == [
                (line.end, len(line.text or "")) for line in other
            ]
            assert unnamed(one, form) == unnamed(other, form)


def unnamed(lines: list[Line], form: str) -> list[str]:
    """The texts of lines without what names their calls."""
    name = re.compile(rf'"{WIRES[form].member}":"[^"]*"')
    return [name.sub("", line.text) for line in lines if line.text is not None]


def test_a_recording_holds_what_was_sent_when_and_to_whom(
    tmp_path: Path, callbot_lab: CommandLine, server: Server
) -> None:
    tape = tmp_path / "traffic.jsonl"
    port = str(server.port)
    faults = ["--fault", "half-open=0.4", "--fault", "reset=0.4", "--fault", "malformed=0.1"]
    began = time.monotonic()
    done = callbot_lab("call", "--calls", "12", "--seconds", "2", *faults, "--port", port, "--record", str(tape))
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    head, *lines = [json.loads(line) for line in tape.read_text().splitlines()]
    assert head == {"traffic": 1, "format": "callbot", "connections": 12}
    assert {line["c"]: line["path"] for line in lines if "path" in line} == dict.fromkeys(range(12), "/ws/callbot")
    ends = {line["c"]: line["end"] for line in lines if "end" in line}
    assert set(ends) == set(range(12))
    assert set(ends.values()) == {"goodbye", "silence", "reset"}
    # A reset breaks off a message, which is told whole.
    assert all(json.loads(line["text"])["event"] == "media" for line in lines if line.get("end") == "reset")
    times = [line["t"] for line in lines if "t" in line]
    assert times == sorted(times)
    assert 1.8 < times[-1] - times[0] < took
    refused = server.page()["messages"]["refused"]
    listeners = [Listener(WIRES["callbot"], "/ws/callbot") for _ in range(12)]
    taken = [listeners[line["c"]].take(line["text"]) for line in lines if "text" in line and "end" not in line]
    assert 0 < taken.count(False) <= refused
    for number, listener in enumerate(listeners):
        stored = wav.read(server.folder / f"{listener.calls[0].name}.wav").data
        sent = bytes(listener.calls[0].audio)
        assert stored == (sent[: len(stored)] if ends[number] == "reset" else sent)


def test_a_replay_keeps_the_recorded_timing(tmp_path: Path, server: Server) -> None:
    texts = [start("timing"), media("timing", 1, pcm(1)), media("timing", 2, pcm(2)), stop("timing", 3)]
    times = [1_700_000_000.0, 1_700_000_000.1, 1_700_000_000.5, 1_700_000_000.6]
    lines = [{"t": at, "text": text} for at, text in zip(times, texts, strict=True)]
    _, (call,) = replayed(server, written(tmp_path / "traffic.jsonl", "callbot", *lines))
    assert call.due[1] - call.due[0] == pytest.approx(400_000_000, abs=1000)
    stamps = server.folder / f"{call.name}.stamps"
    first, second = (int.from_bytes(stamps.read_bytes()[place : place + 8], "little") for place in (0, 8))
    assert first > call.due[0]
    assert second > call.due[1]
    assert call.due[0] + 10**10 > second


def test_a_twilio_capture_made_by_hand_plays(tmp_path: Path, callbot_lab: CommandLine, server: Server) -> None:
    stream = "MZ0123456789abcdef0123456789abcdef"
    texts = [
        '{"event":"connected","protocol":"Call","version":"1.0.0"}',
        twilio_start(stream, "inbound", "outbound"),
        *(twilio_media(stream, 2 + k, pcm(k, 160), ("inbound", "outbound")[k % 2]) for k in range(10)),
        json.dumps({"event": "mark", "sequenceNumber": "12", "streamSid": stream, "mark": {"name": "x"}}),
        json.dumps({"event": "stop", "sequenceNumber": "13", "streamSid": stream, "stop": {}}),
    ]
    path = written(tmp_path / "captured.jsonl", "twilio", *of_texts(*texts))
    checked, calls = replayed(server, path)
    assert (checked.whole, checked.stored, checked.wrong, len(checked.lags_ms)) == (2, 10, {}, 10)
    inbound, outbound = calls
    assert wav.read(server.folder / f"{inbound.name}.wav").data == b"".join(pcm(k, 160) for k in range(0, 10, 2))
    assert wav.read(server.folder / f"{outbound.name}.wav").data == b"".join(pcm(k, 160) for k in range(1, 10, 2))
    # The ids are others, of the same length, and the server can take the same file again.
    assert inbound.call_id != stream
    assert len(inbound.call_id) == len(stream)
    assert outbound.call_id == f"{inbound.call_id}-outbound"
    done = callbot_lab("call", "--replay", str(path), "--port", str(server.port))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 of 2 calls are right bit for bit, 10 chunks" in done.stdout
    assert "refuse" not in done.stdout


def test_an_openai_capture_with_commits_and_clears_plays(tmp_path: Path, server: Server) -> None:
    commit, clear = ('{"type":"input_audio_buffer.commit"}', '{"type":"input_audio_buffer.clear"}')
    texts = ['{"type":"session.update","session":{}}', clear, commit, append(pcm(1)), commit, append(pcm(2)), clear]
    lines = [*of_texts(*texts, append(pcm(3)), '{"type":"response.create"}')]
    lines += [{"t": 1, "c": 7, "path": "/ws/openai?model=x&call_id=mine"}]
    lines += [{"t": 1, "c": 7, "text": append(pcm(4))}]
    checked, calls = replayed(server, written(tmp_path / "captured.jsonl", "openai", *lines))
    assert (checked.whole, checked.wrong) == (2, {})
    assert [wav.read(server.folder / f"{call.name}.wav").data for call in calls] == [pcm(1) + pcm(3), pcm(4)]


def test_calls_of_one_connection_and_one_name_are_told_apart(tmp_path: Path, server: Server) -> None:
    texts = [
        start("same"),
        start("same"),
        start("next", "mulaw", 8000),
        media("same", 1, pcm(1)),
        media("next", 1, pcm(2), "mulaw", 8000),
        media("next", 2, pcm(9)),
        media("other", 1, pcm(9)),
        stop("same", 2),
        media("same", 3, pcm(9)),
        start("same"),
        media("same", 1, pcm(3, 321)),
    ]
    lines = [*of_texts(*texts), {"t": 1, "c": 1, "text": start("same")}]
    lines += [{"t": 1, "c": 1, "text": media("same", 1, pcm(4))}]
    checked, calls = replayed(server, written(tmp_path / "traffic.jsonl", "callbot", *lines))
    assert (checked.whole, checked.wrong) == (4, {})
    assert [bytes(call.audio) for call in calls] == [pcm(1), pcm(2), pcm(3, 321), pcm(4)]
    assert len({call.name for call in calls}) == 4
    assert calls[2].name == f"{calls[0].name}.2"


def test_only_after_a_reset_less_may_be_stored(tmp_path: Path, server: Server) -> None:
    lines = [{"t": 0, "c": c, "text": text} for c in (0, 1) for text in (start("a"), media("a", 1, pcm(1)))]
    lines += [{"t": 1, "c": 0, "end": "reset", "text": media("a", 2, pcm(2))}, {"t": 1, "c": 1, "end": "silence"}]
    checked, calls = replayed(server, written(tmp_path / "traffic.jsonl", "callbot", *lines))
    assert checked.whole == 2
    assert [(call.reset, bytes(call.audio)) for call in calls] == [(True, pcm(1)), (False, pcm(1))]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)


def shorten(path: Path) -> None:
    audio = wav.read(path)
    path.write_bytes(wav.header(audio.encoding, audio.rate, len(audio.data) - 2) + audio.data[:-2])


@pytest.mark.parametrize(("damage", "words"), [(flip, "byte 540 of 640 differs"), (shorten, "638 bytes of 640")])
def test_the_check_of_a_replay_finds_a_wrong_byte(
    tmp_path: Path, server: Server, damage: Callable[[Path], None], words: str
) -> None:
    texts = [start("a"), media("a", 1, pcm(1)), media("a", 2, pcm(2)), start("b"), media("b", 1, pcm(3)), stop("a", 3)]
    played = Replay("127.0.0.1", server.port, written(tmp_path / "traffic.jsonl", "callbot", *of_texts(*texts)))
    played.connect()
    played.play(played.seconds)
    played.finish()
    assert check(played, server.folder).whole == 2
    first = next(played.expected())
    damage(server.folder / f"{first.name}.wav")
    found = check(played, server.folder)
    assert found.whole == 1
    assert words in found.wrong[first.call_id]


def test_a_file_that_promises_more_than_is_stored_is_wrong(
    tmp_path: Path, callbot_lab: CommandLine, server: Server
) -> None:
    """Audio in a message that is longer than the server takes: it closes the connection."""
    texts = [start("a"), media("a", 1, pcm(1)), media("a", 2, pcm(2, 200_000)), media("a", 3, pcm(3))]
    path = written(tmp_path / "traffic.jsonl", "callbot", *of_texts(*texts))
    done = callbot_lab("call", "--replay", str(path), "--port", str(server.port))
    assert done.returncode == 1
    assert "1 connections were lost, such as that of connection 0: the server closed it with 1009" in done.stdout
    assert "stored: 0 of 1 calls are right" in done.stdout


def test_what_a_server_has_to_refuse_is_told(tmp_path: Path, callbot_lab: CommandLine, server: Server) -> None:
    texts = [start("a"), media("a", 1, pcm(1)), media("a", 2, "AAA"), "no JSON", media("a", 3, "AB=="), "[" * 100_000]
    texts += [media("a", 4, pcm(1), rate=8000), media("a", True, pcm(9)), media("a", 5, pcm(5))]
    path = written(tmp_path / "traffic.jsonl", "callbot", *of_texts(*texts[:5], *texts[6:]))
    done = callbot_lab("call", "--replay", str(path), "--port", str(server.port))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "a server has to refuse 5 messages of them, such as that of line 4" in done.stdout
    assert "1 of 1 calls are right bit for bit, 2 chunks" in done.stdout
    assert not Listener(WIRES["callbot"], "/ws/callbot").take(texts[5])


def test_an_interrupt_ends_a_recording_that_is_valid(tmp_path: Path, server: Server) -> None:
    tape = tmp_path / "traffic.jsonl"
    said = interrupted(["--calls", "5", "--seconds", "60", "--port", str(server.port), "--record", str(tape)])
    assert "5 of 5 calls are right bit for bit" in said
    lines = list(Reader(tape))
    assert Counter(line.end for line in lines if line.end) == {"goodbye": 5}
    messages = [line for line in lines if line.text is not None]
    assert said.endswith(f"recorded: {len(messages)} messages in {tape}\n")
    assert len(messages) > 20


def test_after_an_interrupt_a_replay_checks_what_it_sent(tmp_path: Path, server: Server) -> None:
    texts = [start("a"), *(media("a", k, pcm(k)) for k in range(1, 51))]
    lines = [*of_texts(*texts), {"t": 60, "text": media("a", 51, pcm(51))}]
    path = written(tmp_path / "traffic.jsonl", "callbot", *lines)
    said = interrupted(["--replay", str(path), "--port", str(server.port)])
    assert "1 of 1 calls are right bit for bit, 50 chunks" in said


def test_whoever_is_to_stop_does_not_wait_for_what_is_due(tmp_path: Path, server: Server) -> None:
    lines = [*of_texts(start("a"), media("a", 1, pcm(1))), {"t": 60, "text": media("a", 2, pcm(2))}]
    played = Replay("127.0.0.1", server.port, written(tmp_path / "traffic.jsonl", "callbot", *lines))
    played.connect()

    def stop() -> None:
        played.stopping = True

    timer = threading.Timer(0.3, stop)
    timer.start()
    sent = played.play(played.seconds)
    timer.join()
    played.finish()
    assert (sent.messages, sent.seconds < 30) == (2, True)
    assert check(played, server.folder).whole == 1


def interrupted(arguments: list[str]) -> str:
    """What the caller says that gets SIGINT once it told progress; AssertionError if its status is another."""
    command = [sys.executable, "-m", "callbot_lab", "call", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = ""
    while " to go, " not in said:
        said += process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said += process.communicate(timeout=60)[0]
    assert process.returncode == 130, said
    return said


def test_a_full_disk_ends_the_recording_and_no_call(tmp_path: Path, server: Server) -> None:
    tape = tmp_path / "traffic.jsonl"
    command = [sys.executable, "-m", "callbot_lab", "call", "--calls", "20", "--seconds", "4", "--record", str(tape)]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (700_000, 700_000))

    command += ["--port", str(server.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limit)
    assert done.returncode == 1, done.stderr
    assert f"recording ended, while the calls go on: {tape}: File too large" in done.stdout
    assert "20 of 20 calls are right bit for bit, 2,000 chunks" in done.stdout
    assert f"the recording is not whole: {tape}: File too large" in done.stdout
    with pytest.raises(LabError, match="cut"):
        list(Reader(tape))


def test_no_file_is_left_of_a_recording_that_could_not_begin(
    tmp_path: Path, callbot_lab: CommandLine, server: Server
) -> None:
    tape = tmp_path / "traffic.jsonl"
    done = callbot_lab("call", "--input", "missing.wav", "--port", str(server.port), "--record", str(tape))
    assert "missing.wav" in done.stderr
    assert not tape.exists()


def test_a_recording_needs_a_new_file(tmp_path: Path) -> None:
    for there in (tmp_path / "traffic.jsonl", tmp_path / "traffic.jsonl.gz"):
        there.write_text("mine")
        with pytest.raises(LabError, match="exists; name another"):
            Tape(there)
        assert there.read_text() == "mine"
    with pytest.raises(LabError, match="No such file"):
        Tape(tmp_path / "no" / "file")


def test_a_connection_tapes_what_it_takes_and_how_it_ends(tmp_path: Path) -> None:
    taken: list[Callable[[bytes], int]] = []
    owner: Any = SimpleNamespace(
        sends_by=lambda connection, send: taken.append(send), waits=lambda *_, **__: None, watch=lambda *_: None
    )
    tape, mask = Tape(tmp_path / "traffic.jsonl"), Mask(b"\x01\xfe\x37\x80")
    tape.head("callbot", 2)
    connection, other = (TapedConnection(tape, mask, k, "/ws/callbot", "x", 1, owner) for k in (0, 1))

    def full(_frame: bytes) -> int:
        raise BlockingIOError

    def gone(_frame: bytes) -> int:
        raise ConnectionResetError

    sends = {"whole": len, "part": lambda frame: 3, "full": full, "given up": lambda frame: -1, "gone": gone}
    for text, send in sends.items():
        connection._sends_by(send)
        with contextlib.suppress(ConnectionResetError):
            taken[-1](mask.frame(text))
    connection.state = State.OPEN
    connection.silence()
    connection.write(mask.frame("silent"))
    connection.reset(mask.frame("late"))
    other.close()
    tape.close()
    tape.close()
    told = [(line.connection, line.text, line.end) for line in Reader(tape.path) if not line.path]
    # The other one was not open yet, so it could say no goodbye.
    assert told == [(0, "whole", None), (0, "part", None), (0, "full", None), (0, None, "silence"), (1, None, "lost")]
    assert other.state is State.CONNECTING


def test_what_the_file_says_is_not_to_be_asked_for(callbot_lab: CommandLine) -> None:
    own = {"--calls": "10", "--format": "twilio", "--seconds": "10", "--input": "x", "--fault": "drop=0", "--seed": "1"}
    done = callbot_lab("call", "--replay", "none.jsonl", *(text for option in own.items() for text in option))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    names = "--calls, --format, --seconds, --input, --fault and --seed"
    assert done.stderr.endswith(f"it does not go with {names}\n")


HEAD = '{"traffic": 1, "format": "callbot"}\n'
FIRST = json.dumps({"t": 1, "text": start("a")}) + "\n"
AUDIO = json.dumps({"t": 1, "text": media("a", 1, pcm(1))}) + "\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("RIFF", "line 1: this is no JSON"),
        ("[]\n", "line 1: a line is a JSON object"),
        ("{}\n", "line 1: this is no traffic file: it begins with"),
        ('{"traffic": 2, "format": "callbot"}\n', "line 1: traffic of version 2; this reads version 1"),
        ('{"traffic": true, "format": "callbot"}\n', "line 1: traffic of version True"),
        ('{"traffic": 1, "format": "sip"}\n', "line 1: format 'sip'; accepted are callbot, twilio, openai"),
        ('{"traffic": 1}\n', "line 1: format None; accepted are"),
        ('{"traffic": 1, "format": "callbot", "connections": 0}\n', "line 1: connections is their number"),
        (HEAD + FIRST[:-9] + "\n" + AUDIO, "line 2: this is no JSON"),
        (HEAD + FIRST + AUDIO[:-9], "line 3: this is no JSON, and the file ends in it: it may be cut"),
        (HEAD + '\n{"t": 0}\n', "line 3: text, the message as a string, is missing"),
        (HEAD + '{"t": 0, "text": 5}\n', "line 2: text, the message"),
        (HEAD + '{"t": 0, "text": "\\ud800"}\n', "line 2: text is no Unicode"),
        (HEAD + '{"text": "x"}\n', "line 2: t is a number of seconds"),
        (HEAD + '{"t": NaN, "text": "x"}\n', "line 2: t is a number of seconds"),
        (HEAD + '{"t": true, "text": "x"}\n', "line 2: t is a number of seconds"),
        (HEAD + f'{{"t": 1{"0" * 400}, "text": "x"}}\n', "line 2: t is a number of seconds"),
        (HEAD + FIRST + '{"t": 0.5, "text": "x"}\n', "line 3: t is 0.5, and 1.0 in a line before"),
        (HEAD + FIRST + '{"t": 86402, "text": "x"}\n', "line 3: it comes 24 hours after the first one"),
        (HEAD + '{"c": -1, "t": 0, "text": "x"}\n', "line 2: c, the number of a connection"),
        (HEAD + '{"c": "a", "t": 0, "text": "x"}\n', "line 2: c, the number of a connection"),
        (HEAD + '{"t": 0, "end": "hangup"}\n', "line 2: end is one of goodbye, silence, reset, lost"),
        (HEAD + '{"t": 0, "end": "reset", "text": 1}\n', "line 2: text, the message"),
        (HEAD + '{"t": 0, "end": "lost"}\n{"t": 1, "text": "x"}\n', "line 3: connection 0 has ended already"),
        (HEAD + FIRST + '{"path": "/ws/callbot"}\n', "line 3: connection 0 is open already"),
        (HEAD + '{"path": "ws callbot"}\n', "line 2: path begins with /"),
        (HEAD + FIRST, "none of its 1 message is audio in the format callbot"),
        (HEAD, "none of its 0 messages is audio"),
        (HEAD.replace("callbot", "twilio") + AUDIO, "that a server would take, such as that of line 2"),
        (HEAD.replace("}", ', "connections": 1}') + FIRST + AUDIO, "is cut: it has the ends of 0 of its 1 connections"),
        (HEAD.replace("}", ', "connections": 2}') + FIRST + AUDIO + '{"t":2,"end":"lost"}', "the ends of 1 of its 2"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "traffic.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LabError) as raised:
        Replay("127.0.0.1", 1, path)
    assert str(path) in str(raised.value)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_what_is_wrong_with_the_bytes_of_a_file_is_said(tmp_path: Path) -> None:
    whole = gzip.compress(((HEAD + FIRST) + AUDIO * 1000).encode())
    damaged = bytearray(whole)
    damaged[-5] ^= 1
    cases = {
        "cut.gz": (whole[:-20], "is cut"),
        "short.gz": (whole[:5], "is cut"),
        "plain.gz": (HEAD.encode(), "is damaged"),
        "damaged.gz": (bytes(damaged), "is damaged"),
        "inside.gz": (whole[:40] + bytes(20) + whole[60:], "is damaged"),
        "latin.jsonl": (b'{"traffic": 1, "format": "\xe9"}\n', "line 1: this is no JSON"),
        "packed.jsonl": (whole, "line 1: this is no JSON"),
    }
    for name, (data, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(LabError, match=reason):
            Replay("127.0.0.1", 1, path)
    for path, reason in ((tmp_path, "Is a directory"), (tmp_path / "none", "No such file")):
        with pytest.raises(LabError, match=reason):
            Replay("127.0.0.1", 1, path)


def test_a_bad_file_is_one_line_and_needs_no_server(tmp_path: Path, callbot_lab: CommandLine) -> None:
    path = tmp_path / "traffic.jsonl"
    path.write_text("RIFF")
    done = callbot_lab("call", "--replay", str(path), "--port", "1", "--record", str(tmp_path / "again.jsonl"))
    assert done.returncode == 2
    assert done.stderr == f"callbot-lab: {path}, line 1: this is no JSON, and the file ends in it: it may be cut\n"
    assert not (tmp_path / "again.jsonl").exists()


def test_a_file_as_another_editor_saves_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "traffic.jsonl"
    path.write_bytes(("\ufeff" + HEAD + FIRST + "\n" + AUDIO.rstrip()).replace("\n", "\r\n").encode())
    assert Replay("127.0.0.1", 1, path).messages == 2


def test_fresh_names_are_distinct_and_as_long_as_the_old_ones() -> None:
    names = Names("call_id")
    old = ["0123456789ab-000001", "MZ" + "a" * 32, "x" * 18, "x", "", "caf\u00e9" * 9, "\\u00e9" + "0" * 30]
    fresh = [names.fresh(one) for one in old]
    assert len({*fresh, *(names.fresh(one) for one in old)}) == 2 * len(old)
    assert [len(one) for one in fresh[:3]] == [19, 34, 18]
    assert fresh[1].startswith("MZaa")
    assert all(json.loads(f'"{one}"') == one for one in fresh)


def test_only_the_name_of_a_call_changes_in_a_message() -> None:
    names, named = Names("call_id"), dict[str, str]()
    old = "0123456789abcdef-0001"
    text = f'{{"event": "{old}", "call_id" :\n"{old}", "call_id":5, "seq":"call_id", "media":{{"payload":"{old}'
    new = names.in_text(text, named)
    assert named.keys() == {old}
    assert new == text.replace(f'"call_id" :\n"{old}"', f'"call_id" :\n"{named[old]}"')
    assert names.in_text(f'{{"call_id":"{old}"', named) == f'{{"call_id":"{named[old]}"'


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_is_read_back(size: int) -> None:
    text = ("caf\u00e9 " * size)[:size]
    mask = Mask(b"\x01\xfe\x37\x80")
    assert mask.text(mask.frame(text)) == text
