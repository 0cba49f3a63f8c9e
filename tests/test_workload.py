"""The chunks that are timed are the recording, to the byte."""

from __future__ import annotations

import base64
import wave
from pathlib import Path

import numpy as np
import pytest

from callbot_lab.errors import LabError
from callbot_lab.paths import SPEECH
from callbot_lab.workload import FORMATS, cut, mulaw, parse_size, pool_of, read_recording


def write_wav(path: Path, *, width: int = 2, channels: int = 1, rate: int = 16_000, frames: int = 16_000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(bytes(width * channels * frames))
    return path


def test_the_speech_is_the_workload_of_the_seed_report() -> None:
    workload = cut(read_recording(SPEECH), FORMATS["callbot"])
    assert len(workload.texts) == 2564
    assert {len(chunk) for chunk in workload.pcm} == {1280}
    assert b"".join(workload.pcm) == SPEECH.read_bytes()[44:]


@pytest.mark.parametrize("name", FORMATS)
def test_texts_are_the_base64_of_the_pcm(name: str) -> None:
    workload = cut(read_recording(SPEECH), FORMATS[name])
    assert [base64.b64decode(text, validate=True) for text in workload.texts] == list(workload.pcm)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_keeps_the_duration(name: str) -> None:
    workload = cut(read_recording(SPEECH), FORMATS[name])
    seconds = len(workload.texts) * workload.format.milliseconds / 1000
    assert 102.56 - workload.format.milliseconds / 1000 < seconds <= 102.56


def test_a_warm_pool_is_spread_over_the_recording() -> None:
    workload = cut(read_recording(SPEECH), FORMATS["callbot"])
    pool = pool_of(workload, "warm")
    assert len(pool.texts) == 256
    assert len(set(pool.texts)) > 250
    assert workload.texts.index(pool.texts[-1]) > 2400
    assert pool_of(workload, "pass") is workload


@pytest.mark.parametrize("name", FORMATS)
def test_a_hot_pool_is_small_and_spread_over_the_recording(name: str) -> None:
    workload = cut(read_recording(SPEECH), FORMATS[name])
    pool = pool_of(workload, "hot")
    assert len(pool.texts) == len(pool.pcm) == 64
    assert workload.texts.index(pool.texts[-1]) > 0.9 * len(workload.texts)


def test_small_chunks_get_a_larger_pool() -> None:
    assert len(pool_of(cut(read_recording(SPEECH), FORMATS["twilio"]), "warm").texts) == 1024


@pytest.mark.parametrize(("size", "chunks"), [("16", 4096), ("80", 4096), ("160", 2048), ("65536", 5), ("200000", 4)])
def test_a_level_pool_holds_the_same_pcm_at_every_size(size: str, chunks: int) -> None:
    whole = cut(read_recording(SPEECH), parse_size(size))
    pool = pool_of(whole, "level")
    assert len(pool.texts) == len(pool.pcm) == chunks
    assert [base64.b64decode(text, validate=True) for text in pool.texts] == list(pool.pcm)
    # Spread over the recording, and made anew, so that they lie side by side in memory.
    assert whole.texts.index(pool.texts[-1]) > len(whole.texts) // 2
    assert not {id(text) for text in pool.texts} & {id(text) for text in whole.texts}


def test_mulaw_agrees_with_the_decoder_of_the_standard() -> None:
    samples = np.arange(-32768, 32768, 7, dtype=np.int16)
    codes = np.frombuffer(mulaw(samples), dtype=np.uint8)
    # Expansion by ITU-T G.711: complement, then sign, segment and step.
    flipped = ~codes.astype(np.int32) & 0xFF
    segment, step = (flipped >> 4) & 7, flipped & 15
    size = ((step << 3) + 132 << segment) - 132
    back = np.where(flipped & 0x80, -size, size)
    half_step = 4 << segment
    error = np.abs(back - np.clip(samples.astype(np.int32), -32635, 32635))
    assert (error <= half_step).all()
    assert mulaw(np.array([0], dtype=np.int16)) == b"\xff"


@pytest.mark.parametrize("text", ["callbot", "160", "1048576"])
def test_a_size_is_a_format_or_a_number_of_bytes(text: str) -> None:
    assert parse_size(text).name == text


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "1048577", "callbott", "٣"])
def test_a_size_that_is_none_says_what_is_accepted(text: str) -> None:
    with pytest.raises(LabError, match="accepted are callbot"):
        parse_size(text)


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (3, 1), (2, 2)])
def test_a_recording_that_is_not_mono_16_bit_is_refused(tmp_path: Path, width: int, channels: int) -> None:
    path = write_wav(tmp_path / "other.wav", width=width, channels=channels)
    with pytest.raises(LabError, match=rf"{8 * width}-bit samples on {channels} channel"):
        read_recording(path)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no audio at all", SPEECH.read_bytes()[:30]])
def test_a_file_that_is_no_recording_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.wav"
    path.write_bytes(content)
    with pytest.raises(LabError, match="accepted is a WAV file") as caught:
        read_recording(path)
    assert "\n" not in str(caught.value)


def test_a_recording_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="No such file"):
        read_recording(tmp_path / "none.wav")


def test_a_recording_shorter_than_a_chunk_is_refused(tmp_path: Path) -> None:
    recording = read_recording(write_wav(tmp_path / "short.wav", frames=100))
    with pytest.raises(LabError, match="shorter than one chunk of 1280 bytes"):
        cut(recording, FORMATS["callbot"])
