"""The command `call`."""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import wording
from ..errors import LabError
from ..paths import SPEECH
from ..progress import NowAndThen
from ..workload import parse_size, read_recording
from .check import Checked, check
from .faults import Fault, Plan
from .replay import Replay
from .switchboard import PROGRESS_SECONDS, Sent, Switchboard
from .tape import Tape
from .traffic import Traffic

LATE_MS = 5.0
BUSY_SHARE = 0.9
"""The caller's own lateness (99th percentile) and CPU share from which it, and not the server, may be the limit."""

STEP_SECONDS = PROGRESS_SECONDS
"""Traffic that is sent in one go. Of a flood that is less time than between lines."""

TOLD = ("implementation", "recordings", "server", "stage")
"""What a server has to say of itself."""

SHOWN = 3
"""Calls and errors that are told one by one."""

OF_THE_FILE = ("calls", "format_name", "seconds", "recording", "faults", "seed")
"""Parameters that say what is played, which a file that is replayed does by itself."""


def call(
    context: typer.Context,
    calls: Annotated[int, typer.Option(help="Calls at a time, each over a connection of its own.")] = 10,
    format_name: Annotated[str, typer.Option("--format", "-f", help="callbot, twilio or openai.")] = "callbot",
    seconds: Annotated[float, typer.Option(help="Seconds of audio of each call.")] = 10.0,
    flood: Annotated[bool, typer.Option("--flood", help="Send as fast as the server takes it.")] = False,
    host: Annotated[str, typer.Option(help="Address of the server.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of the server.")] = 9922,
    recording: Annotated[
        Path | None, typer.Option("--input", help="Play this recording (WAV, mono, 16-bit PCM).")
    ] = None,
    faults: Annotated[
        list[str] | None,
        typer.Option("--fault", help=f"KIND=AMOUNT: {', '.join(Fault)} (jitter in ms, the others shares); repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of offsets, phases and faults.")] = 1,
    record: Annotated[
        Path | None, typer.Option("--record", help="Write what is sent to this new traffic file (.gz: compressed).")
    ] = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", help="Play this traffic file: its messages, in its timing.")
    ] = None,
    checked: Annotated[bool, typer.Option("--check/--no-check", help="Check what the server stored.")] = True,
    out: Annotated[Path | None, typer.Option("--json", help="Write the outcome to this JSON file as well.")] = None,
) -> None:
    """Play the recorded speech to a server over many connections, in real time, from one core.

    Every call starts at its own place in the recording. Afterwards what the server stored is checked bit for bit, if
    its recordings are on this machine, and the lag of every message is told: from when it was due to its bytes in the
    buffer. The exit status is 1 if anything is missing or wrong.

    What is sent can be recorded, and such a file, or one made of messages that were captured elsewhere, played to any
    server.
    """
    if not 0 < seconds <= 24 * 3600:
        raise LabError(f"{seconds:g} seconds of audio make no sense")
    if replay is not None:
        _check_alone(context)
    plan = Plan.parse(faults or [], seed)
    if flood and plan.jitter_ms:
        raise LabError(f"--flood sends at once; it does not go with --fault {Fault.JITTER}")
    tape = None if record is None else Tape(record)
    traffic: Switchboard
    advance: Callable[[float], Sent]
    try:
        if replay is not None:
            # Before a server is looked for: what is wrong with a file has nothing to do with one.
            traffic = read = Replay(host, port, replay, tape=tape, say=_say)
            _tell(replay, read)
            seconds, advance = read.seconds, read.flood if flood else read.play
            health = _health(host, port)
        else:
            health = _health(host, port)
            traffic = made = Traffic(
                host,
                port,
                parse_size(format_name),
                calls=calls,
                recording=read_recording(recording or SPEECH),
                seed=seed,
                plan=plan,
                answers=health["stage"] != "receive",
                tape=tape,
            )
            advance = _flooding(made) if flood else made.play
        traffic.connect()
    except BaseException:
        if tape is not None:
            tape.discard()
        raise
    opened = wording.count(len(traffic.names), "call" if replay is None else "connection")
    _say(f"opened {opened} at {host}:{port} ({health['implementation']} on {health['server']})")
    try:
        sent = _played(traffic, advance, seconds, tape)
        traffic.finish()
    finally:
        # Whatever ends this, what was sent is on the tape.
        if tape is not None:
            tape.close()
    result = None
    if checked and health["stage"] == "buffer":
        result = check(traffic, Path(health["recordings"]), say=_say)
    data = outcome(traffic, sent, result)
    _print(data)
    if out is not None:
        try:
            out.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise LabError(f"cannot write {out}: {error.strerror}") from None
    if tape is not None and tape.failed:
        _say(f"the recording is not whole: {tape.path}: {tape.failed}")
    elif tape is not None:
        _say(f"recorded: {wording.count(tape.messages, 'message')} in {tape.path}")
    if traffic.stopping:
        raise typer.Exit(130)
    if (result is not None and result.wrong) or (tape is not None and tape.failed):
        raise typer.Exit(1)


def _check_alone(context: typer.Context) -> None:
    """LabError if something was asked for that a traffic file says by itself."""
    given = []
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name in OF_THE_FILE and source is not None and source.name == "COMMANDLINE":
            given.append(max(parameter.opts, key=len))
    if given:
        raise LabError(f"--replay plays what the file holds; it does not go with {wording.listing(given)}")


def _flooding(traffic: Traffic) -> Callable[[float], Sent]:
    return lambda seconds: traffic.flood(max(1, round(seconds * 1e9 / traffic.period_ns)))


