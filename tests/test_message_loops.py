"""The loops over messages take them from their text or their frame to the call's buffer, whoever does what of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import callbot_python
import pytest

from callbot_lab.caller.frames import Mask
from callbot_lab.caller.messages import WIRES, Act
from callbot_lab.errors import LabError
from callbot_lab.message_loops import KEY, PAYLOADS, traffic_of
from callbot_lab.operations import OPERATIONS, Needs, Pool, bind, lacks
from callbot_lab.paths import SPEECH
from callbot_lab.references import bare_pybase64, msgspec_pybase64, orjson_pybase64, stdlib
from callbot_lab.registry import Loaded, Status
from callbot_lab.workload import Workload, cut, parse_size, pool_of, read_recording

ON_MESSAGES = {name: operation for name, operation in OPERATIONS.items() if operation.pool is not Pool.CHUNKS}
INGESTING = [name for name, operation in ON_MESSAGES.items() if operation.needs is Needs.INGEST]
DECODING = [name for name, operation in ON_MESSAGES.items() if operation.needs is Needs.DECODE]
SIZES = [*WIRES, "320"]


class Ingesting(callbot_python.AudioProcessor):
    """The pure-Python processor with the least of an ingest: it takes the payload from wherever it is."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str | None]] = []

    def ingest(self, message: str | memoryview, /, *, format: str, call_id: str | None = None) -> None:
        self.calls.append((format, call_id))
        parsed = json.loads(message if isinstance(message, str) else bytes(message))
        for name in PAYLOADS[format]:
            parsed = parsed[name]
        self.append(call_id, parsed)


def loaded(subject: object, kind: str = "implementation", **build: str) -> Loaded:
    return Loaded("arm", kind, "", Status.READY, "", subject, {"contract": "full", **build})


def subject(processor: Callable[[], Any] = Ingesting) -> SimpleNamespace:
    return SimpleNamespace(decode=callbot_python.decode, AudioProcessor=processor)


@pytest.fixture(scope="module", params=SIZES)
def workload(request: pytest.FixtureRequest) -> Workload:
    whole = cut(read_recording(SPEECH), parse_size(request.param))
    return Workload(whole.format, whole.texts[:20], whole.pcm[:20])


def test_messages_are_those_that_a_caller_sends(workload: Workload) -> None:
    traffic = traffic_of(workload)
    wire = WIRES[traffic.wire]
    understood = [wire.understood(json.loads(text)) for text in traffic.texts]
    assert [said.data for said in understood] == list(workload.pcm)
    assert {said.act for said in understood} == {Act.AUDIO}
    assert {said.key[0] for said in understood} <= {traffic.call_id, ""}
    assert len({len(text) for text in traffic.texts}) <= 5
    assert [Mask(KEY).text(frame) for frame in traffic.frames] == list(traffic.texts)
    assert traffic_of(workload) is traffic


def test_a_pool_of_messages_is_as_large_as_one_of_chunks() -> None:
    recording = read_recording(SPEECH)
    for size, count in (("callbot", 256), ("twilio", 1024)):
        pool = pool_of(cut(recording, parse_size(size)), "warm")
        assert len(set(traffic_of(pool).texts)) == len(traffic_of(pool).texts) == len(pool.texts) == count


def test_a_size_that_no_wire_format_sends_is_refused() -> None:
    whole = cut(read_recording(SPEECH), parse_size("elevenlabs"))
    with pytest.raises(LabError, match="no server here speaks elevenlabs"):
        bind(OPERATIONS["parse-decode"], loaded(stdlib, "reference"), whole)


