"""The commands `serve` and `recover`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import LabError
from . import recover as recovery
from .parsers import INGEST
from .settings import Kept, Limits, Settings, Stage

DEFAULTS = Limits()
MEBIBYTE = 2**20

Impl = Annotated[str, typer.Option("--impl", "-i", help="Implementation that decodes and buffers (callbot-lab list).")]


def serve(
    impl: Impl,
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 9922,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    server: Annotated[str, typer.Option(help="fastapi, websockets or picows.")] = "fastapi",
    parser: Annotated[
        str,
        typer.Option(
            help="json, orjson or msgspec; ingest leaves it to the implementation, if that can, else to json."
        ),
    ] = INGEST,
    recordings: Annotated[
        Path | None, typer.Option(help="Folder of the recordings. Default: recordings/PORT.", show_default=False)
    ] = None,
    wav: Annotated[Kept, typer.Option(help="Mu-law in recordings: kept as it was sent, or decoded to PCM.")] = (
        Kept.AS_SENT
    ),
    journal: Annotated[
        bool, typer.Option(help="Write audio to its file every second, so that a kill costs no more than that.")
    ] = True,
    stamps: Annotated[bool, typer.Option(help="Note when each chunk was in its buffer.")] = True,
    stage: Annotated[
        Stage, typer.Option(help="How far to take a message: to measure what the rest costs. Only the last stores.")
    ] = Stage.BUFFER,
    decode_only: Annotated[
        bool, typer.Option(help="Use only the implementation's decode, and keep audio in bytearrays.")
    ] = False,
    capacity: Annotated[
        int | None, typer.Option(help="Bytes reserved per call. Default: 128 KiB, without a journal 10 MiB.")
    ] = None,
    max_message: Annotated[int, typer.Option(help="Bytes of the longest message.")] = DEFAULTS.message_bytes,
    max_calls: Annotated[int, typer.Option(help="Calls open at a time.")] = DEFAULTS.calls,
    max_call_mib: Annotated[float, typer.Option(help="MiB of audio of one call.")] = DEFAULTS.call_bytes / MEBIBYTE,
    max_total_mib: Annotated[float, typer.Option(help="MiB of audio in memory over all calls.")] = (
        DEFAULTS.total_bytes / MEBIBYTE
    ),
    ping_interval: Annotated[float, typer.Option(help="Seconds between pings.")] = DEFAULTS.ping_interval,
    ping_timeout: Annotated[float, typer.Option(help="Seconds until an unanswered ping ends a connection.")] = (
        DEFAULTS.ping_timeout
    ),
    grace: Annotated[float, typer.Option(help="Seconds to end in after SIGTERM.")] = DEFAULTS.grace,
    cpu: Annotated[int | None, typer.Option(help="Run on this CPU alone.")] = None,
) -> None:
    """Take audio over WebSockets and leave a WAV file for each call.

    Speaks callbot, twilio and openai at /ws/NAME, and tells of itself at /health and /calls. SIGTERM ends it: every
    open call is saved, and the exit status is 1 if one could not be.
    """
    # Not at the top: the other commands need no event loop and no framework.
    from .run import run

    if cpu is not None:
        try:
            os.sched_setaffinity(0, {cpu})
        except (OSError, ValueError, AttributeError) as error:
            raise LabError(f"cannot run on CPU {cpu}: {error}") from None
    settings = Settings(
        impl,
        recordings or Path("recordings") / str(port),
        host,
        port,
        server,
        parser,
        stage,
        wav,
        journal,
        stamps,
        decode_only,
        capacity,
        Limits(
            max_message,
            int(max_call_mib * MEBIBYTE),
            int(max_total_mib * MEBIBYTE),
            max_calls,
            ping_interval,
            ping_timeout,
            grace,
        ),
    )
    raise typer.Exit(run(settings, _say))


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:
        # Whoever watched is gone: no reason to leave calls unsaved. Nor is what cannot be said to be said at the end.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def recover(folder: Annotated[Path, typer.Argument(help="Folder of the recordings of a server.")]) -> None:
    """Make WAV files of the calls that were open when a server was killed; status 1 if one could not be made."""
    found = recovery.recover(folder)
    for name in found.names:
        print(folder / name)
    print(f"{len(found.names)} recording(s) recovered" if found.names else "nothing to recover")
    for name, reason in found.left.items():
        print(f"left as it is: {name}: {reason}")
    if found.left:
        raise typer.Exit(1)
