"""What it costs to own an implementation: to build it, to ship it, to import it, to read it, and what it hangs on.

All is counted anew, from the folder that the implementation was installed from, and nothing is downloaded. The folder
is copied before it is built, so that neither its old builds help nor a new one is left there.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import tomllib
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.table import Table

from .. import codelines
from ..environment import COMPILED, first_line
from ..errors import LabError
from ..paths import ROOT
from ..registry import BUILD_FOLDERS, Loaded, find_arms, source_folder
from .probe import Definition, Job, Row, read

COLUMNS = pa.schema(
    [
        pa.field("arm", pa.string()),
        pa.field("quantity", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("text", pa.string()),
        pa.field("method", pa.string()),
        pa.field("repetition", pa.int32()),
    ]
)

TEST_FOLDERS = frozenset({"benches", "examples", "test", "tests"})
BUILD_SCRIPTS = frozenset({"build.rs", "setup.py"})

ORDER = (
    *("clean build", "clean build, CPU time", "wheel", "compiled modules"),
    *("compiled modules, unpacked", "compiled modules, stripped"),
    *("import", "process that imports it", "process that imports nothing"),
    *(f"lines of {language}" for language in dict.fromkeys(codelines.LANGUAGES.values())),
    *("lines of build scripts", "lines in all", "lines for experiments only"),
    *("unsafe blocks", "unsafe functions", "unsafe impls", "lines in unsafe code"),
    *("C-level functions", "lines in C-level functions"),
    *("run-time requirements, direct", "run-time requirements, all"),
    *("build requirements, direct", "build requirements, all"),
    *("crates, direct", "crates, all", "crates for tests only"),
    *("tools", "interpreter", "C compiler", "rustc", "cargo"),
)
"""Quantities as a table lists them; what is not here, such as a build tool by its name, follows."""

_IMPORTED = """import time
began = time.perf_counter()
{statement}
print(time.perf_counter() - began)
"""


def jobs(definition: Definition, rows: Sequence[Loaded], profile: str) -> list[Job]:
    """A job for each arm and kind of quantity; each clean build is one of its own."""
    repetitions = definition.data["repetitions"]
    planned: list[Job] = []
    for row in rows:
        # A build uses all CPUs that it may.
        planned += [
            {"arm": row.name, "what": "build", "pinned": False, "repetition": repetition}
            for repetition in range(repetitions["build"][profile])
        ]
        # A run that is continued plans its jobs again and must get the same ones, so the seed comes from the name.
        seed = zlib.crc32(row.name.encode())
        count = repetitions["import"][profile]
        planned.append({"arm": row.name, "what": "import", "repetitions": count, "seed": seed})
        planned.append({"arm": row.name, "what": "sources", "aside": definition.data["for_experiments"]})
        planned += [{"arm": row.name, "what": what} for what in ("requirements", "toolchain")]
    return planned


def perform(job: Job, say: Callable[[str], None]) -> list[Row]:
    """Count one kind of quantity for one arm."""
    say(f"{job['what']} of {job['arm']}")
    return [{"arm": job["arm"], "text": "", "repetition": 0, **row} for row in _KINDS[job["what"]](job)]


def table(rows: pd.DataFrame) -> Table:
    """Quantity by arm: the median where there are repetitions, the version where there is no number."""
    arms = [arm for arm in read("ownership").arms if arm in set(rows["arm"])]
    arms += sorted(set(rows["arm"]) - set(arms))
    made = Table(title="what it costs to own", caption="n: repetitions, of which this is the median; -: not so here")
    made.add_column("quantity", no_wrap=True)
    made.add_column("unit", no_wrap=True)
    for arm in arms:
        made.add_column(arm, justify="right", overflow="fold")
    made.add_column("n", justify="right", no_wrap=True)
    place = {quantity: number for number, quantity in enumerate(ORDER)}
    for quantity in sorted(set(rows["quantity"]), key=lambda name: (place.get(name, len(place)), name)):
        own = rows[rows["quantity"] == quantity]
        cells = [_cell(own[own["arm"] == arm]) for arm in arms]
        made.add_row(quantity, own["unit"].iloc[0], *cells, str(own.groupby("arm").size().max()))
    return made


def _cell(rows: pd.DataFrame) -> str:
    if rows.empty:
        return "-"
    value = rows["value"].median()
    if pd.isna(value):
        text: str = rows["text"].iloc[0]
        version = re.search(r"\d+(?:\.\d+)+", text)
        return version.group() if version else text
    return f"{value:,.3g}" if rows["unit"].iloc[0] == "s" and value < 100 else f"{value:,.0f}"


def _of(quantity: str, value: float | None, unit: str, method: str, **more: Any) -> Row:
    return {"quantity": quantity, "value": value, "unit": unit, "method": method, **more}


def _entry_point(arm: str) -> metadata.EntryPoint:
    """What announces an arm; LabError if nothing does any more."""
    found = find_arms().get(arm)
    if found is None:
        raise LabError(f"no installed distribution announces '{arm}'")
    return found.entry_points[0]


def _distribution(arm: str) -> metadata.Distribution:
    """The distribution that announces an arm; LabError if there is none."""
    dist = _entry_point(arm).dist
    if dist is None:
        raise LabError(f"it is not known which distribution announces '{arm}'")
    return dist


def sources_of(arm: str) -> Path:
    """The folder with the sources of an arm; LabError if they are not on this machine.

    It is the one that the distribution was installed from, or that of the repository whose pyproject.toml has its name.
    """
    dist = _distribution(arm)
    folder = source_folder(dist)
    if folder:
        return folder
    for project in sorted((ROOT / "impls").glob("*/pyproject.toml")):
        name = _project(project.parent).get("project", {}).get("name", "")
        if canonicalize_name(name) == canonicalize_name(dist.name):
            return project.parent
    raise LabError(f"the sources of {dist.name} are not here: install it from its folder, as in pip install ./FOLDER")


def _project(folder: Path) -> dict[str, Any]:
    """The folder's pyproject.toml; empty if there is none, LabError if it is damaged."""
    path = folder / "pyproject.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise LabError(f"{path} is damaged: {error}") from None


