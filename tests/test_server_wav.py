"""WAV files, notes' names, and recovery, without a server."""

from __future__ import annotations

import json
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from callbot_lab.errors import LabError
from callbot_lab.server import wav
from callbot_lab.server.recorder import Recorder, complete, lock
from callbot_lab.server.recordings import stem
from callbot_lab.server.recover import recover
from callbot_lab.server.settings import Kept
from callbot_lab.workload import mulaw

from .servers import until


def expanded(code: int) -> int:
    """The sample of a mu-law code, as G.711 describes it: chord and step, biased by 33 in 14 bits."""
    bits = 255 - code
    chord, step = (bits >> 4) & 7, bits & 15
    value = ((2 * step + 33) << chord) - 33
    return -4 * value if bits & 128 else 4 * value


def test_every_mulaw_code_is_expanded_as_in_the_standard() -> None:
    found = np.frombuffer(wav.linear(bytes(range(256))), "<i2")
    assert found.tolist() == [expanded(code) for code in range(256)]


def test_companding_an_expanded_code_gives_it_back() -> None:
    codes = bytes(code for code in range(256) if code != 127)  # 127 is a second nought
    assert mulaw(np.frombuffer(wav.linear(codes), "<i2")) == codes


@pytest.mark.parametrize("size", [0, 2, 1280])
def test_the_standard_library_reads_a_pcm_file(tmp_path: Path, size: int) -> None:
    path, data = tmp_path / "a.wav", bytes(k % 251 for k in range(size))
    path.write_bytes(wav.header(wav.PCM16, 16_000, size) + data)
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 16_000)
        assert file.readframes(size) == data
    assert wav.read(path) == wav.Audio("pcm16", 16_000, data)


def test_a_mulaw_header_says_so() -> None:
    head = wav.header(wav.MULAW, 8_000, 160)
    tag, channels, rate, pace, block, bits, extension = struct.unpack_from("<HHIIHHH", head, 20)
    assert (tag, channels, rate, pace, block, bits, extension) == (7, 1, 8_000, 8_000, 1, 8, 0)
    assert head[38:50] == b"fact" + struct.pack("<II", 4, 160)
    assert struct.unpack_from("<I", head, 4)[0] == len(head) - 8 + 160


@pytest.mark.parametrize(("encoding", "audio", "stored"), [("pcm16", 5, 6), ("mulaw", 5, 5), ("pcm16", 4, 4)])
def test_odd_audio_ends_in_a_whole_file(tmp_path: Path, encoding: str, audio: int, stored: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav.header(encoding, 8_000, 0) + bytes(range(1, audio + 1)))
    complete(path, encoding, 8_000, audio)
    found = wav.read(path)
    assert found.data == bytes(range(1, audio + 1)) + bytes(stored - audio)
    raw = path.read_bytes()
    assert struct.unpack_from("<I", raw, 4)[0] == len(raw) - 8
    assert len(raw) % 2 == 0


