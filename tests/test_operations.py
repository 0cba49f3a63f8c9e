"""The loops that are timed do what they say, each with code of its own."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace

import callbot_python
import pytest
from callbot_python import report

from callbot_lab import operations
from callbot_lab.operations import OPERATIONS, bind
from callbot_lab.paths import SPEECH
from callbot_lab.references import stdlib
from callbot_lab.workload import Workload, cut, parse_size, read_recording


@pytest.fixture(scope="module")
def workload() -> Workload:
    whole = cut(read_recording(SPEECH), parse_size("callbot"))
    return Workload(whole.format, whole.texts[:20], whole.pcm[:20])


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("subject", [callbot_python, report, stdlib], ids=["implementation", "report", "reference"])
def test_the_output_of_a_turn_is_the_recording(name: str, subject: ModuleType, workload: Workload) -> None:
    bound = bind(OPERATIONS[name], subject, workload)
    bound.slot(2)
    assert operations.digest(bound.output()) == operations.expected_digest(workload)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("turns", [1, 3])
def test_a_slot_goes_through_the_pool_once_a_turn(name: str, turns: int, workload: Workload) -> None:
    seen: list[str] = []

    def decode(chunk: str) -> bytes:
        seen.append(chunk)
        return callbot_python.decode(chunk)

    bind(OPERATIONS[name], SimpleNamespace(decode=decode), workload).slot(turns)
    assert seen == list(workload.texts) * turns


@pytest.mark.parametrize("name", ["append", "extend", "process"])
def test_a_slot_leaves_the_buffer_empty(name: str, workload: Workload) -> None:
    made = []

    class Buffer(callbot_python.AudioBuffer):
        def __init__(self, *arguments: int, **settings: int | None) -> None:
            super().__init__(*arguments, **settings)
            made.append(self)

    class Processor(callbot_python.AudioProcessor):
        _new_buffer = Buffer

    subject = SimpleNamespace(decode=callbot_python.decode, AudioBuffer=Buffer, AudioProcessor=Processor)
    bind(OPERATIONS[name], subject, workload).slot(3)
    (buffer,) = made
    assert len(buffer) == 0
    assert buffer.total_bytes == 3 * sum(map(len, workload.pcm))


def test_every_arm_has_code_of_its_own(workload: Workload) -> None:
    one, other = (bind(OPERATIONS["append"], callbot_python, workload) for _ in range(2))
    assert one.slot.__code__ is not other.slot.__code__


def test_a_wrong_decoder_has_another_digest(workload: Workload) -> None:
    wrong = SimpleNamespace(decode=lambda chunk: callbot_python.decode(chunk)[:-1] + b"!")
    for name in ("decode", "append"):
        output = bind(OPERATIONS[name], wrong, workload).output()
        assert operations.digest(output) != operations.expected_digest(workload)


def test_only_an_implementation_can_lack_a_buffer() -> None:
    assert operations.lacks(OPERATIONS["append"], "implementation", "decode")
    assert not operations.lacks(OPERATIONS["decode"], "implementation", "decode")
    assert not operations.lacks(OPERATIONS["append"], "reference", "decode")
    assert not operations.lacks(OPERATIONS["append"], "implementation", "full")
