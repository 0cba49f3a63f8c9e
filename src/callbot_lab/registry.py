"""Finds the arms of the experiments: implementations and references, by entry point and nothing else.

Imports the standard library only, so that the doctor can ask it on a machine where nothing is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from .protocol import BUILD_KEYS, IMPLEMENTATION_GROUP, REFERENCE_GROUP

SOURCE_SUFFIXES = frozenset({".c", ".h", ".lock", ".pxd", ".pxi", ".py", ".pyx", ".rs", ".toml"})
BUILD_FOLDERS = frozenset({"build", "dist", "target", "__pycache__"})

TEXT, PCM = "text", "pcm"
"""What the calls of an arm take: base64 text or, for a reference that decodes nothing, the bytes themselves."""


class Status(StrEnum):
    """Whether an arm can be used, and if not, why."""

    READY = "ready"
    UNKNOWN = "unknown"
    UNAVAILABLE = "unavailable"
    BROKEN = "broken"
    DEBUG = "debug build"
    STALE = "stale build"
    NOT_OFFERED = "not offered"
    NONCONFORMING = "does not conform"
    WRONG_OUTPUT = "wrong output"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Arm:
    """An arm as announced: its name, what kind it is, and where it comes from."""

    name: str
    kind: str
    entry_points: tuple[metadata.EntryPoint, ...]

    @property
    def origin(self) -> str:
        """Distribution and version that announce the arm."""
        names = (f"{e.dist.name} {e.dist.version}" if e.dist else "?" for e in self.entry_points)
        return ", ".join(sorted(names))


@dataclass(frozen=True)
class Loaded:
    """An arm after the attempt to load it; `subject` is None unless it could be imported."""

    name: str
    kind: str
    origin: str
    status: Status
    reason: str
    subject: Any
    build: Mapping[str, str]

    @property
    def contract(self) -> str:
        """What the arm offers: full, decode, report; a reference offers decode."""
        return self.build.get("contract", "decode")

    @property
    def takes(self) -> str:
        """What its calls get: TEXT or PCM."""
        return self.build.get("input", TEXT)


def find_arms() -> dict[str, Arm]:
    """All arms that installed distributions announce, by name; implementations first."""
    arms: dict[str, Arm] = {}
    for kind, group in (("implementation", IMPLEMENTATION_GROUP), ("reference", REFERENCE_GROUP)):
        for entry_point in sorted(metadata.entry_points(group=group), key=lambda e: e.name):
            known = arms.get(entry_point.name)
            points = (*known.entry_points, entry_point) if known else (entry_point,)
            arms[entry_point.name] = Arm(entry_point.name, known.kind if known else kind, points)
    return arms


def load_all(names: Iterable[str]) -> list[Loaded]:
    """Load arms by name; one that cannot be used is a row with its reason, never an exception."""
    arms = find_arms()
    return [load(arms[name]) if name in arms else _unknown(name, arms) for name in names]


def load(arm: Arm) -> Loaded:
    """Load one arm and look at its BUILD."""
    if len({(e.value, e.dist.name if e.dist else "") for e in arm.entry_points}) > 1:
        return _row(arm, Status.BROKEN, f"the name is announced more than once: by {arm.origin}")
    entry_point = arm.entry_points[0]
    try:
        subject = entry_point.load()
    except ImportError as error:
        # An implementation that cannot run here says so with an ImportError of its own, which names no module.
        own_words = type(error) is ImportError and error.name is None and error.path is None
        if own_words:
            return _row(arm, Status.UNAVAILABLE, _one_line(error))
        return _row(arm, Status.BROKEN, f"it cannot be imported: {_one_line(error)}")
    except Exception as error:  # an implementation from elsewhere may raise anything on import
        return _row(arm, Status.BROKEN, f"{type(error).__name__} on import: {_one_line(error)}")
    build = getattr(subject, "BUILD", None)
    if not isinstance(build, Mapping):
        return _row(arm, Status.BROKEN, "it has no BUILD mapping")
    build = {str(key): str(value) for key, value in build.items()}
    missing = [key for key in BUILD_KEYS if key not in build]
    if missing:
        return _row(arm, Status.BROKEN, f"its BUILD lacks {', '.join(missing)}", subject, build)
    if not callable(getattr(subject, "decode", None)):
        return _row(arm, Status.BROKEN, "it has no decode", subject, build)
    if build["contract"] != "decode":
        for name in ("AudioBuffer", "AudioProcessor"):
            if not callable(getattr(subject, name, None)):
                reason = f"its contract is {build['contract']}, but it has no {name}"
                return _row(arm, Status.BROKEN, reason, subject, build)
    accepted = (TEXT, PCM) if arm.kind == "reference" else (TEXT,)
    if build.get("input", TEXT) not in accepted:
        reason = f"its input is {build['input']}; accepted of a {arm.kind} is {' or '.join(accepted)}"
        return _row(arm, Status.BROKEN, reason, subject, build)
    if build["profile"] != "release":
        reason = f"a {build['profile']} build is never timed; build it with optimisation"
        return _row(arm, Status.DEBUG, reason, subject, build)
    newer = _newer_source(entry_point)
    if newer:
        reason = f"{newer} changed after the build; run make setup"
        return _row(arm, Status.STALE, reason, subject, build)
    return _row(arm, Status.READY, "", subject, build)


def _row(arm: Arm, status: Status, reason: str, subject: Any = None, build: Mapping[str, str] | None = None) -> Loaded:
    return Loaded(arm.name, arm.kind, arm.origin, status, reason, subject, build or {})


def _unknown(name: str, arms: Mapping[str, Arm]) -> Loaded:
    reason = f"nothing installed announces '{name}'; there are: {', '.join(arms)}"
    return Loaded(name, "implementation", "", Status.UNKNOWN, reason, None, {})


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def source_folder(dist: metadata.Distribution | None) -> Path | None:
    """The folder that a distribution was installed from, as installers record it in direct_url.json (PEP 610).

    None if it came from elsewhere, or the folder is gone.
    """
    origin = _recorded_origin(dist)
    folder = Path(unquote(urlparse(origin.get("url", "")).path))
    return folder if "dir_info" in origin and folder.is_dir() else None


def _recorded_origin(dist: metadata.Distribution | None) -> dict[str, Any]:
    recorded = dist.read_text("direct_url.json") if dist else None
    origin: dict[str, Any] = json.loads(recorded) if recorded else {}
    return origin


def _newer_source(entry_point: metadata.EntryPoint) -> str:
    """A source file that is newer than the installed copy, for a distribution installed from a local folder.

    Editable installs run their sources, so only the others can be stale. Empty when nothing is newer or the origin is
    not known.
    """
    dist = entry_point.dist
    folder = source_folder(dist)
    if dist is None or folder is None or _recorded_origin(dist)["dir_info"].get("editable"):
        return ""
    record = Path(str(dist.locate_file(""))) / f"{dist.name.replace('-', '_')}-{dist.version}.dist-info" / "RECORD"
    if not record.exists():
        return ""
    built = record.stat().st_mtime
    for source in sorted(folder.rglob("*")):
        inside = source.relative_to(folder)
        ours = source.suffix in SOURCE_SUFFIXES and not BUILD_FOLDERS.intersection(inside.parts)
        if ours and source.is_file() and source.stat().st_mtime > built:
            return str(inside)
    return ""
