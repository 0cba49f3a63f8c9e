"""`ingest` is atomic: threads that share calls neither lose nor mix messages."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

import pytest

from .messages import CALLBOT_MEDIA, CALLBOT_START, CALLBOT_STOP, media, opened, outcome, refused, send
from .test_threads import Load, Task, give_way, together
from .texts import encode

LOADS = {"small": Load(24, 200), "big": Load(60_000, 15)}


@pytest.fixture(params=LOADS)
def load(request: pytest.FixtureRequest) -> Load:
    """Small messages and big ones."""
    return LOADS[request.param]


@pytest.fixture(autouse=True)
def busy_interpreter(watchdog: None) -> Iterator[None]:
    """Change threads as often as possible, also where memory is allocated."""
    interval, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.callbacks.append(give_way)
    gc.set_threshold(5, 1000, 1000)
    yield
    gc.set_threshold(*thresholds)
    gc.callbacks.remove(give_way)
    sys.setswitchinterval(interval)


def named(message: dict[str, Any], call_id: str) -> str:
    """A message of another call."""
    return json.dumps(message | {"call_id": call_id})


def message(load: Load, number: int) -> str:
    """The chunk of a thread as a message."""
    return json.dumps(media("callbot", load.text(number)))


def test_messages_to_one_call(ingesting: Any, load: Load) -> None:
    processor, buffer = opened(ingesting, "callbot")

    def run(number: int) -> Task:
        text = message(load, number)
        ways: list[Callable[[], Any]] = [
            lambda: send(processor, "callbot", text),
            lambda: send(processor, "callbot", text.encode(), call_id="c1"),
            lambda: buffer.append(load.text(number)),
        ]

        def task(failed: Event) -> None:
            for turn in range(load.rounds):
                ways[turn % 3]()

        return task

    together(*(run(number) for number in range(4)))
    assert (buffer.chunk_count, buffer.total_bytes) == (4 * load.rounds, 4 * load.rounds * load.size)
    assert load.tally([send(processor, "callbot", CALLBOT_STOP).audio]) == dict.fromkeys(range(4), load.rounds)


def test_calls_of_their_own(ingesting: Any, load: Load) -> None:
    processor = ingesting.AudioProcessor(capacity=64)

    def run(number: int) -> Task:
        def task(failed: Event) -> None:
            for turn in range(load.rounds // 4):
                call_id = f"{number} {turn}"
                send(processor, "callbot", named(CALLBOT_START, call_id), call_id=call_id)
                for _ in range(3):
                    text = named(media("callbot", load.text(number)), call_id)
                    assert send(processor, "callbot", text, call_id=call_id).bytes == load.size
                if turn % 3:
                    closed = send(processor, "callbot", named(CALLBOT_STOP, call_id), call_id=call_id)
                    assert closed.audio == load.tag(number) * 3

        return task

    together(*(run(number) for number in range(4)))
    left = 4 * len(range(0, load.rounds // 4, 3))
    assert (len(processor), processor.total_bytes) == (left, left * 3 * load.size)


def test_one_thread_wins_each_start(ingesting: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=0)
    won: list[str] = []

    def open_all(failed: Event) -> None:
        for number in range(200):
            try:
                send(processor, "callbot", named(CALLBOT_START, str(number)))
            except ValueError:
                continue
            won.append(str(number))
            time.sleep(0)

    together(open_all, open_all, open_all)
    assert sorted(won) == sorted(processor.call_ids()) == sorted(map(str, range(200)))


def test_stops_while_others_append(ingesting: Any, load: Load) -> None:
    processor, _ = opened(ingesting, "callbot")
    pieces: list[bytes] = []
    added: Counter[int] = Counter()

    def append(number: int) -> Task:
        text = message(load, number)

        def task(failed: Event) -> None:
            while added[number] < load.rounds and not failed.is_set():
                try:
                    added[number] += send(processor, "callbot", text).bytes // load.size
                except (KeyError, ValueError):  # between the stop and the start
                    continue

        return task

    def stop(failed: Event) -> None:
        while sum(added.values()) < 3 * load.rounds and not failed.is_set():
            pieces.append(send(processor, "callbot", CALLBOT_STOP).audio)
            send(processor, "callbot", CALLBOT_START)
            failed.wait(1e-5)

    together(*(append(number) for number in range(3)), stop)
    pieces.append(processor.close("c1"))
    assert load.tally(pieces) == dict.fromkeys(range(3), load.rounds)
    assert processor.total_bytes == 0


def test_max_bytes_holds_against_all_threads(ingesting: Any, load: Load) -> None:
    turns = load.rounds // 2
    most = load.size * turns
    processor = ingesting.AudioProcessor(capacity=64, max_bytes=most)
    refused: list[int] = []

    def fill(number: int) -> Task:
        processor.open(str(number))
        text = named(media("callbot", encode(load.tag(number))), str(number))

        def task(failed: Event) -> None:
            for _ in range(turns):
                try:
                    send(processor, "callbot", text)
                except OverflowError:
                    refused.append(number)
                assert processor.total_bytes <= most

        return task

    together(*(fill(number) for number in range(4)))
    assert (processor.total_bytes, len(refused)) == (most, 3 * turns)


def test_view_does_not_change_under_its_reader(ingesting: Any, load: Load) -> None:
    processor, buffer = opened(ingesting, "callbot")
    appended: list[int] = []
    text = message(load, 7)

    def append(failed: Event) -> None:
        while len(appended) < load.rounds and not failed.is_set():
            try:
                appended.append(send(processor, "callbot", text).bytes)
            except BufferError:  # the other thread is reading
                continue

    def read(failed: Event) -> None:
        while len(appended) < load.rounds and not failed.is_set():
            with buffer.view() as view:
                assert bytes(view) == bytes([7]) * len(view)
                assert len(view) == len(buffer)
            failed.wait(1e-4)

    together(append, read)
    assert load.tally([buffer.take()]) == {7: load.rounds}


def test_refusals_of_one_thread_are_not_those_of_another(ingesting: Any) -> None:
    processor, buffer = opened(ingesting, "callbot")
    good = json.dumps(CALLBOT_MEDIA)

    def run(position: int) -> Task:
        def task(failed: Event) -> None:
            for _ in range(200):
                assert outcome(send, processor, "callbot", good[:position]) == refused("JSON", position)
                send(processor, "callbot", good)

        return task

    together(*(run(position) for position in (5, 50, 90)))
    assert buffer.chunk_count == 600
