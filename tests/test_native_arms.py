"""The compiled arms that are no implementation: the ladder, the designs of the ablation, memcpy."""

from __future__ import annotations

import array
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from callbot_lab import registry
from callbot_lab.operations import OPERATIONS, bind, lacks
from callbot_lab.paths import SPEECH
from callbot_lab.workload import Workload, cut, parse_size, read_recording

RUNGS = ("noop", "accept", "allocate", "copy", "decode")
DESIGNS = ("cython-report", "rust-report", "rust-report-inplace", "rust-report-simd")
PCM = bytes(range(256)) * 5
TEXT = b64encode(PCM).decode()
KINDS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "bytes": str.encode,
    "bytearray": lambda text: bytearray(text.encode()),
    "memoryview": lambda text: memoryview(text.encode()),
}
NO_CHUNKS = {"int": 7, "None": None, "list": ["AAAA"], "wide items": array.array("h", [1, 2])}


def load(name: str) -> Any:
    """The arm; a test of one whose implementation was left out of the set-up is skipped."""
    (row,) = registry.load_all([name])
    if row.status is registry.Status.UNKNOWN:
        pytest.skip(row.reason)
    assert row.status is registry.Status.READY, row.reason
    return row.subject


@pytest.fixture(params=["cython", "rust", "rust-pyo3"])
def ladder(request: pytest.FixtureRequest) -> Any:
    """The ladder of an arm."""
    return load(request.param).ladder


@pytest.fixture(params=DESIGNS)
def design(request: pytest.FixtureRequest) -> Any:
    """A design of the seed report."""
    return load(request.param)


@pytest.fixture(scope="module")
def workload() -> Workload:
    """Chunks of the speech."""
    return cut(read_recording(SPEECH), parse_size("callbot"))


@pytest.mark.parametrize("rung", RUNGS)
def test_a_rung_takes_one_argument_by_position(ladder: Any, rung: str) -> None:
    function = getattr(ladder, rung)
    for arguments, named in (((), {}), (("AAAA", "AAAA"), {}), ((), {"x": "AAAA"}), ((), {"chunk": "AAAA"})):
        with pytest.raises(TypeError):
            function(*arguments, **named)


def test_noop_takes_anything(ladder: Any) -> None:
    assert [ladder.noop(x) for x in ("AAAA", b"AAAA", *NO_CHUNKS.values())] == [None] * 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", "AA==", "AAA=", "AAAA", TEXT, "AAAAA", "A", "===="])
def test_what_a_rung_returns(ladder: Any, kind: str, text: str) -> None:
    chunk = KINDS[kind](text)
    size = len(text) // 4 * 3 - min(text.count("="), 2) if len(text) % 4 == 0 else 0
    assert ladder.accept(chunk) is None
    assert type(ladder.allocate(chunk)) is bytes
    assert len(ladder.allocate(chunk)) == size
    assert ladder.copy(chunk) == text.encode()[:size]
    if kind == "bytearray":
        chunk.append(0)  # it was given back


def test_text_that_is_not_ascii_has_no_size(ladder: Any) -> None:
    assert ladder.accept("é" * 8) is None
    assert (ladder.allocate("é" * 8), ladder.copy("é" * 8)) == (b"", b"")


@pytest.mark.parametrize("rung", RUNGS[1:])
@pytest.mark.parametrize("thing", NO_CHUNKS)
def test_what_is_no_chunk_is_a_type_error(ladder: Any, rung: str, thing: str) -> None:
    with pytest.raises(TypeError):
        getattr(ladder, rung)(NO_CHUNKS[thing])


