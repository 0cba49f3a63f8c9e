"""Arms are found by what they announce; one that cannot be used is a row with its reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from callbot_lab import registry
from callbot_lab.registry import Status

from . import packages

Install = Callable[..., Path]


def status_of(name: str) -> tuple[Status, str]:
    (row,) = registry.load_all([name])
    return row.status, row.reason


def test_an_announced_arm_is_found_and_loaded(install: Install) -> None:
    install("fourth_arm", packages.GOOD)
    (row,) = registry.load_all(["fourth_arm"])
    assert row.status is Status.READY
    assert row.kind == "implementation"
    assert row.origin == "fourth_arm 1.0"
    assert row.subject.decode("AAAA") == bytes(3)


def test_the_group_decides_the_kind(install: Install) -> None:
    install("a_reference", packages.GOOD, group="callbot_lab.references")
    assert registry.find_arms()["a_reference"].kind == "reference"


@pytest.mark.parametrize(("input_", "status"), [("pcm", Status.READY), ("text", Status.READY), ("wav", Status.BROKEN)])
def test_a_reference_may_take_pcm(install: Install, input_: str, status: Status) -> None:
    install("a_reference", packages.GOOD + f"BUILD['input'] = '{input_}'\n", group="callbot_lab.references")
    (row,) = registry.load_all(["a_reference"])
    assert row.status is status
    assert row.takes == input_


def test_a_name_that_nothing_announces_lists_those_there_are() -> None:
    status, reason = status_of("nix")
    assert status is Status.UNKNOWN
    assert "'nix'" in reason
    assert "python" in reason


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        (packages.UNAVAILABLE, Status.UNAVAILABLE, "this CPU lacks the instructions"),
        (packages.UNIMPORTABLE, Status.BROKEN, "cannot be imported: No module named 'a_module_that_is_not_there'"),
        ("1 / 0\n", Status.BROKEN, "ZeroDivisionError on import"),
        (packages.DEBUG, Status.DEBUG, "never timed"),
        ("def decode(chunk, /): ...\n", Status.BROKEN, "no BUILD"),
        (packages.GOOD + "del BUILD['kernel'], BUILD['flags']\n", Status.BROKEN, "lacks kernel, flags"),
        (packages.GOOD + "del decode\n", Status.BROKEN, "no decode"),
        (packages.GOOD + "del AudioProcessor\n", Status.BROKEN, "no AudioProcessor"),
        (packages.GOOD + "BUILD['input'] = 'pcm'\n", Status.BROKEN, "its input is pcm; accepted of a"),
    ],
)
def test_an_arm_that_cannot_be_used_says_why(install: Install, source: str, status: Status, words: str) -> None:
    install("odd_arm", source)
    found, reason = status_of("odd_arm")
    assert found is status
    assert words in reason
    assert "\n" not in reason


def test_an_arm_of_the_decode_contract_needs_no_buffer(install: Install) -> None:
    install("bare_arm", packages.GOOD + "BUILD['contract'] = 'decode'\ndel AudioBuffer, AudioProcessor\n")
    assert status_of("bare_arm") == (Status.READY, "")


def test_a_name_announced_twice_is_refused(install: Install) -> None:
    install("one_arm", packages.GOOD, arm="same")
    install("other_arm", packages.GOOD, arm="same")
    status, reason = status_of("same")
    assert status is Status.BROKEN
    assert "one_arm" in reason
    assert "other_arm" in reason


@pytest.mark.parametrize("newer", [True, False])
def test_a_build_older_than_its_sources_is_stale(install: Install, tmp_path: Path, newer: bool) -> None:
    sources = tmp_path / "sources"
    (sources / "src").mkdir(parents=True)
    (sources / "src" / "kernel.pyx").write_text("# edited\n", encoding="utf-8")
    folder = install("built_arm", packages.GOOD)
    packages.say_origin(folder, "built_arm", sources, source_is_newer=newer)
    status, reason = status_of("built_arm")
    assert status is (Status.STALE if newer else Status.READY)
    assert ("kernel.pyx" in reason) is newer


def test_what_a_build_leaves_behind_makes_nothing_stale(install: Install, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    (sources / "build").mkdir(parents=True)
    (sources / "build" / "kernel.c").write_text("/* generated */\n", encoding="utf-8")
    folder = install("built_arm", packages.GOOD)
    packages.say_origin(folder, "built_arm", sources, source_is_newer=True)
    assert status_of("built_arm")[0] is Status.READY
