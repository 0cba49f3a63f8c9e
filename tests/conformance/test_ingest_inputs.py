"""What is a message, what is none, and how `ingest` is called."""

from __future__ import annotations

import gc
import json
from typing import Any

import pytest

from .inputs import BUFFERS, NO_CHUNK, STR_KINDS, MisleadingText, Text
from .messages import CALLBOT_MEDIA, FORMATS, MEDIA, PCM, SERVICES, STARTS, STOPS, opened, outcome, send
from .states import held, states

WIDE = {"\u20ac": "\u00e9\U0001f3a7"}


def parts(form: str) -> list[dict[str, Any]]:
    """The messages of a call of a format."""
    return [kind[form] for kind in (STARTS, MEDIA, STOPS) if form in kind]


def ready(ingesting: Any, form: str) -> Any:
    """A processor that can take the messages of a format."""
    processor = ingesting.AudioProcessor(capacity=64)
    if form not in STARTS:
        processor.open("c1")
    return processor


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", STR_KINDS)
def test_str_of_any_kind(ingesting: Any, form: str, kind: str) -> None:
    processor, plain = ready(ingesting, form), ready(ingesting, form)
    for message in parts(form):
        for text in (json.dumps({"event": "x", "type": "x"} | WIDE, ensure_ascii=False), json.dumps(message)):
            assert outcome(send, processor, form, STR_KINDS[kind](text)) == outcome(send, plain, form, text)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", BUFFERS)
def test_buffer_of_any_kind(ingesting: Any, form: str, kind: str) -> None:
    processor, plain = ready(ingesting, form), ready(ingesting, form)
    for message in parts(form):
        text = json.dumps(WIDE | message, ensure_ascii=False)
        found = outcome(send, processor, form, BUFFERS[kind](text.encode()))
        assert found == outcome(send, plain, form, text)
        assert found[0] != "ValueError"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", NO_CHUNK)
def test_no_message(ingesting: Any, form: str, kind: str) -> None:
    processor, _ = opened(ingesting, form)
    before = states(processor)
    assert outcome(processor.ingest, NO_CHUNK[kind](), format=form, call_id="c1") == ("TypeError",)
    assert states(processor) == before


def test_message_inside_of_a_larger_one(ingesting: Any) -> None:
    """Brackets and quotation marks beside a slice are not its own."""
    processor, buffer = opened(ingesting, "callbot")
    text = json.dumps(CALLBOT_MEDIA).encode()
    for before, behind in ((b'{"a":"', b'"}'), (b"\\", b"}"), (b"[", b"]"), (b"\xe2\x82", b"\xac")):
        whole = bytearray(before + text + behind)
        with memoryview(whole) as view:
            send(processor, "callbot", view[len(before) : len(before) + len(text)])
    assert held(buffer) == PCM * 4


