"""The variants that release the GIL do, the others do not, and a buffer stays whole meanwhile."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import pytest

PCM = bytes(range(256)) * 2**16
TEXT = b64encode(PCM).decode()
"""16 MiB of audio, so that decoding takes long enough for another thread to wake up."""

WAYS: dict[str, Callable[[Any, Any], Callable[[], Any]]] = {
    "decode": lambda implementation, _: lambda: implementation.decode(TEXT),
    "append": lambda _, buffer: lambda: buffer.append(TEXT),
    "extend": lambda _, buffer: lambda: buffer.extend([TEXT]),
    "append a buffer": lambda _, buffer: lambda: buffer.append(bytearray(TEXT, "ascii")),
}


@pytest.fixture(params=["callbot_cython", "callbot_rust"])
def package(request: pytest.FixtureRequest) -> Any:
    """A compiled implementation; skipped where it is not installed."""
    return pytest.importorskip(str(request.param))


@pytest.fixture
def releasing(package: Any) -> Any:
    """The variant of a compiled implementation that releases the GIL."""
    return import_module(f"{package.__name__}.variants").releasing


@pytest.fixture(autouse=True)
def only_a_release_switches() -> Iterator[None]:
    """Let no thread take the GIL from another that does not give it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    # Threads that wait for each other for good end the run with a traceback: no Python code may run then.
    with os.fdopen(os.dup(2), "w") as errors:
        faulthandler.dump_traceback_later(120, exit=True, file=errors)
        yield
        faulthandler.cancel_dump_traceback_later()
    sys.setswitchinterval(before)


def meanwhile(work: Callable[[], Any], other: Callable[[], Any]) -> tuple[bool, Any]:
    """Whether another thread came to its own work while this one was at its, and what the other's was."""
    gate, working, seen = threading.Lock(), [True], []
    gate.acquire()

    def wait() -> None:
        with gate:
            seen.append((working[0], other()))

    thread = threading.Thread(target=wait)
    thread.start()
    gate.release()  # wakes the other thread, which then needs the GIL
    work()
    working[0] = False
    thread.join()
    came, result = seen[0]
    return came, result


ATTEMPTS = 50
"""On a busy machine the other thread may come too late, so that it has to be tried more than once."""


@pytest.mark.parametrize("way", WAYS)
def test_another_thread_runs_while_a_releasing_variant_decodes(releasing: Any, way: str) -> None:
    works = (WAYS[way](releasing, releasing.AudioBuffer(len(PCM))) for _ in range(ATTEMPTS))
    assert any(meanwhile(work, lambda: None)[0] for work in works)


@pytest.mark.parametrize("way", ["decode", "append", "extend"])
def test_no_other_thread_runs_while_the_others_decode(package: Any, way: str) -> None:
    work = WAYS[way](package, package.AudioBuffer(len(PCM)))
    assert not meanwhile(work, lambda: None)[0]


def test_with_a_bound_over_all_calls_the_gil_is_kept(releasing: Any) -> None:
    processor = releasing.AudioProcessor(capacity=len(PCM), max_bytes=len(PCM))
    processor.open("a")
    assert not meanwhile(lambda: processor.append("a", TEXT), lambda: None)[0]


@pytest.mark.parametrize("way", ["append", "extend"])
@pytest.mark.parametrize("look", ["len", "counters", "view", "take", "clear", "append", "append_pcm"])
def test_another_thread_waits_for_a_buffer_that_is_decoded_into(releasing: Any, way: str, look: str) -> None:
    assert any(looks_meanwhile(releasing, way, look) for _ in range(ATTEMPTS)), "the other thread always came too late"


def looks_meanwhile(releasing: Any, way: str, look: str) -> bool:
    """Whether another thread came to look at a buffer that was decoded into; what it sees is checked anyway."""
    buffer = releasing.AudioBuffer(len(PCM) + 3)
    looks: dict[str, Callable[[], Any]] = {
        "len": lambda: len(buffer),
        "view": lambda: bytes(buffer.view()) == PCM,
        "take": lambda: buffer.take() == PCM,
        "clear": lambda: (buffer.clear(), len(buffer)),
        "append": lambda: (buffer.append("AAEC"), len(buffer)),
        "append_pcm": lambda: (buffer.append_pcm(b"abc"), len(buffer)),
        "counters": lambda: (buffer.chunk_count, buffer.total_bytes, buffer.capacity, buffer.reallocations),
    }
    after = {
        "len": len(PCM),
        "view": True,
        "take": True,
        "clear": (None, 0),
        "counters": (1, len(PCM), len(PCM) + 3, 0),
    }
    after |= dict.fromkeys(("append", "append_pcm"), (3, len(PCM) + 3))
    came, seen = meanwhile(WAYS[way](releasing, buffer), looks[look])
    assert seen == after[look]
    assert buffer.total_bytes == len(PCM) + (3 if look.startswith("append") else 0)
    return came


@pytest.mark.parametrize("capacity", [0, 2**22])
def test_threads_that_append_to_one_buffer_take_turns(releasing: Any, capacity: int) -> None:
    sys.setswitchinterval(1e-5)
    texts = [b64encode(bytes([mark]) * 4800).decode() for mark in (65, 66)]
    buffer = releasing.AudioBuffer(capacity)
    looks: list[int] = []

    def add(text: str) -> None:
        for _ in range(150):
            buffer.append(text)
            buffer.extend([text, text])

    def look() -> None:
        while len(buffer) < 2 * 450 * 4800:
            looks.append(len(buffer))

    threads = [threading.Thread(target=add, args=[text]) for text in texts] + [threading.Thread(target=look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chunks = [bytes(buffer.view()[at : at + 4800]) for at in range(0, len(buffer), 4800)]
    assert all(len(set(chunk)) == 1 for chunk in chunks)
    assert (len(chunks), buffer.chunk_count) == (900, 900)
    assert all(size % 4800 == 0 for size in looks)
    assert looks == sorted(looks)


def test_a_call_is_closed_once_the_buffer_is_whole(releasing: Any) -> None:
    assert any(closes_meanwhile(releasing) for _ in range(ATTEMPTS)), "the other thread always came too late"


def closes_meanwhile(releasing: Any) -> bool:
    """Whether another thread came to close a call that was decoded into; what it gets is checked anyway."""
    processor = releasing.AudioProcessor(capacity=len(PCM))
    processor.open("a")
    came, closed = meanwhile(lambda: processor.append("a", TEXT), lambda: processor.close("a") == PCM)
    assert closed
    assert len(processor) == 0
    return came


def test_what_is_refused_leaves_the_buffer_as_it_was(releasing: Any) -> None:
    buffer = releasing.AudioBuffer(len(PCM))
    buffer.append("AAEC")
    for work in (lambda: buffer.append(TEXT[:-4] + "AAA!"), lambda: buffer.extend([TEXT, "AB=="])):
        with pytest.raises(ValueError, match="invalid base64"):
            work()
        assert (bytes(buffer.view()), buffer.chunk_count) == (b"\x00\x01\x02", 1)