@pytest.mark.parametrize(
    "raw",
    [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", wav.header("pcm16", 8000, 4) + b"ab", b"RIFFxxxxWAVEdata\4\0\0\0abcd"],
)
def test_what_is_no_whole_wav_file_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(raw)
    with pytest.raises(LabError):
        wav.read(tmp_path / "a.wav")


def test_names_are_safe_and_differ() -> None:
    ids = ["a/b", "a_b", "../../etc/x", "", "x" * 10_000, "x" * 10_001, "\ud800", "A-1", "."]
    names = [stem(call_id) for call_id in ids]
    assert len(set(names)) == len(ids)
    assert all(len(name) < 100 and "/" not in name and not name.startswith("..") for name in names)
    assert stem("A-1") == "A-1"


def test_recovery_finishes_what_it_can_and_tells_of_the_rest(tmp_path: Path) -> None:
    note = {"schema": 1, "call_id": "a b", "state": "open", "encoding": "mulaw", "rate": 8000}
    (tmp_path / "good.json").write_text(json.dumps(note))
    (tmp_path / "good.wav.part").write_bytes(wav.header("mulaw", 8000, 0) + b"\1\2\3")
    (tmp_path / "noteless.wav.part").write_bytes(wav.header("pcm16", 16_000, 0) + b"\1\2\3")
    (tmp_path / "damaged.json").write_text("{")
    (tmp_path / "damaged.wav.part").write_bytes(wav.header("pcm16", 16_000, 0) + b"\1\2")
    (tmp_path / "cut.wav.part").write_bytes(b"RIFF\0\0")
    found = recover(tmp_path)
    assert sorted(found.names) == ["damaged.wav", "good.wav", "noteless.wav"]
    assert list(found.left) == ["cut.wav.part"]
    assert wav.read(tmp_path / "good.wav").data == b"\1\2\3"
    assert wav.read(tmp_path / "noteless.wav").data == b"\1\2\3\0"
    assert json.loads((tmp_path / "good.json").read_text())["call_id"] == "a b"
    assert json.loads((tmp_path / "good.json").read_text())["ended"] == "recovered"
    assert recover(tmp_path).names == []


def test_a_folder_in_use_is_not_recovered(tmp_path: Path) -> None:
    lock(tmp_path)
    with pytest.raises(LabError, match="in use"):
        recover(tmp_path)


def test_a_folder_that_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no folder"):
        recover(tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_recovery_takes_nothing_for_a_journal_that_is_none_and_overwrites_nothing(tmp_path: Path) -> None:
    whole = wav.header("pcm16", 8000, 2) + b"ab"
    listed = whole[:36] + b"LIST\4\0\0\0abcd" + whole[36:]
    garbage = {"empty": b"", "text": b"hello", "taken": whole, "listed": listed, "huge": whole[:24] + b"\xff" * 4}
    garbage["huge"] += whole[28:]
    for name, raw in garbage.items():
        (tmp_path / f"{name}.wav.part").write_bytes(raw)
    (tmp_path / "folder.wav.part").mkdir()
    (tmp_path / "taken.wav").write_bytes(b"somebody's")
    for name, note in {"odd": {"encoding": 5}, "bare": {}, "other": {"encoding": "mp3", "schema": 1}}.items():
        (tmp_path / f"{name}.wav.part").write_bytes(whole)
        (tmp_path / f"{name}.json").write_text(json.dumps({"schema": 1, "state": "open"} | note))
    found = recover(tmp_path)
    assert set(found.left) == {f"{name}.wav.part" for name in (*garbage, "folder")}
    assert sorted(found.names) == ["bare.wav", "odd.wav", "other.wav"]
    assert (tmp_path / "taken.wav").read_bytes() == b"somebody's"
    assert {name: (tmp_path / f"{name}.wav.part").read_bytes() for name in garbage} == garbage
    assert (set(recover(tmp_path).left), recover(tmp_path).names) == (set(found.left), [])


def test_recovery_concludes_a_call_of_which_only_the_note_was_missing(tmp_path: Path) -> None:
    note = {"schema": 1, "call_id": "a b", "state": "open", "encoding": "mulaw", "rate": 8000}
    (tmp_path / "a.json").write_text(json.dumps(note))
    (tmp_path / "a.wav").write_bytes(wav.header("pcm16", 8000, 4) + b"abcd")
    (tmp_path / "stranger.wav").write_bytes(b"somebody's")
    found = recover(tmp_path)
    assert (found.names, found.left) == (["a.wav"], {})
    ended = json.loads((tmp_path / "a.json").read_text())
    assert (ended["call_id"], ended["ended"], ended["bytes"]) == ("a b", "recovered", 2)
    assert recover(tmp_path).names == []


def test_what_cannot_be_written_for_any_reason_keeps_no_other_from_its_file(tmp_path: Path) -> None:
    recorder, done = Recorder(tmp_path, Kept.AS_SENT), []
    for call_id, about in (("bad", {"format": object()}), ("good", {})):
        recording = recorder.recording(call_id, "pcm16", 8000, about)
        recorder.finish(recording, b"abcd", {"bytes": 4}, None, done.append)
    recorder.close()
    until(lambda: not recorder.working)
    assert done == ["good.wav"]
    assert recorder.unsaved() == ["bad"]
    assert "TypeError" in recorder.last_fault
    assert wav.read(tmp_path / "good.wav").data == b"abcd"


def test_a_journal_without_its_note_is_not_begun(tmp_path: Path) -> None:
    recorder, done = Recorder(tmp_path, Kept.AS_SENT), []
    # In the way of the note.
    (tmp_path / "a.json.new").mkdir()
    recording = recorder.recording("a", "pcm16", 8000, {})
    recorder.write([(recording, b"abcd")])
    until(lambda: recorder.failing)
    assert not list(tmp_path.glob("*.part"))
    (tmp_path / "a.json.new").rmdir()
    recorder.finish(recording, b"ef", {"bytes": 6}, None, done.append)
    until(lambda: done == ["a.wav"])
    recorder.close()
    assert wav.read(tmp_path / "a.wav").data == b"abcdef"
    assert not recorder.failing


def test_a_journal_that_was_taken_away_is_told_and_not_called_saved(tmp_path: Path) -> None:
    recorder, done = Recorder(tmp_path, Kept.AS_SENT), []
    recording = recorder.recording("a", "pcm16", 8000, {})
    recorder.write([(recording, b"abcd")])
    until(lambda: recording.written == 4)
    (tmp_path / "a.wav.part").unlink()
    recorder.finish(recording, b"ef", {"bytes": 6}, None, done.append)
    until(lambda: recorder.failing)
    recorder.close()
    until(lambda: not recorder.working)
    assert not done
    assert recorder.unsaved() == ["a"]
    assert "No such file" in recorder.last_fault


@pytest.mark.parametrize("most", [0, 1, 2])
def test_journals_beyond_those_that_stay_open_are_written_too(tmp_path: Path, most: int) -> None:
    recorder, done = Recorder(tmp_path, Kept.AS_SENT), []
    recorder.most_open = most
    recordings = [recorder.recording(name, "pcm16", 8000, {}) for name in "abc"]
    for audio in (b"abcd", b"efgh"):
        recorder.write([(recording, audio) for recording in recordings])
    until(lambda: all(recording.written == 8 for recording in recordings))
    assert sum(recording.file is not None for recording in recordings) == most
    for recording in recordings:
        recorder.finish(recording, b"ij", {"bytes": 10}, None, done.append)
    recorder.close()
    until(lambda: not recorder.working)
    assert done == ["a.wav", "b.wav", "c.wav"]
    assert all(wav.read(tmp_path / name).data == b"abcdefghij" for name in done)
    assert all(recording.file is None for recording in recordings)
