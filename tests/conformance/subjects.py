"""Finding the implementations under test, by entry point or by import path."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GROUP = "callbot_lab.implementations"
PARTS = ("decode", "AudioBuffer", "AudioProcessor")
OURS = ("callbot_cython", "callbot_python", "callbot_rust")
"""Packages whose implementations may leave nothing out."""


class UnknownSubject(LookupError):
    """A name that is neither registered nor importable."""


@dataclass(frozen=True)
class Subject:
    """An implementation under test, or the reason why there is none."""

    name: str
    path: str
    implementation: Any = None
    reason: str = ""
    not_for_this_machine: bool = False

    @property
    def build(self) -> Mapping[str, str]:
        """What the implementation says of itself; empty where it says nothing usable."""
        build = getattr(self.implementation, "BUILD", {})
        return build if isinstance(build, Mapping) else {}

    @property
    def contract(self) -> str:
        """The contract claimed; full where none is claimed, so that nothing is skipped in silence."""
        return str(self.build.get("contract", "full"))

    @property
    def missing(self) -> str:
        """Why the sections on buffer and processor do not apply; empty where they do."""
        if self.contract != "decode":
            return ""
        absent = [part for part in PARTS if not hasattr(self.implementation, part)]
        names = " and ".join(absent) or "AudioBuffer and AudioProcessor"
        return f"{self.name} has the contract 'decode': {names} not offered"

    @property
    def lacks_ingest(self) -> str:
        """Why the sections on messages do not apply; empty where they do."""
        offered = hasattr(self.implementation.AudioProcessor(capacity=0), "ingest")
        return "" if offered else f"{self.name} does not offer AudioProcessor.ingest"

    @property
    def leaves_nothing_out(self) -> bool:
        """Whether it is one of ours that claims to conform: what it lacks is a failure."""
        return self.contract == "full" and self.path.partition(":")[0].partition(".")[0] in OURS

    def headline(self) -> str:
        """One line for the report's header."""
        if self.reason:
            return f"{self.name}: cannot be loaded: {self.reason}"
        keys = ("language", "kernel", "contract", "version")
        told = ", ".join(f"{key} {self.build.get(key, '?')}" for key in keys)
        return f"{self.name}: {told}, module {self.path}"


def registered() -> dict[str, EntryPoint]:
    """The entry points of the group by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def select(names: Iterable[str]) -> list[Subject]:
    """The subjects asked for; without names, all that are registered and claim to conform."""
    points = registered()
    wanted = list(dict.fromkeys(names))
    if wanted:
        return [_find(name, points) for name in wanted]
    everything = [_load(name, points[name].value) for name in sorted(points)]
    return [subject for subject in everything if subject.contract != "report"]


def _find(name: str, points: Mapping[str, EntryPoint]) -> Subject:
    if name in points:
        return _load(name, points[name].value)
    if ":" in name or "." in name or _is_module(name):
        return _load(name, name)
    there = ", ".join(sorted(points)) or "none is registered"
    raise UnknownSubject(f"no implementation is called {name!r}; there are: {there} (or give module:attribute)")


def _is_module(name: str) -> bool:
    """Whether a bare name is a module; a mere folder of that name is not one."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


def _load(name: str, path: str) -> Subject:
    module, _, attributes = path.partition(":")
    try:
        found: Any = importlib.import_module(module.strip())
        for attribute in attributes.split(".") if attributes else ():
            found = getattr(found, attribute.strip())
    except Exception as error:  # whatever an implementation raises on import is the reason to show
        first_line = (str(error).splitlines() or [""])[0]
        # One that cannot run on this CPU says so with an ImportError of its own, which names no module.
        own_words = type(error) is ImportError and error.name is None and error.path is None
        return Subject(name, path, reason=f"{type(error).__name__}: {first_line}", not_for_this_machine=own_words)
    return Subject(name, path, found)