def _played(traffic: Switchboard, advance: Callable[[float], Sent], seconds: float, tape: Tape | None) -> list[Sent]:
    """Send so many seconds of traffic, with a line of progress now and then; an interrupt ends it early."""
    sent, left, failed, line_time = list[Sent](), seconds, False, NowAndThen(0.9 * PROGRESS_SECONDS)
    with _stopped_by_interrupt(traffic):
        while left > 0 and not traffic.stopping:
            sent.append(advance(min(left, STEP_SECONDS)))
            left -= STEP_SECONDS
            if tape is not None and tape.failed and not failed:
                failed = True
                _say(f"recording ended, while the calls go on: {tape.path}: {tape.failed}")
            if line_time.due() or left <= 0:
                _say(f"{max(0.0, left):.0f} s to go, {sum(one.messages for one in sent):,} messages sent")
    return sent


@contextlib.contextmanager
def _stopped_by_interrupt(traffic: Switchboard) -> Iterator[None]:
    """Let SIGINT end what is being sent between two messages; a second one ends the caller at once."""

    def stop(number: int, frame: Any) -> None:
        if traffic.stopping:
            signal.default_int_handler(number, frame)
        traffic.stopping = True

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _tell(path: Path, read: Replay) -> None:
    """Say what a traffic file holds."""
    _say(f"{path}: {wording.count(read.messages, 'message')} in {read.seconds:.1f} s, in the format {read.format_name}")
    if read.refused:
        noun = wording.count(read.refused, "message")
        _say(f"a server has to refuse {noun} of them, such as that of line {read.first_refused}")


def _say(line: str) -> None:
    print(line, flush=True)


def outcome(traffic: Switchboard, sent: list[Sent], result: Checked | None) -> dict[str, Any]:
    """What came of a traffic, as plain data; times in milliseconds."""
    spent = sum(one.seconds for one in sent)
    data: dict[str, Any] = {
        "calls": len(traffic.names) if result is None else result.calls,
        "format": traffic.format_name,
        "chunk_ms": traffic.chunk_ms,
        "flood": not any(len(one.late_ns) for one in sent),
        "messages": sum(one.messages for one in sent),
        "seconds": spent,
        "caller": {
            "cpu_share": sum(one.cpu_seconds for one in sent) / spent if spent else 0.0,
            "late_p99_ms": max((one.late_ms(99) for one in sent), default=0.0),
        },
        "errors": {"count": traffic.error_count, "first": traffic.errors[:SHOWN]},
        "lost_connections": dict(list(traffic.lost.items())[:SHOWN]),
        "lost_count": len(traffic.lost),
    }
    if result is not None:
        data["stored"] = {
            "expected_chunks": result.expected,
            "chunks": result.stored,
            "whole_calls": result.whole,
            "wrong": result.wrong,
        }
        if len(result.lags_ms):
            shares = {f"p{p:g}": result.lag_ms(p) for p in (50, 99, 99.9)}
            data["lag_ms"] = shares | {
                "max": float(result.lags_ms.max()),
                "late": result.late(traffic.chunk_ms),
            }
    return data


def _print(data: dict[str, Any]) -> None:
    number = wording.number
    print(f"sent {data['messages']:,} messages of {wording.count(data['calls'], 'call')} in {data['seconds']:.1f} s")
    caller = data["caller"]
    share, late = wording.percent(caller["cpu_share"], 0), number(caller["late_p99_ms"])
    print(f"caller: {share} of a core" + ("" if data["flood"] else f", p99 of its own lateness {late} ms"))
    if not data["flood"] and (caller["late_p99_ms"] > LATE_MS or caller["cpu_share"] > BUSY_SHARE):
        print("the caller was late or busy itself: what follows may be its limit and not the server's")
    if lag := data.get("lag_ms"):
        told = ", ".join(f"{name} {number(lag[name])} ms" for name in ("p50", "p99", "p99.9", "max"))
        print(f"lag: {told}; {wording.percent(lag['late'], 2)} later than one chunk ({data['chunk_ms']:g} ms)")
    if data["errors"]["count"]:
        print(f"{data['errors']['count']:,} error replies, such as: {'; '.join(data['errors']['first'])}")
    if data["lost_count"]:
        call_id, reason = next(iter(data["lost_connections"].items()))
        print(f"{data['lost_count']} connections were lost, such as that of {call_id}: {reason}")
    stored = data.get("stored")
    if stored is None:
        print("what the server stored was not checked")
        return
    print(
        f"stored: {stored['whole_calls']} of {data['calls']} calls are right bit for bit, {stored['chunks']:,} chunks"
    )
    for call_id, reason in list(stored["wrong"].items())[:SHOWN]:
        print(f"wrong: {call_id}: {reason}")
    if len(stored["wrong"]) > SHOWN:
        print(f"and {len(stored['wrong']) - SHOWN} more")


def _health(host: str, port: int) -> dict[str, Any]:
    """What a server says of itself; LabError if there is none. One that is just starting gets a few seconds."""
    deadline = time.monotonic() + 5.0
    address = f"[{host}]" if ":" in host else host
    while True:
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/health", timeout=5) as answer:
                found: dict[str, Any] = json.load(answer)
                if not isinstance(found, dict) or not set(TOLD) <= set(found):
                    raise LabError(f"what answers at {host}:{port} is no callbot-lab server")
                return found
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            if time.monotonic() > deadline:
                raise LabError(
                    f"no server answers at {host}:{port}: {str(reason).strip()} (callbot-lab serve)"
                ) from None
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(0.3)