def test_slice_that_stops_too_early(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    text = json.dumps(CALLBOT_MEDIA).encode()
    for end in range(len(text)):
        found = outcome(send, processor, "callbot", memoryview(text)[:end])
        assert found == ("ValueError", "JSON", end)


@pytest.mark.parametrize("good", [True, False], ids=["good", "bad"])
def test_memory_can_be_changed_afterwards(ingesting: Any, good: bool) -> None:
    processor, _ = opened(ingesting, "callbot")
    memory = bytearray(json.dumps(CALLBOT_MEDIA).encode())
    if not good:
        memory += b"}"
    error: BaseException | None = None
    try:
        send(processor, "callbot", memory)
    except ValueError as raised:
        error = raised  # while it lives, so does all that its traceback holds
    memory += b" " * 1000
    assert (error is None) == good


def test_message_is_not_written_to(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    for text in (
        json.dumps(CALLBOT_MEDIA),
        json.dumps(CALLBOT_MEDIA).replace("event", "\\u0065vent").replace("A", "\\u0041"),
    ):
        memory = bytearray(text.encode())
        send(processor, "callbot", memory)
        assert memory == text.encode()


@pytest.mark.parametrize(
    "form", ["", "Callbot", "callbot ", "callbot\0", "callbo", "TWILIO", "openai2", "\u20ac", "\ud800"]
)
def test_unknown_format(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, "callbot")
    with pytest.raises(ValueError):  # noqa: PT011, the text is free
        processor.ingest(json.dumps(CALLBOT_MEDIA), format=form)


@pytest.mark.parametrize("form", [None, 5, b"callbot", ["callbot"], object()])
def test_format_that_is_no_str(ingesting: Any, form: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    with pytest.raises(TypeError):
        processor.ingest(json.dumps(CALLBOT_MEDIA), format=form)


@pytest.mark.parametrize("form", FORMATS)
def test_format_may_be_any_str(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    text = json.dumps(MEDIA[form])
    for way in (Text(form), "".join(list(form)), form):
        assert processor.ingest(text, format=way, call_id="c1").bytes == 48


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("call_id", [5, b"c1", ["c1"], object(), 0, False])
def test_call_id_that_is_no_str(ingesting: Any, form: str, call_id: Any) -> None:
    processor, _ = opened(ingesting, form)
    for text in (json.dumps(MEDIA[form]), '{"event":"x","type":"x"}', "[", ""):
        with pytest.raises(TypeError):
            processor.ingest(text, format=form, call_id=call_id)


def test_format_has_to_be_there(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    with pytest.raises(TypeError):
        processor.ingest(json.dumps(CALLBOT_MEDIA))


def test_format_has_to_be_named(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    with pytest.raises(TypeError):
        processor.ingest(json.dumps(CALLBOT_MEDIA), "callbot")


def test_call_id_has_to_be_named(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    with pytest.raises(TypeError):
        processor.ingest(json.dumps(CALLBOT_MEDIA), "c1", format="callbot")


def test_message_is_taken_by_position_only(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    with pytest.raises(TypeError):
        processor.ingest(message=json.dumps(CALLBOT_MEDIA), format="callbot")


def test_unknown_argument(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    with pytest.raises(TypeError):
        processor.ingest(json.dumps(CALLBOT_MEDIA), format="callbot", track="inbound")


def test_no_call_id_is_none(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    assert processor.ingest(json.dumps(CALLBOT_MEDIA), call_id=None, format="callbot").bytes == 48


@pytest.mark.parametrize("form", ["nix", None])
def test_format_comes_before_the_text(ingesting: Any, form: Any) -> None:
    processor = ingesting.AudioProcessor(capacity=64)
    for text in ("[", "[]", '{"event":"x"}'):
        with pytest.raises((ValueError, TypeError)) as caught:
            processor.ingest(text, format=form)
        assert getattr(caught.value, "position", None) is None


class Busy(bytearray):
    """Memory that says, when it goes, that it is gone."""

    gone: list[str] = []  # noqa: RUF012, one list for all

    def __del__(self) -> None:
        self.gone.append("gone")


def test_message_is_not_kept(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "callbot")
    before = len(Busy.gone)
    for text in (json.dumps(CALLBOT_MEDIA), "[]", "["):
        outcome(send, processor, "callbot", Busy(text.encode()))
    gc.collect()
    assert len(Busy.gone) == before + 3


def test_bound_id_may_be_any_kind_of_str(ingesting: Any) -> None:
    processor, _ = opened(ingesting, "openai")
    text = json.dumps(MEDIA["openai"])
    for call_id in (Text("c1"), MisleadingText("c1")):
        result = processor.ingest(text, format="openai", call_id=call_id)
        assert (type(result.call_id), result.call_id) == (str, "c1")


@pytest.mark.parametrize("form", SERVICES)
def test_bound_id_of_a_misleading_kind_is_compared_as_it_is(ingesting: Any, form: str) -> None:
    processor, _ = opened(ingesting, form)
    result = send(processor, form, MEDIA[form], call_id=MisleadingText("c1"))
    assert (type(result.call_id), result.call_id) == (str, "c1")