@pytest.mark.parametrize("name", ON_MESSAGES)
def test_a_turn_makes_the_recording_and_leaves_nothing(name: str, workload: Workload) -> None:
    made: list[Ingesting] = []

    def processor() -> Ingesting:
        made.append(Ingesting())
        return made[-1]

    operation, traffic = OPERATIONS[name], traffic_of(workload)
    bound = bind(operation, loaded(subject(processor)), workload)
    assert bound.fault() == ""
    bound.slot(2)
    if operation.needs is not Needs.DECODE:
        (used,) = made
        assert len(used[traffic.call_id]) == 0
        assert used[traffic.call_id].total_bytes == 2 * sum(map(len, workload.pcm))
        wanted = [(traffic.wire, traffic.call_id)] * 3 * len(workload.pcm)
        assert used.calls == (wanted if operation.needs is Needs.INGEST else [])
    assert bound.fault() == ""


@pytest.mark.parametrize("name", DECODING)
@pytest.mark.parametrize("reference", [stdlib, bare_pybase64, orjson_pybase64, msgspec_pybase64])
def test_a_reference_parses_with_what_it_brings(name: str, reference: Any, workload: Workload) -> None:
    seen: list[Any] = []

    def noting(parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda text: (seen.append(text), parse(text))[1]

    own = getattr(reference, "parsers", {})
    parsers = {wire: noting(parse) for wire, parse in own.items()}
    arm = SimpleNamespace(decode=reference.decode, **({"parsers": parsers} if own else {}))
    bound = bind(OPERATIONS[name], loaded(arm, "reference"), workload)
    seen.clear()
    bound.slot(2)
    traffic = traffic_of(workload)
    texts = list(traffic.texts) if name == "parse-decode" else [text.encode() for text in traffic.texts]
    assert seen == (texts * 2 if own else [])
    assert bound.fault() == ""


@pytest.mark.parametrize("name", DECODING)
def test_a_wrong_decoder_is_found(name: str, workload: Workload) -> None:
    wrong = SimpleNamespace(decode=lambda chunk: callbot_python.decode(chunk)[:-1] + b"!")
    assert bind(OPERATIONS[name], loaded(wrong, "reference"), workload).fault() == "its output differs"


@pytest.mark.parametrize("name", INGESTING)
def test_a_wrong_ingest_is_found(name: str, workload: Workload) -> None:
    class Forgetful(Ingesting):
        def ingest(self, message: str | memoryview, /, **about: Any) -> None:
            if len(self.calls) == 3:
                self.calls.append(("", ""))
            else:
                super().ingest(message, **about)

    assert bind(OPERATIONS[name], loaded(subject(Forgetful)), workload).fault() == "its output differs"


def test_an_ingest_that_raises_behind_native_framing_is_found(workload: Workload) -> None:
    class Refusing(Ingesting):
        def ingest(self, message: str | memoryview, /, **about: Any) -> None:
            raise ValueError("no")

    bound = bind(OPERATIONS["native-frame-ingest"], loaded(subject(Refusing)), workload)
    assert bound.fault() == "its output differs"


@pytest.mark.parametrize("name", ON_MESSAGES)
def test_every_arm_has_code_of_its_own(name: str, workload: Workload) -> None:
    one, other = (bind(OPERATIONS[name], loaded(subject()), workload) for _ in range(2))
    assert one.slot.__code__ is not other.slot.__code__


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("parse-append", loaded(stdlib, contract="decode"), "offers decode only, and parse-append needs an AudioP"),
        ("ingest", loaded(stdlib, contract="decode"), "offers decode only, and ingest needs an AudioProcessor.ingest"),
        ("ingest", loaded(subject(object)), "it has no AudioProcessor.ingest, which ingest needs"),
        ("frame-ingest", loaded(stdlib, "reference"), "it has no AudioProcessor.ingest, which frame-ingest needs"),
        ("parse-decode", loaded(stdlib, "reference", input="pcm"), "it takes PCM, and parse-decode has messages with"),
        ("parse-decode", loaded(stdlib, "reference"), ""),
        ("parse-append", loaded(callbot_python), ""),
        ("native-frame-ingest", loaded(subject()), ""),
    ],
)
def test_what_an_arm_lacks_is_said(name: str, row: Loaded, words: str) -> None:
    said = lacks(OPERATIONS[name], row)
    assert words in said
    assert bool(said) == bool(words)
