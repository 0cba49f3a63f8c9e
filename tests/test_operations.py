"""The loops that are timed do what they say, each with code of its own."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import callbot_python
import pytest
from callbot_python import report, report_reserved, report_strict

from callbot_lab import operations
from callbot_lab.errors import LabError
from callbot_lab.operations import OPERATIONS, Needs, Pool, bind, lacks, name_of, operation_of
from callbot_lab.paths import SPEECH
from callbot_lab.references import stdlib
from callbot_lab.registry import Loaded, Status
from callbot_lab.workload import Workload, cut, parse_size, read_recording

ON_CHUNKS = {name: operation for name, operation in OPERATIONS.items() if operation.pool is Pool.CHUNKS}
ON_PCM = [name for name, operation in ON_CHUNKS.items() if operation.needs is not Needs.LADDER]
RUNGS = [name for name, operation in ON_CHUNKS.items() if operation.needs is Needs.LADDER]


def loaded(subject: object, kind: str = "implementation", **build: str) -> Loaded:
    return Loaded("arm", kind, "", Status.READY, "", subject, {"contract": "full", **build})


@pytest.fixture(scope="module")
def workload() -> Workload:
    whole = cut(read_recording(SPEECH), parse_size("callbot"))
    return Workload(whole.format, whole.texts[:20], whole.pcm[:20])


@pytest.mark.parametrize("name", ON_PCM)
@pytest.mark.parametrize(
    "subject",
    [callbot_python, report, report_strict, report_reserved],
    ids=["implementation", "report", "strict", "reserved"],
)
def test_the_output_of_a_turn_is_the_recording(name: str, subject: ModuleType, workload: Workload) -> None:
    bound = bind(OPERATIONS[name], loaded(subject), workload)
    bound.slot(2)
    assert bound.fault() == ""


@pytest.mark.parametrize("name", ["decode", "append", "extend"])
@pytest.mark.parametrize("turns", [1, 3])
def test_a_reference_without_a_buffer_goes_through_the_pool_once_a_turn(
    name: str, turns: int, workload: Workload
) -> None:
    seen: list[str] = []

    def decode(chunk: str) -> bytes:
        seen.append(chunk)
        return stdlib.decode(chunk)

    bound = bind(OPERATIONS[name], loaded(SimpleNamespace(decode=decode), "reference"), workload)
    bound.slot(turns)
    assert seen == list(workload.texts) * turns
    assert bound.fault() == ""


@pytest.mark.parametrize("name", ["decode", "append", "extend"])
@pytest.mark.parametrize("with_buffer", [True, False])
def test_a_reference_that_takes_pcm_gets_it(name: str, with_buffer: bool, workload: Workload) -> None:
    class Buffer:
        def __init__(self) -> None:
            self.held = bytearray()
            self.append, self.clear = self.held.extend, self.held.clear

        def extend(self, chunks: tuple[bytes, ...]) -> None:
            self.held += b"".join(chunks)

        def take(self) -> bytes:
            return bytes(self.held)

    subject = SimpleNamespace(decode=bytes, **({"AudioBuffer": Buffer} if with_buffer else {}))
    bound = bind(OPERATIONS[name], loaded(subject, "reference", input="pcm"), workload)
    bound.slot(2)
    assert bound.fault() == ""


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
    bind(OPERATIONS[name], loaded(subject), workload).slot(3)
    (buffer,) = made
    assert len(buffer) == 0
    assert buffer.total_bytes == 3 * sum(map(len, workload.pcm))


def test_every_arm_has_code_of_its_own(workload: Workload) -> None:
    one, other = (bind(OPERATIONS["append"], loaded(callbot_python), workload) for _ in range(2))
    assert one.slot.__code__ is not other.slot.__code__


@pytest.mark.parametrize("name", ["decode", "append"])
def test_a_wrong_decoder_is_found(name: str, workload: Workload) -> None:
    wrong = SimpleNamespace(decode=lambda chunk: callbot_python.decode(chunk)[:-1] + b"!")
    assert bind(OPERATIONS[name], loaded(wrong, "reference"), workload).fault() == "its output differs"


def sized(chunk: str) -> int:
    return len(binascii.a2b_base64(chunk))


LADDER: dict[str, Callable[[Any], object]] = {
    "noop": lambda chunk: None,
    "accept": lambda chunk: memoryview(chunk.encode() if isinstance(chunk, str) else chunk).release(),
    "allocate": lambda chunk: bytes(sized(chunk)),
    "copy": lambda chunk: chunk[: sized(chunk)].encode(),
}


@pytest.mark.parametrize("name", RUNGS)
def test_a_rung_that_does_what_it_says_is_timed(name: str, workload: Workload) -> None:
    seen: list[str] = []
    call = LADDER[name]
    subject = SimpleNamespace(ladder=SimpleNamespace(**{name: lambda chunk: (seen.append(chunk), call(chunk))[1]}))
    assert lacks(OPERATIONS[name], loaded(subject)) == ""
    bound = bind(OPERATIONS[name], loaded(subject), workload)
    assert bound.fault() == ""
    seen.clear()
    bound.slot(2)
    assert seen == list(workload.texts) * 2


@pytest.mark.parametrize(
    ("name", "call", "words"),
    [
        ("noop", lambda chunk: 0, "something else than None"),
        ("accept", lambda chunk: True if len(chunk) else None, "something else than None"),
        ("accept", lambda chunk: None, "takes a chunk that is none"),
        ("allocate", lambda chunk: bytes(len(chunk)), "something else than 1280 bytes"),
        ("allocate", lambda chunk: bytearray(sized(chunk)), "something else than 1280 bytes"),
        ("copy", lambda chunk: bytes(sized(chunk)), "the first 1280 bytes of the text"),
        ("copy", lambda chunk: chunk.encode(), "the first 1280 bytes of the text"),
    ],
)
def test_a_rung_that_does_something_else_is_found(
    name: str, call: Callable[[Any], object], words: str, workload: Workload
) -> None:
    subject = SimpleNamespace(ladder=SimpleNamespace(**{name: call}))
    assert words in bind(OPERATIONS[name], loaded(subject), workload).fault()


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("append", loaded(stdlib, contract="decode"), "it offers decode only, and append needs an AudioBuffer"),
        ("process", loaded(stdlib, contract="decode"), "it offers decode only, and process needs an AudioProcessor"),
        ("process", loaded(stdlib, "reference"), "it has no AudioProcessor, which process needs"),
        ("noop", loaded(callbot_python), "it has no ladder, which noop needs"),
        ("noop", loaded(SimpleNamespace(ladder=SimpleNamespace())), "its ladder has no noop"),
        ("decode", loaded(stdlib, contract="decode"), ""),
        ("append", loaded(stdlib, "reference"), ""),
        ("extend", loaded(stdlib, "reference"), ""),
        ("process", loaded(report, "reference"), ""),
        ("append", loaded(callbot_python), ""),
    ],
)
def test_what_an_arm_lacks_for_an_operation_is_said(name: str, row: Loaded, words: str) -> None:
    assert lacks(OPERATIONS[name], row) == words


def test_an_arm_may_have_an_operation_of_its_own() -> None:
    assert (name_of("arm@extend"), name_of("arm"), name_of("(null)")) == ("arm", "arm", "(null)")
    assert operation_of("arm@extend", "append") is OPERATIONS["extend"]
    assert operation_of("arm", "append") is OPERATIONS["append"]
    assert operation_of(operations.spell("arm", "decode"), "append") is OPERATIONS["decode"]
    for arm in ("arm@nix", "arm@"):
        with pytest.raises(LabError, match=r"unknown operation '(nix|)' of the arm 'arm@.*there are: decode, append"):
            operation_of(arm, "append")