def _build(job: Job) -> Iterator[Row]:
    """Build the wheel from a copy of the sources, in seconds of wall and of CPU time; weigh what came of it."""
    folder = sources_of(job["arm"])
    # Compilers that were told to end may still be writing when it is removed.
    with _swept_up(), tempfile.TemporaryDirectory(prefix="callbot-build-", ignore_cleanup_errors=True) as name:
        made = Path(name)
        copy, wheels = made / folder.name, made / "wheels"
        shutil.copytree(folder, copy, symlinks=True, ignore=_not_source)
        (made / "tmp").mkdir()
        arguments = ["wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(wheels), str(copy)]
        pip = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check"]
        cpu, began = _cpu_of_children(), time.perf_counter()
        done = _run([*pip, *arguments], made, _build_environment(made))
        wall, cpu = time.perf_counter() - began, _cpu_of_children() - cpu
        if done.returncode:
            raise LabError(f"it does not build: {_first_error(done.stdout + done.stderr)}")
        (wheel,) = wheels.glob("*.whl")
        how = "pip wheel --no-build-isolation --no-deps --no-index, on a copy without old builds, compilers' caches off"
        repetition = job["repetition"]
        yield _of("clean build", wall, "s", f"wall time of {how}", repetition=repetition)
        yield _of("clean build, CPU time", cpu, "s", f"user and system time of {how}", repetition=repetition)
        for row in _weights(wheel, made / "unpacked"):
            yield {**row, "repetition": repetition}


@contextmanager
def _swept_up() -> Iterator[None]:
    """Have folders removed also if the run is interrupted, of which a job is told by SIGTERM."""
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _not_source(folder: str, names: list[str]) -> set[str]:
    """Of names in a folder, those that a build left there."""
    left = (".egg-info", *COMPILED)
    return {name for name in names if name in BUILD_FOLDERS or name.startswith(".git") or name.endswith(left)}


def _build_environment(made: Path) -> dict[str, str]:
    """Variables of a build that finds this environment's tools, takes nothing from a cache, and asks no network."""
    tools = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    ours = {
        "PATH": os.pathsep.join(tools),
        "TMPDIR": str(made / "tmp"),
        "CARGO_TARGET_DIR": str(made / "target"),
        "CARGO_NET_OFFLINE": "true",
        # Compilers' caches would make the second build another thing than the first.
        "CCACHE_DISABLE": "1",
        "RUSTC_WRAPPER": "",
    }
    return {**os.environ, **ours}


def _weights(wheel: Path, unpacked: Path) -> Iterator[Row]:
    """Size of the wheel and of its compiled modules, in bytes."""
    yield _of("wheel", wheel.stat().st_size, "bytes", "size of the file", text=wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        modules = [item for item in archive.infolist() if item.filename.endswith(COMPILED)]
        archive.extractall(unpacked, modules)
    rule = f"files in the wheel that end in {', '.join(COMPILED)}"
    yield _of("compiled modules", len(modules), "files", rule)
    if modules:
        size = sum(item.file_size for item in modules)
        yield _of("compiled modules, unpacked", size, "bytes", "their sizes, added up")
        # Whether compilers leave symbols for a debugger in is a matter of flags, and they are most of a module.
        files = [unpacked / item.filename for item in modules]
        done = _run(["strip", "--strip-unneeded", *map(str, files)], unpacked) if shutil.which("strip") else None
        stripped = sum(file.stat().st_size for file in files) if done and not done.returncode else None
        text = "strip not found" if done is None else _first_error(done.stderr) if done.returncode else ""
        yield _of("compiled modules, stripped", stripped, "bytes", "the same after strip --strip-unneeded", text=text)


def _import(job: Job) -> Iterator[Row]:
    """Seconds that importing the module of the arm takes in a fresh interpreter.

    `import` is taken inside, around the statement: it is what a server's start gets longer by, and the one to quote.
    The whole process, against one that imports nothing, has the end of the interpreter besides; it is the check that
    nothing hides there. Both follow each other in random order, on one CPU. Files are in the system's cache and
    compiled to bytecode, since a process of each comes before and does not count.
    """
    module = _entry_point(job["arm"]).module
    programs = {
        "process that imports it": _IMPORTED.format(statement=f"import {module}"),
        "process that imports nothing": _IMPORTED.format(statement="pass"),
    }
    for program in programs.values():
        _timed_process(program)
    drawn = random.Random(job["seed"])
    for repetition in range(job["repetitions"]):
        for quantity in drawn.sample(sorted(programs), len(programs)):
            whole, inside = _timed_process(programs[quantity])
            how = "wall time of python -c, from its start until it has ended"
            yield _of(quantity, whole, "s", how, repetition=repetition)
            if module in programs[quantity]:
                how = f"perf_counter around 'import {module}' in python -c"
                yield _of("import", inside, "s", how, repetition=repetition)


def _timed_process(program: str) -> tuple[float, float]:
    """Seconds that a fresh interpreter takes for a program, and those that this says it took."""
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    whole = time.perf_counter() - began
    if done.returncode:
        raise LabError(f"it cannot be imported in a fresh interpreter: {_last_line(done.stderr)}")
    # A module may print something of its own when it is imported.
    return whole, float(_last_line(done.stdout))


def _sources(job: Job) -> Iterator[Row]:
    """Lines of code by language, without tests, and the part where memory safety is up to the author."""
    folder = sources_of(job["arm"])
    lines: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    for path in _source_files(folder):
        language = codelines.LANGUAGES[path.suffix]
        code = codelines.bare(_text(path), path.suffix)
        if any(fnmatch(path.stem, pattern) for pattern in job["aside"]):
            lines["lines for experiments only"] += codelines.count(code)
            continue
        part = "build scripts" if path.name in BUILD_SCRIPTS else language
        lines[f"lines of {part}"] += codelines.count(code)
        counted.update(_hazards(language, code))
    if not lines:
        raise LabError(f"{folder} holds no source files of a language that is known here")
    rule = "lines neither blank nor comment nor docstring, tests left out"
    counts = {"lines for experiments only": 0, **lines}
    aside = counts.pop("lines for experiments only")
    for quantity, value in counts.items():
        yield _of(quantity, value, "lines", rule)
    yield _of("lines in all", sum(counts.values()), "lines", "the lines of all languages and of build scripts")
    listed = ", ".join(job["aside"])
    yield _of("lines for experiments only", aside, "lines", f"{rule}, of the files {listed}; in no other count")
    for quantity, value in counted.items():
        unit = "lines" if quantity.startswith("lines") else "places"
        yield _of(quantity, value, unit, _HAZARDS[quantity])


_HAZARDS = {
    "unsafe blocks": "the word unsafe before a brace, outside of comments and strings",
    "unsafe functions": "the word unsafe before fn and a name",
    "unsafe impls": "the word unsafe before impl or trait",
    "lines in unsafe code": "lines of code with something between the braces of an unsafe block or function",
    "C-level functions": "functions with nogil, a pointer, an address, NULL, an intrinsic, or C's memory functions",
    "lines in C-level functions": "lines of code of these functions, heads included",
}


def _hazards(language: str, code: str) -> dict[str, int]:
    """What a file has of places where the author answers for memory; nothing for a language that has none to show."""
    if language == "Rust":
        u = codelines.unsafe(code)
        values = [u.blocks, u.functions, u.impls, u.lines]
        return dict(zip(list(_HAZARDS)[:4], values, strict=True))
    if language == "Cython":
        c = codelines.c_level(code)
        return dict(zip(list(_HAZARDS)[4:], [c.functions, c.lines], strict=True))
    return {}


def _source_files(folder: Path) -> list[Path]:
    """The source files of an implementation, without tests and what builds left."""
    left_out = BUILD_FOLDERS | TEST_FOLDERS
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix in codelines.LANGUAGES
        and path.is_file()
        and not left_out.intersection(path.relative_to(folder).parts)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LabError(f"{path} is no UTF-8: {error}") from None


def _requirements(job: Job) -> Iterator[Row]:
    """What the distribution needs at run time, as its metadata say."""
    dist = _distribution(job["arm"])
    extras = set(_entry_point(job["arm"]).extras)
    direct = _wanted(dist.requires or (), extras)
    rule = "Requires-Dist of the installed distribution, where the markers hold, and no extras but the arm's own"
    yield from _both("run-time requirements", direct, rule)


def _toolchain(job: Job) -> Iterator[Row]:
    """What a machine needs to build the implementation."""
    folder = sources_of(job["arm"])
    # Without that table, PEP 518 means setuptools.
    required = _project(folder).get("build-system", {}).get("requires", ["setuptools"])
    direct = _wanted(required, set())
    yield from _both("build requirements", direct, "requires in [build-system] of pyproject.toml")
    languages = {codelines.LANGUAGES[path.suffix] for path in _source_files(folder)}
    tools = {"interpreter": f"{sys.implementation.name} {sys.version.split()[0]}"}
    tools |= {requirement.name: _version(requirement.name) for requirement in direct}
    manifest = min(folder.rglob("Cargo.toml"), key=lambda path: len(path.parts), default=None)
    if manifest or languages & {"Cython", "C", "C++"}:
        # Rust needs it too: it links with the C compiler.
        compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
        tools["C compiler"] = first_line([compiler.split()[0], "--version"])
    if manifest:
        yield from _crates(manifest)
        tools |= {name: first_line([name, "--version"]) for name in ("rustc", "cargo")}
    rule = "the interpreter, build requirements, a C compiler for C, Cython and linking Rust, rustc and cargo for Rust"
    yield _of("tools", len(tools), "tools", rule, text=", ".join(tools))
    for name, version in tools.items():
        yield _of(name, None, "version", "its version, as it says or as it is installed", text=version or "not found")


def _wanted(texts: Iterable[str], extras: set[str]) -> list[Requirement]:
    """Of requirements as text, those that hold here with these extras."""
    found = [Requirement(text) for text in texts]
    return [
        one for one in found if not one.marker or any(one.marker.evaluate({"extra": extra}) for extra in extras or {""})
    ]


def _both(what: str, direct: list[Requirement], rule: str) -> Iterator[Row]:
    """The distributions required, and those with what they require in turn."""
    names = {canonicalize_name(one.name) for one in direct}
    yield _of(f"{what}, direct", len(names), "packages", rule, text=", ".join(sorted(names)))
    # With its extras, since one that was met before may require more with another extra.
    met: set[tuple[str, frozenset[str]]] = set()
    queue = list(direct)
    while queue:
        one = queue.pop()
        key = (canonicalize_name(one.name), frozenset(one.extras))
        if key in met:
            continue
        met.add(key)
        try:
            dist = metadata.distribution(one.name)
        except metadata.PackageNotFoundError:
            raise LabError(f"{one.name} is required but not installed, so what it requires is not known") from None
        queue += _wanted(dist.requires or (), one.extras)
    every = {name for name, _ in met}
    rule = f"{rule}; and in turn what these require, as installed"
    yield _of(f"{what}, all", len(every), "packages", rule, text=", ".join(sorted(every)))


def _crates(manifest: Path) -> Iterator[Row]:
    """Crates from elsewhere that a build for this machine takes in, and those that only tests do."""
    host = next((word for line in _told(["rustc", "-vV"]) for word in re.findall("^host: (.*)", line)), "")
    options = ["--locked", "--offline", "--format-version", "1", "--filter-platform", host]
    text = "\n".join(_told(["cargo", "metadata", *options, "--manifest-path", str(manifest)], manifest.parent))
    graph = json.loads(text)
    own = set(graph["workspace_members"])
    names = {package["id"]: f"{package['name']} {package['version']}" for package in graph["packages"]}
    nodes = {node["id"]: node["deps"] for node in graph["resolve"]["nodes"]}
    built = _reached(nodes, own, {None, "build"}) - own
    tested = _reached(nodes, own, {None, "build", "dev"}) - own - built
    direct = {one["pkg"] for member in own for one in nodes[member] if _reasons(one) & {None, "build"}} - own
    how = f"cargo metadata --locked --offline --filter-platform {host}"
    for quantity, ids, rule in (
        ("crates, direct", direct, "that the workspace's members name"),
        ("crates, all", built, "and in turn what these need to build"),
        ("crates for tests only", tested, "reached by the members' dev-dependencies only"),
    ):
        listed = ", ".join(sorted(names[one] for one in ids))
        yield _of(quantity, len(ids), "crates", f"{how}: {rule}", text=listed)


def _reached(nodes: Mapping[str, list[dict[str, Any]]], start: set[str], kinds: set[str | None]) -> set[str]:
    """Crates that are reached from some; of crates from elsewhere, cargo does not list what their tests need."""
    reached = set(start)
    queue = list(start)
    while queue:
        new = {one["pkg"] for one in nodes[queue.pop()] if _reasons(one) & kinds} - reached
        reached |= new
        queue += new
    return reached


def _reasons(dependency: Mapping[str, Any]) -> set[str | None]:
    """Why a crate is needed: None in cargo's words means for the code itself."""
    return {one["kind"] for one in dependency["dep_kinds"]}


def _told(command: list[str], folder: Path | None = None) -> list[str]:
    """Lines that a command prints; LabError says why there are none."""
    if not shutil.which(command[0]):
        raise LabError(f"{command[0]} not found, which its crates need")
    done = _run(command, folder)
    if done.returncode:
        raise LabError(f"{command[0]} {command[1]}: {_first_error(done.stderr)}")
    return done.stdout.splitlines()


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _run(
    command: list[str], folder: Path | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)


def _cpu_of_children() -> float:
    """Seconds of CPU time of all processes that this one has waited for, and that these have."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _first_error(output: str) -> str:
    """The line of a failed command's output that says what is wrong, as well as can be told."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    # What pip says first is only that something went wrong.
    told = [
        line
        for line in lines
        if re.search(r"\berror(?:\[\w+\])?:|Error:|Unavailable:", line) and "subprocess" not in line
    ]
    reason = next(iter([*told, *lines[-1:]]), "it says nothing")
    if "--offline was specified" in output or "offline mode" in output:
        return f"the sources of its crates are not on this machine, and nothing is downloaded ({reason})"
    return reason


def _last_line(text: str) -> str:
    return next(iter(text.strip().splitlines()[-1:]), "")


_KINDS: dict[str, Callable[[Job], Iterator[Row]]] = {
    "build": _build,
    "import": _import,
    "sources": _sources,
    "requirements": _requirements,
    "toolchain": _toolchain,
}
