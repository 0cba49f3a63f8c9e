"""Which implementations are tested, and how the report names them."""

from __future__ import annotations

import faulthandler
import os
import platform
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings

from .subjects import GROUP, Subject, UnknownSubject, select

SUBJECTS = pytest.StashKey[list[Subject]]()
STDERR = pytest.StashKey[int]()
LONGEST = 120
"""Seconds after which a test whose threads wait for each other ends the run."""

_SLOW_MACHINES = (HealthCheck.too_slow,)
settings.register_profile("default", deadline=None, print_blob=True, suppress_health_check=_SLOW_MACHINES)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=2000)
# For the wrong implementations: that a test fails is enough, the smallest example is of no interest.
settings.register_profile(
    "catch",
    settings.get_profile("ci"),
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    database=None,
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or (
    "ci" if os.environ.get("CI", "").lower() in ("1", "true") else "default"
)
settings.load_profile(PROFILE)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the subject be chosen from outside."""
    parser.addoption(
        "--impl",
        action="append",
        default=[],
        metavar="NAME",
        help="implementation to test: a registered name, module:attribute or a module (repeatable)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the subjects before anything is collected, so that a wrong name is one line."""
    config.stash[STDERR] = os.dup(2)  # before pytest captures it
    config.addinivalue_line("markers", "slow: takes more than five seconds")
    try:
        config.stash[SUBJECTS] = select(config.getoption("impl", default=[]) or [])
    except UnknownSubject as error:
        raise pytest.UsageError(str(error)) from None


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close what was opened."""
    os.close(config.stash[STDERR])


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name every subject and the settings."""
    runtime = f"{platform.python_implementation()} {platform.python_version()}"
    lines = [f"conformance: {runtime}, hypothesis {hypothesis.__version__}, profile {PROFILE}"]
    return lines + [f"  {subject.headline()}" for subject in config.stash[SUBJECTS]]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once per subject."""
    if "impl" in metafunc.fixturenames:
        subjects = metafunc.config.stash[SUBJECTS]
        names = [subject.name for subject in subjects]
        metafunc.parametrize("impl", subjects, indirect=True, ids=names, scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse to pass for want of a subject."""
    uses = any("impl" in getattr(item, "fixturenames", ()) for item in items)
    if uses and not config.stash[SUBJECTS]:
        raise pytest.UsageError(f"no implementation is registered in the group {GROUP}; name one with --impl")


def _loaded(subject: Subject, config: pytest.Config) -> Any:
    if subject.not_for_this_machine and subject.name not in (config.getoption("impl", default=[]) or []):
        pytest.skip(f"{subject.name}: {subject.reason}")
    if subject.reason:
        pytest.fail(f"{subject.name} cannot be loaded: {subject.reason}", pytrace=False)
    return subject.implementation


@pytest.fixture
def watchdog(request: pytest.FixtureRequest) -> Iterator[None]:
    """End the run with a traceback if threads block each other for good: no Python code may run then."""
    faulthandler.dump_traceback_later(LONGEST, exit=True, file=request.config.stash[STDERR])
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def impl(request: pytest.FixtureRequest) -> Any:
    """An implementation under test."""
    return _loaded(request.param, request.config)


@pytest.fixture(scope="session")
def import_path(request: pytest.FixtureRequest, impl: Any) -> str:
    """Where another process finds the implementation under test."""
    return next(s.path for s in request.config.stash[SUBJECTS] if s.implementation is impl)


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest, impl: Any) -> Any:
    """An implementation under test that offers the buffer and the processor too."""
    for subject in request.config.stash[SUBJECTS]:
        if subject.implementation is impl and subject.missing:
            pytest.skip(subject.missing)
    return impl


@pytest.fixture(scope="session")
def ingesting(request: pytest.FixtureRequest, full: Any) -> Any:
    """An implementation under test that takes whole messages; one of ours has to."""
    for subject in request.config.stash[SUBJECTS]:
        if subject.implementation is full and subject.lacks_ingest:
            if subject.leaves_nothing_out:
                pytest.fail(subject.lacks_ingest, pytrace=False)
            pytest.skip(subject.lacks_ingest)
    return full


@pytest.fixture(scope="session")
def reserving(full: Any) -> Any:
    """An implementation that reserves memory itself."""
    if full.BUILD["language"] == "python":
        pytest.skip("pure Python treats the capacity as a hint")
    return full


@pytest.fixture(scope="session")
def side_by_side(request: pytest.FixtureRequest) -> dict[str, Any]:
    """All loadable subjects with the full contract; the others fail or are skipped by name elsewhere."""
    subjects = request.config.stash[SUBJECTS]
    together = {s.name: s.implementation for s in subjects if not s.reason and not s.missing}
    if not together:
        pytest.skip("no subject that could be loaded offers AudioBuffer and AudioProcessor")
    return together
