"""Servers that give whole messages to the implementation do what they do with a parser, and answer what they answer."""

from __future__ import annotations

import base64
import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection

from .servers import FRONT_ENDS, Server, ask, media, start, stop

IMPLEMENTATIONS = ("python", "cython", "rust")
PCM = bytes(range(256)) * 5
BASE64 = base64.b64encode(PCM).decode()
EVERYWHERE = pytest.mark.parametrize(("front_end", "impl"), [(f, i) for f in FRONT_ENDS for i in IMPLEMENTATIONS])


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers, each with a folder of its own."""
    running: list[Server] = []

    def started(*arguments: str, **parts: Any) -> Server:
        running.append(Server(tmp_path / str(len(running)), *arguments, **parts))
        return running[-1]

    yield started
    for server in running:
        server.__exit__()


def escaped(text: str) -> str:
    """Text as JSON with every character escaped."""
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'


def odd(call_id: str, number: int) -> list[str]:
    """Messages with audio that say what they say in an unusual way; their numbers go on from the one given."""
    audio = {"payload": BASE64, "encoding": "pcm16", "rate": 16_000}
    spaced = json.dumps({"seq": number, "media": audio, "call_id": call_id, "event": "media"}, indent=4)
    more = {"x": [{"y": [None, True, 1e300, "\u20ac"]}], "event": "stop"}
    twice = json.dumps(more)[:-1] + "," + media(call_id, number + 1, PCM)[1:]
    inner = f'"payload":{escaped(BASE64)},"encoding":"pcm16","rate":16000'
    letters = f'{{"event":"media","call_id":{escaped(call_id)},"seq":{number + 2},"media":{{{inner}}}}}'
    return [spaced, twice, letters]


def refused(call_id: str, other: str) -> list[str]:
    """Messages that are to be refused, each in its own way."""
    right = json.loads(media(call_id, 1, PCM))
    wrong: list[Any] = [
        {**right, "call_id": other},
        {**right, "call_id": "nobody"},
        {**right, "call_id": 5},
        {**right, "seq": -1},
        {**right, "seq": "1"},
        {**right, "event": "medium"},
        {**right, "media": {**right["media"], "payload": BASE64[:-1]}},
        {**right, "media": {**right["media"], "payload": None}},
        {**right, "media": {**right["media"], "encoding": "mulaw"}},
        {**right, "media": {**right["media"], "rate": 8000}},
        [right],
    ]
    texts = [json.dumps(message) for message in wrong]
    return [*texts, "", "{", texts[0][:-1], texts[0] + "x", '{"event":"media","x":NaN}', '{"event":"start"}']


def spoken(server: Server, call_id: str, other: str) -> list[dict[str, Any]]:
    """Play a call with every oddity; the answers."""
    with server.connect() as elsewhere, server.connect() as client:
        answers = [ask(elsewhere, start(other)), ask(client, start(call_id))]
        client.send(media(call_id, 1, PCM))
        answers += [ask(client, message) for message in refused(call_id, other)]
        for message in odd(call_id, 2):
            client.send(message)
        # What was refused came before what was not: all was taken once this is answered.
        answers.append(ask(client, start(call_id)))
        answers.append(ask(client, stop(call_id, 5)))
        answers.append(ask(elsewhere, stop(other, 1)))
    return answers


def audio(server: Server, answer: dict[str, Any]) -> bytes:
    with wave.open(str(server.folder / answer["file"])) as file:
        return file.readframes(file.getnframes())


@EVERYWHERE
def test_a_call_is_the_same_whoever_reads_its_messages(serve: Callable[..., Server], front_end: str, impl: str) -> None:
    whole, parsed = serve(front_end=front_end, impl=impl), serve("--parser", "json", front_end=front_end, impl=impl)
    assert (whole.page()["parser"], parsed.page()["parser"]) == ("ingest", "json")
    found, wanted = (spoken(server, "call", "other") for server in (whole, parsed))
    assert found == wanted
    assert audio(whole, found[-2]) == PCM * 4
    assert audio(whole, found[-1]) == b""
    assert found[-2]["sequence"] == {"gaps": 0, "missing": 0, "repeats": 0, "wraps": 0}
    health, same = whole.page(), parsed.page()
    assert {**health["messages"], "parsed": 0} == {**same["messages"], "parsed": 0}
    assert health["bytes"] == {"held": 0, "unwritten": 0}


@EVERYWHERE
def test_only_the_start_is_parsed_by_the_server(serve: Callable[..., Server], front_end: str, impl: str) -> None:
    server = serve(front_end=front_end, impl=impl)
    with server.connect() as client:
        assert ask(client, start("call"))["event"] == "started"
        for number in range(100):
            client.send(media("call", number, PCM))
        assert ask(client, stop("call", 100))["bytes"] == 100 * len(PCM)
    assert server.page()["messages"] == {"all": 102, "parsed": 1, "refused": 0, "without_audio": 0}


def twilio(event: str, **more: Any) -> str:
    return json.dumps({"event": event, "streamSid": "MZ1", **more})


def opened(client: ClientConnection, tracks: list[str]) -> None:
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    client.send(twilio("start", sequenceNumber="1", start={"tracks": tracks, "mediaFormat": form}))


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
@pytest.mark.parametrize("tracks", [["inbound"], ["outbound"], ["inbound", "outbound"]])
def test_tracks_are_kept_apart(serve: Callable[..., Server], impl: str, tracks: list[str]) -> None:
    server = serve(impl=impl)
    with server.connect("/ws/twilio") as client:
        client.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
        opened(client, tracks)
        for number in range(2, 8):
            for track in ("inbound", "outbound"):
                sound = PCM[:160] if track == "inbound" else PCM[160:320]
                payload = base64.b64encode(sound).decode()
                client.send(twilio("media", sequenceNumber=str(number), media={"track": track, "payload": payload}))
        client.send(twilio("mark", sequenceNumber="8", mark={"name": "x"}))
        client.send(twilio("stop", sequenceNumber="9", stop={}))
    for track in tracks:
        own = "MZ1" if track == tracks[0] else f"MZ1-{track}"
        note = server.note(own)
        assert (note["chunks"], note["bytes"], note["encoding"], note["rate"]) == (6, 960, "mulaw", 8000)
        assert note["ended"] == "stop"
    assert server.page()["messages"]["refused"] == 6 * (2 - len(tracks))


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_what_is_cleared_is_gone_and_what_is_committed_stays(serve: Callable[..., Server], impl: str) -> None:
    server = serve(impl=impl)
    append = json.dumps({"type": "input_audio_buffer.append", "audio": BASE64})
    with server.connect("/ws/openai?call_id=talk") as client:
        assert json.loads(client.recv())["type"] == "session.created"
        for event in ("append", "clear", "append", "append", "commit", "append"):
            client.send(append if event == "append" else json.dumps({"type": f"input_audio_buffer.{event}"}))
    note = server.note("talk")
    assert (note["bytes"], note["chunks"]) == (3 * len(PCM), 4)


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_a_name_can_be_used_again_at_once(serve: Callable[..., Server], impl: str) -> None:
    server = serve(impl=impl)
    with server.connect() as client:
        for _ in range(5):
            assert ask(client, start("again"))["event"] == "started"
            client.send(media("again", 1, PCM))
            assert ask(client, stop("again", 2))["bytes"] == len(PCM)


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_several_calls_of_a_connection_are_kept_apart(serve: Callable[..., Server], impl: str) -> None:
    server = serve(impl=impl)
    with server.connect() as client:
        for name in "ab":
            assert ask(client, start(name))["event"] == "started"
        for number in range(10):
            client.send(media("a", number, PCM))
            client.send(media("b", number, PCM[::-1]))
        first = ask(client, stop("a", 10))
        client.send(media("b", 10, PCM[::-1]))
        second = ask(client, stop("b", 11))
    assert audio(server, first) == PCM * 10
    assert audio(server, second) == PCM[::-1] * 11


@pytest.mark.parametrize("impl", IMPLEMENTATIONS)
def test_decode_alone_stores_the_same(serve: Callable[..., Server], impl: str) -> None:
    server = serve("--decode-only", impl=impl)
    assert (server.page()["parser"], server.page()["decode_only"]) == ("json", True)
    with server.connect() as client:
        assert ask(client, start("call"))["event"] == "started"
        for number in range(10):
            client.send(media("call", number, PCM))
        assert audio(server, ask(client, stop("call", 10))) == PCM * 10


def test_a_design_that_takes_no_messages_is_served_by_the_parser(serve: Callable[..., Server]) -> None:
    assert serve(impl="rust-report").page()["parser"] == "json"
