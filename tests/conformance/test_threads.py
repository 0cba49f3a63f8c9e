"""Methods are atomic: threads that share calls neither lose nor mix bytes."""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from .texts import encode


@dataclass(frozen=True)
class Load:
    """How much a thread adds: chunks of nothing but the thread's tag, so that a torn or mixed one shows."""

    size: int
    rounds: int

    def tag(self, number: int) -> bytes:
        """The bytes of one chunk of a thread."""
        return bytes([number]) * self.size

    def text(self, number: int) -> str:
        """The chunk as text."""
        return encode(self.tag(number))

    def tally(self, pieces: list[bytes], records: int = 1) -> Counter[int]:
        """How many chunks of each thread there are; fails if one is torn or mixed."""
        size = records * self.size
        found: Counter[int] = Counter()
        for piece in pieces:
            for start in range(0, len(piece), size):
                record = piece[start : start + size]
                assert record == record[:1] * size, "a chunk is torn or mixed with another"
                found[record[0]] += records
        return found


# An implementation may let other threads run while it decodes something big.
LOADS = {"small": Load(24, 400), "big": Load(60_000, 40)}


@pytest.fixture(params=LOADS)
def load(request: pytest.FixtureRequest) -> Load:
    """Small chunks and big ones."""
    return LOADS[request.param]


def give_way(_phase: str, _info: dict[str, int]) -> None:
    """Let other threads run in the middle of an allocation."""
    time.sleep(0)