def test_new_bytes_are_nobody_elses(ladder: Any) -> None:
    first, second = ladder.copy(TEXT), ladder.allocate(TEXT)
    assert ladder.copy("B" * len(TEXT)) != first
    assert first == TEXT.encode()[: len(second)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_rung_decodes(ladder: Any, kind: str) -> None:
    assert ladder.decode(KINDS[kind](TEXT)) == PCM
    with pytest.raises(ValueError, match="position 2"):
        ladder.decode(KINDS[kind]("AB=="))


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("arm", ["cython", "rust", "rust-pyo3", "memcpy", *DESIGNS])
def test_what_a_turn_makes_is_right(arm: str, operation: str, workload: Workload) -> None:
    (row,) = registry.load_all([arm])
    if lacking := lacks(OPERATIONS[operation], row):
        # The designs have no ladder, and like the same code behind plain PyO3 no ingest; what takes PCM has no calls.
        missing = {"ladder", "ingest"} if arm in DESIGNS else {"ingest"} if arm == "rust-pyo3" else set()
        assert any(part in lacking for part in missing) or row.takes == registry.PCM
        return
    bound = bind(OPERATIONS[operation], row, workload)
    bound.slot(2)
    assert bound.fault() == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_design_decodes_every_kind_of_chunk(design: Any, kind: str) -> None:
    buffer, processor = design.AudioBuffer(), design.AudioProcessor()
    processor.open("a")
    chunk = KINDS[kind](TEXT)
    assert design.decode(chunk) == PCM
    assert (buffer.append(chunk), buffer.extend([chunk, chunk])) == (len(PCM), 2 * len(PCM))
    assert (processor.append("a", chunk), processor.extend("a", [chunk])) == (len(PCM), len(PCM))
    assert (buffer.take(), processor.close("a")) == (3 * PCM, 2 * PCM)
    assert (buffer.chunk_count, buffer.total_bytes, len(buffer)) == (3, 3 * len(PCM), 0)


@pytest.mark.parametrize(("text", "position"), [("AB==", 2), ("AAAA=", 4), ("AAA", 3)])
def test_a_design_adds_nothing_of_a_bad_chunk(design: Any, text: str, position: int) -> None:
    buffer, processor = design.AudioBuffer(), design.AudioProcessor()
    processor.open("a")
    buffer.append("AAAA")
    for call in (design.decode, buffer.append, lambda chunk: processor.append("a", chunk)):
        with pytest.raises(ValueError, match=f"position {position}$"):
            call(text)
    assert (buffer.take(), buffer.chunk_count, buffer.total_bytes) == (bytes(3), 1, 3)
    assert processor.close("a") == b""


def test_a_design_grows_past_what_it_reserves(design: Any) -> None:
    part = PCM * 3000
    text = b64encode(part)
    buffer, processor = design.AudioBuffer(), design.AudioProcessor()
    processor.open("a")
    for _ in range(4):
        buffer.append(text)
        processor.append("a", text)
    assert 4 * len(part) > 10 * 2**20
    assert buffer.capacity >= 4 * len(part)
    assert buffer.take() == 4 * part
    assert processor.close("a") == 4 * part


def test_a_design_looks_its_calls_up(design: Any) -> None:
    processor = design.AudioProcessor()
    for call_id in "ab":
        processor.open(call_id)
    processor.append("a", "AAAA")
    processor.append("b", "AAAAAAAA")
    assert (sorted(processor.call_ids()), len(processor), processor.total_bytes) == (["a", "b"], 2, 9)
    processor.clear("b")
    assert (processor.close("a"), processor.close("b")) == (bytes(3), b"")
    assert "a" not in processor
    for call in (processor.close, processor.clear, lambda call_id: processor.append(call_id, "AAAA")):
        with pytest.raises(KeyError):
            call("a")


def test_memcpy_copies(workload: Workload) -> None:
    memcpy = load("memcpy")
    assert memcpy.BUILD["input"] == "pcm"
    assert [memcpy.decode(pcm) for pcm in workload.pcm] == list(workload.pcm)
    assert memcpy.decode(PCM) is not PCM
    buffer = memcpy.AudioBuffer()
    for chunks in (tuple(workload.pcm), list(workload.pcm)):
        assert buffer.extend(chunks) == sum(map(len, chunks))
        buffer.append(PCM)
        assert buffer.take() == b"".join(chunks) + PCM
    buffer.append(PCM)
    buffer.clear()
    assert buffer.take() == b""


def test_memcpy_stays_within_what_it_reserved() -> None:
    buffer = load("memcpy").AudioBuffer(10)
    buffer.append(b"12345")
    with pytest.raises(OverflowError, match="10"):
        buffer.append(b"123456")
    with pytest.raises(OverflowError, match="10"):
        buffer.extend([b"123", b"456"])
    buffer.append(b"67890")
    assert buffer.take() == b"1234567890"


def test_memcpy_takes_nothing_but_bytes() -> None:
    memcpy = load("memcpy")
    buffer = memcpy.AudioBuffer(10)
    calls = [(memcpy.decode, "AAAA"), (buffer.append, bytearray(4)), (buffer.append, None)]
    calls += [(buffer.extend, things) for things in (b"AAAA", iter([b"A"]), [b"A", "A"], (b"A", None), None)]
    for call, argument in calls:
        with pytest.raises(TypeError):
            call(argument)
    assert buffer.take() == b""
