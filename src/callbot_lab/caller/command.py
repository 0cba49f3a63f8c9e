"""The command `call`."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import wording
from ..errors import LabError
from ..paths import SPEECH
from ..workload import parse_size, read_recording
from .check import Checked, check
from .faults import Fault, Plan
from .traffic import Sent, Traffic

LATE_MS = 5.0
BUSY_SHARE = 0.9
"""The caller's own lateness (99th percentile) and CPU share from which it, and not the server, may be the limit."""

STEP_SECONDS = 2.0
"""Between lines of progress."""

TOLD = ("implementation", "recordings", "server", "stage")
"""What a server has to say of itself."""

SHOWN = 3
"""Calls and errors that are told one by one."""


def call(
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
    checked: Annotated[bool, typer.Option("--check/--no-check", help="Check what the server stored.")] = True,
    out: Annotated[Path | None, typer.Option("--json", help="Write the outcome to this JSON file as well.")] = None,
) -> None:
    """Play the recorded speech to a server over many connections, in real time, from one core.

    Every call starts at its own place in the recording. Afterwards what the server stored is checked bit for bit, if
    its recordings are on this machine, and the lag of every message is told: from when it was due to its bytes in the
    buffer. The exit status is 1 if anything is missing or wrong.
    """
    if not 0 < seconds <= 24 * 3600:
        raise LabError(f"{seconds:g} seconds of audio make no sense")
    health = _health(host, port)
    traffic = Traffic(
        host,
        port,
        parse_size(format_name),
        calls=calls,
        recording=read_recording(recording or SPEECH),
        seed=seed,
        plan=Plan.parse(faults or [], seed),
        answers=health["stage"] != "receive",
    )
    traffic.connect()
    print(f"{calls} calls are open at {host}:{port} ({health['implementation']} on {health['server']})", flush=True)
    sent, interrupted = [], False
    try:
        if flood:
            sent.append(traffic.flood(max(1, round(seconds * 1e9 / traffic.period_ns))))
        left = 0.0 if flood else seconds
        while left > 0:
            sent.append(traffic.play(min(left, STEP_SECONDS)))
            left -= STEP_SECONDS
            print(f"{max(0.0, left):.0f} s to go, {sum(one.messages for one in sent):,} messages sent", flush=True)
    except KeyboardInterrupt:
        interrupted = True
    traffic.finish()
    result = None
    if checked and health["stage"] == "buffer":
        result = check(traffic, Path(health["recordings"]))
    data = outcome(traffic, sent, result)
    _print(data)
    if out is not None:
        try:
            out.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise LabError(f"cannot write {out}: {error.strerror}") from None
    if interrupted:
        raise typer.Exit(130)
    if result is not None and result.wrong:
        raise typer.Exit(1)


def outcome(traffic: Traffic, sent: list[Sent], result: Checked | None) -> dict[str, Any]:
    """What came of a traffic, as plain data; times in milliseconds."""
    spent = sum(one.seconds for one in sent)
    data: dict[str, Any] = {
        "calls": len(traffic.calls),
        "format": traffic.form.name,
        "chunk_ms": traffic.form.milliseconds,
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
                "late": result.late(traffic.form.milliseconds),
            }
    return data


def _print(data: dict[str, Any]) -> None:
    number = wording.number
    print(f"sent {data['messages']:,} messages of {data['calls']} calls in {data['seconds']:.1f} s")
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