@pytest.fixture(autouse=True)
def busy_interpreter(watchdog: None) -> Iterator[None]:
    """Change threads as often as possible, also where memory is allocated: a finalizer may run there at any time."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.callbacks.append(give_way)
    gc.set_threshold(5, 1000, 1000)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(give_way)
    sys.setswitchinterval(interval)


Task = Callable[[Event], None]
"""What a thread does; the event tells it that another one has failed."""


def together(*tasks: Task) -> None:
    """Run tasks in threads that start at the same moment; raise what they raised."""
    barrier = Barrier(len(tasks))
    failed = Event()
    raised: list[BaseException] = []

    def run(task: Task) -> None:
        try:
            barrier.wait()
            task(failed)
        except BaseException as error:  # whatever it is, the main thread has to see it
            raised.append(error)
            failed.set()

    threads = [Thread(target=run, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    if any(thread.is_alive() for thread in threads):
        failed.set()
        pytest.fail("threads wait for each other forever", pytrace=False)
    if raised:
        raise raised[0]


def test_appending_to_one_call(full: Any, load: Load) -> None:
    processor = full.AudioProcessor(capacity=64)
    buffer = processor.open("a")

    def append(number: int) -> Task:
        def task(failed: Event) -> None:
            text, pcm = load.text(number), load.tag(number)
            for turn in range(load.rounds):
                if turn % 3 == 0:
                    processor.append("a", text)
                elif turn % 3 == 1:
                    buffer.append(text)
                else:
                    buffer.append_pcm(pcm)

        return task

    together(*(append(number) for number in range(4)))
    assert (buffer.chunk_count, buffer.total_bytes) == (4 * load.rounds, 4 * load.rounds * load.size)
    assert load.tally([processor.close("a")]) == dict.fromkeys(range(4), load.rounds)


def test_batches_stay_in_one_piece(full: Any, load: Load) -> None:
    processor = full.AudioProcessor(capacity=64)
    buffer = processor.open("a")

    def extend(number: int) -> Task:
        def task(failed: Event) -> None:
            for _ in range(load.rounds // 4):
                processor.extend("a", (load.text(number) for _ in range(5)))

        return task

    together(*(extend(number) for number in range(4)))
    assert buffer.chunk_count == 4 * (load.rounds // 4) * 5
    assert load.tally([buffer.take()], records=5) == dict.fromkeys(range(4), load.rounds // 4 * 5)


@pytest.mark.parametrize("empty", ["take", "close and reopen"])
def test_emptying_while_others_append(full: Any, load: Load, empty: str) -> None:
    processor = full.AudioProcessor(capacity=64)
    processor.open("a")
    pieces: list[bytes] = []
    added: Counter[int] = Counter()

    def append(number: int) -> Task:
        def task(failed: Event) -> None:
            text = load.text(number)
            while added[number] < load.rounds and not failed.is_set():
                try:
                    added[number] += processor.append("a", text) // load.size
                except (KeyError, ValueError):  # between closing and opening, or just closed
                    continue

        return task

    def drain(failed: Event) -> None:
        while sum(added.values()) < 3 * load.rounds and not failed.is_set():
            if empty == "take":
                pieces.append(processor["a"].take())
            else:
                pieces.append(processor.close("a"))
                processor.open("a")
            failed.wait(1e-5)

    together(*(append(number) for number in range(3)), drain)
    pieces.append(processor.close("a"))
    assert load.tally(pieces) == dict.fromkeys(range(3), load.rounds)
    assert processor.total_bytes == 0


def test_several_drain_one_call(full: Any, load: Load) -> None:
    processor = full.AudioProcessor(capacity=64)
    buffer = processor.open("a")
    pieces: list[bytes] = []

    def append(failed: Event) -> None:
        for number in range(load.rounds):
            buffer.append(load.text(number % 250))

    def take(failed: Event) -> None:
        pieces.extend(buffer.take() for _ in range(load.rounds))

    together(append, take, take)
    pieces.append(buffer.take())
    assert sum(load.tally(pieces).values()) == load.rounds


def test_opening_and_closing_many_calls(full: Any, load: Load) -> None:
    processor = full.AudioProcessor(capacity=0)

    def live(number: int) -> Task:
        def task(failed: Event) -> None:
            for turn in range(load.rounds // 2):
                call_id = f"{number} {turn}"
                processor.open(call_id).append(load.text(number))
                processor.append(call_id, load.text(number))
                if turn % 4:
                    assert processor.close(call_id) == load.tag(number) * 2

        return task

    together(*(live(number) for number in range(4)))
    left = 4 * len(range(0, load.rounds // 2, 4))
    assert (len(processor), processor.total_bytes) == (left, left * 2 * load.size)


def test_one_thread_wins_each_id(full: Any) -> None:
    processor = full.AudioProcessor(capacity=0)
    won: list[str] = []
    # The threads meet at each id: else one that is ahead stays ahead, and nobody competes with it.
    meeting = Barrier(3, timeout=10)

    def open_all(failed: Event) -> None:
        for number in range(400):
            meeting.wait()
            try:
                processor.open(str(number))
            except ValueError:
                continue
            won.append(str(number))

    together(open_all, open_all, open_all)
    assert sorted(won) == sorted(processor.call_ids()) == sorted(map(str, range(400)))


def test_max_bytes_holds_against_all_threads(full: Any, load: Load) -> None:
    turns = load.rounds // 2
    most = load.size * turns
    processor = full.AudioProcessor(capacity=64, max_bytes=most)
    refused: list[int] = []

    def fill(number: int) -> Task:
        buffer = processor.open(str(number))

        def task(failed: Event) -> None:
            for _ in range(turns):
                try:
                    buffer.append(load.text(number))
                except OverflowError:
                    refused.append(number)
                assert processor.total_bytes <= most

        return task

    together(*(fill(number) for number in range(4)))
    assert (processor.total_bytes, len(refused)) == (most, 3 * turns)


def test_max_calls_holds_against_all_threads(full: Any) -> None:
    processor = full.AudioProcessor(capacity=0, max_calls=100)
    refused: list[str] = []

    def open_some(number: int) -> Task:
        def task(failed: Event) -> None:
            for turn in range(100):
                try:
                    processor.open(f"{number} {turn}")
                except OverflowError:
                    refused.append(f"{number} {turn}")

        return task

    together(*(open_some(number) for number in range(4)))
    assert (len(processor), len(refused)) == (100, 300)


def test_view_does_not_change_under_its_reader(full: Any, load: Load) -> None:
    buffer = full.AudioBuffer(64)
    appended: list[int] = []

    def append(failed: Event) -> None:
        while len(appended) < load.rounds and not failed.is_set():
            try:
                appended.append(buffer.append(load.text(7)))
            except BufferError:  # the other thread is reading
                continue

    def read(failed: Event) -> None:
        while len(appended) < load.rounds and not failed.is_set():
            with buffer.view() as view:
                assert bytes(view) == bytes([7]) * len(view)
                assert len(view) == len(buffer)
            failed.wait(1e-4)  # or the writer would hardly ever find the buffer without a view

    together(append, read)
    assert load.tally([buffer.take()]) == {7: load.rounds}
