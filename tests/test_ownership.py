"""What an implementation costs to own is counted from its sources, by rules that hold on source made to break them."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from rich.console import Console

from callbot_lab import codelines, registry
from callbot_lab.codelines import CLevel, Unsafe
from callbot_lab.errors import LabError
from callbot_lab.figures.ownership import ownership_costs
from callbot_lab.figures.style import style_of
from callbot_lab.paths import ROOT
from callbot_lab.probes import ownership, ownership_summary, probe

from . import packages

Install = Callable[..., Path]
NAME = "fourth_owned"
NOT_CACHED = "the sources of its crates are not on this machine, and nothing is downloaded"
needs_cargo = pytest.mark.skipif(not shutil.which("cargo"), reason="needs cargo")


def done(what: str, **more: Any) -> dict[str, dict[str, Any]]:
    """Rows of one job for the test's arm, by quantity."""
    return {row["quantity"]: row for row in ownership.perform({"arm": NAME, "what": what, **more}, lambda _: None)}


@pytest.fixture
def sources(install: Install, tmp_path: Path) -> Path:
    """The folder that the test's arm was installed from; empty."""
    folder = tmp_path / "sources"
    folder.mkdir()
    packages.say_origin(install(NAME, packages.GOOD), NAME, folder, source_is_newer=False)
    return folder


def write(folder: Path, **files: str) -> None:
    """Write files; two underscores in a name are a slash, and one before the suffix a dot."""
    for name, text in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        path = folder / f"{stem}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def lines_of_the_parser(text: str) -> int:
    """Lines of code as Python's own tokeniser and parser see them."""
    said = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    docs = {n for node in said for n in range(node.lineno, (node.end_lineno or 0) + 1)}
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in silent]
    lines = text.split("\n")
    code = {n for token in tokens for n in range(token.start[0], token.end[0] + 1) if lines[n - 1].strip()}
    return len(code - docs)


@pytest.mark.parametrize("path", sorted((ROOT / "src" / "callbot_lab").glob("*.py")), ids=lambda path: path.name)
def test_lines_of_python_are_those_that_its_parser_sees(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert codelines.count(codelines.bare(text, ".py")) == lines_of_the_parser(text)


@pytest.mark.parametrize(
    ("suffix", "source", "lines"),
    [
        (".py", '"""Doc.\n\nMore.\n"""\n\nx = 1  # one\n# none\n', 1),
        (".py", 'x = (\n    "no docstring"\n)\n', 3),
        (".py", 'x = """# no comment\n\nstill text\n"""\n', 3),
        (".py", 'x = f(1) + \\\n    "text"\n', 2),
        (".py", "x = '\\'# no comment'\ny = '#'\n", 2),
        (".pyx", 'cdef char c = c"#"  # why\n"""Doc."""\ncdef int f() except? -1: pass\n', 2),
        (".rs", "/* a /* b */ unsafe */\nlet x = 1; // unsafe\n/// doc\n//! doc\n", 1),
        (".rs", 'let x = "// text\n  more";\nlet y = r#"a " /* b"#;\nlet z = 1;\n', 4),
        (".rs", "fn f<'a>(x: &'a str) -> char { '\"' }\n// gone\nlet q = '\\'';\nlet b = b'\\\\'; // gone\n", 3),
        (".rs", "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\nfn h() {}\n", 2),
        (".c", "/* a /* b */\nint x; // c\n\nint y; /* d\n*/\n", 2),
    ],
)
def test_comments_and_docstrings_are_no_code(suffix: str, source: str, lines: int) -> None:
    bared = codelines.bare(source, suffix)
    assert bared.count("\n") == source.count("\n")
    assert codelines.count(bared) == lines


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("fn f() { let x = unsafe { *p }; }", Unsafe(1, 0, 0, 1)),
        ("unsafe {\n    // SAFETY: unsafe {\n    a();\n\n    b({ 1 });\n}\nc();", Unsafe(1, 0, 0, 2)),
        ('let s = "unsafe { }"; // unsafe { }', Unsafe(0, 0, 0, 0)),
        ('pub unsafe extern "C" fn f(x: [u8; 4]) -> u8 {\n    x[0]\n}', Unsafe(0, 1, 0, 1)),
        ("unsafe fn f() {\n    unsafe {\n        g()\n    }\n}", Unsafe(1, 1, 0, 3)),
        ("trait T { unsafe fn f(&self); }\nfn g() {\n    1\n}", Unsafe(0, 1, 0, 0)),
        ("type F = unsafe fn(u8) -> u8;\nfn g() { 1 }", Unsafe(0, 0, 0, 0)),
        ('type F = unsafe extern "C" fn(u8);\n#[unsafe(no_mangle)]\nfn g() { 1 }', Unsafe(0, 0, 0, 0)),
        ('unsafe extern "C" {\n    fn f();\n}', Unsafe(0, 0, 0, 0)),
        ("unsafe impl<T> Send for X<T> {}\nunsafe trait Y {}", Unsafe(0, 0, 2, 0)),
    ],
)
def test_what_rust_declares_unsafe(source: str, expected: Unsafe) -> None:
    assert codelines.unsafe(codelines.bare(source, ".rs")) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("cdef int f(\n    const char* p\n) noexcept:\n    # first\n    return p[0]\n\nx = 1\n", CLevel(1, 4)),
        (
            "cdef class A:\n    def f(self):\n        cdef char *p\n        return 1\n    def g(self):\n        pass\n",
            CLevel(1, 3),
        ),
        ("cdef int f(int a, int b):\n    return a * b + a ** b & b\n", CLevel(0, 0)),
        ("def f(self, *args, **more):\n    return g(*args, **more)\n", CLevel(0, 0)),
        ('def f(self):\n    """nogil, and char* too"""\n    return 1\n', CLevel(0, 0)),
        ("cdef int f(char* p)\ncdef extern from *:\n    int g(char* p)\n", CLevel(0, 0)),
        ("def f(x):\n    with nogil:\n        pass\ndef g(x):\n    return PyList_GET_ITEM(x, 0)\n", CLevel(2, 5)),
        ("def f(x):\n    return _mm256_add(x)\ndef g(x):\n    free(x)\ndef h(x):\n    i(&x)\n", CLevel(3, 6)),
    ],
)
def test_functions_of_cython_that_are_written_as_in_c(source: str, expected: CLevel) -> None:
    assert codelines.c_level(codelines.bare(source, ".pyx")) == expected


def test_sources_are_counted_by_language_without_tests_and_old_builds(sources: Path) -> None:
    write(
        sources,
        src__a_py="x = 1\n\n# none\ny = 2\n",
        src__a_pyi="x: int\n",
        src__b_pyx="def f(x):\n    return <char*> x\n",
        src__c_rs="fn f() { unsafe { g() } }\n",
        src__report_strict_rs="fn f() {\n    unsafe { g() }\n}\n",
        setup_py="go()\n",
        tests__t_py="x = 1\n",
        build__lib__a_py="x = 1\n",
        notes_txt="x = 1\n",
    )
    found = {name: row["value"] for name, row in done("sources", aside=["report*"]).items()}
    assert found == {
        "lines of Python": 2,
        "lines of type stubs": 1,
        "lines of Cython": 2,
        "lines of Rust": 1,
        "lines of build scripts": 1,
        "lines in all": 7,
        "lines for experiments only": 3,
        "unsafe blocks": 1,
        "unsafe functions": 0,
        "unsafe impls": 0,
        "lines in unsafe code": 1,
        "C-level functions": 1,
        "lines in C-level functions": 2,
    }


@pytest.mark.parametrize("what", ["build", "sources", "toolchain"])
def test_without_sources_one_line_says_how_to_have_them(install: Install, what: str) -> None:
    install(NAME, packages.GOOD)
    with pytest.raises(LabError, match=rf"the sources of {NAME} are not here: install it from its folder"):
        done(what, aside=[], repetition=0)


@pytest.mark.parametrize("what", ["build", "import", "sources", "requirements", "toolchain"])
def test_an_arm_that_is_gone_is_a_reason(what: str) -> None:
    with pytest.raises(LabError, match=f"no installed distribution announces '{NAME}'"):
        done(what, aside=[], repetition=0, repetitions=1, seed=1)


def test_sources_of_the_repository_are_found_by_their_project_name(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(NAME, packages.GOOD)
    write(tmp_path / "impls", a__pyproject_toml='[project]\nname = "other"\n')
    write(tmp_path / "impls", b__pyproject_toml='[project]\nname = "Fourth-Owned"\n')
    monkeypatch.setattr(ownership, "ROOT", tmp_path)
    assert ownership.sources_of(NAME) == tmp_path / "impls" / "b"


def test_an_import_is_timed_in_fresh_processes_beside_one_that_imports_nothing(install: Install) -> None:
    install(NAME, packages.GOOD + "import time\ntime.sleep(0.1)\nprint('hello')\n")
    job = {"arm": NAME, "what": "import", "repetitions": 3, "seed": 1}
    rows = pd.DataFrame(ownership.perform(job, lambda _: None))
    by = {name: part["value"] for name, part in rows.groupby("quantity")}
    assert set(by) == {"import", "process that imports it", "process that imports nothing"}
    assert [sorted(part["repetition"]) for _, part in rows.groupby("quantity")] == [[0, 1, 2]] * 3
    assert by["import"].min() > 0.1
    assert (by["process that imports it"].to_numpy() > by["import"].to_numpy()).all()
    assert by["process that imports nothing"].min() < by["import"].min()
    # In random order: neither always comes first.
    firsts = rows[rows["quantity"] != "import"].drop_duplicates("repetition")["quantity"]
    assert set(firsts) == {"process that imports it", "process that imports nothing"}


def test_what_fails_in_a_fresh_process_is_a_reason(install: Install) -> None:
    install(NAME, "import sys\nassert 'pytest' in sys.modules, 'only here'\n")
    with pytest.raises(LabError, match="cannot be imported in a fresh interpreter: AssertionError: only here"):
        done("import", repetitions=1, seed=1)


def distribution(folder: Path, name: str, *requires: str) -> None:
    """The metadata of a distribution that requires others."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {name}", "Version: 1.0", *(f"Requires-Dist: {one}" for one in requires)]
    (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_requirements_are_followed_where_their_markers_hold(install: Install) -> None:
    folder = install(NAME, packages.GOOD)
    distribution(folder, NAME, "Owned_One[fast]", "owned-old; python_version < '3'", "owned-extra; extra == 'more'")
    distribution(folder, "owned_one", "owned-two; extra == 'fast'", "owned-three; extra == 'slow'")
    distribution(folder, "owned_two", "owned-one", "owned-four")
    distribution(folder, "owned_four", "owned-one[slow]")
    distribution(folder, "owned_three")
    found = done("requirements")
    assert found["run-time requirements, direct"]["text"] == "owned-one"
    assert found["run-time requirements, all"]["text"] == "owned-four, owned-one, owned-three, owned-two"
    assert found["run-time requirements, all"]["value"] == 4


def test_a_requirement_that_is_not_installed_is_a_reason(install: Install) -> None:
    distribution(install(NAME, packages.GOOD), NAME, "owned-nowhere")
    with pytest.raises(LabError, match="owned-nowhere is required but not installed"):
        done("requirements")


def test_tools_of_an_implementation_without_compiled_code(sources: Path) -> None:
    write(sources, a_py="x = 1\n", pyproject_toml='[build-system]\nrequires = ["setuptools>=60"]\n')
    found = done("toolchain")
    assert found["build requirements, direct"]["text"] == "setuptools"
    assert found["tools"]["text"] == "interpreter, setuptools"
    assert not {"C compiler", "cargo", "crates, all"} & set(found)


def test_tools_of_an_implementation_in_c(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "a-compiler-that-is-not-there -O2")
    write(sources, a_c="int x;\n")
    found = done("toolchain")
    assert found["C compiler"]["text"] == "not found"
    assert found["tools"]["value"] == 3


def crate(folder: Path, name: str, tables: str) -> None:
    """A crate without code, that depends on others beside it."""
    write(folder / name, src__lib_rs="")
    text = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{tables}'
    (folder / name / "Cargo.toml").write_text(text, encoding="utf-8")


@needs_cargo
def test_crates_are_told_apart_by_what_they_are_for(sources: Path) -> None:
    def needs(kind: str, name: str) -> str:
        return f'[{kind}]\n{name} = {{ path = "../{name}" }}\n'

    beside = sources.parent
    elsewhere = "[target.'cfg(windows)'.dependencies]\nforeign = { path = \"../foreign\" }\n"
    kinds = [("dependencies", "normal"), ("build-dependencies", "build"), ("dev-dependencies", "dev")]
    crate(beside, sources.name, "".join(needs(kind, name) for kind, name in kinds) + elsewhere)
    crate(beside, "normal", needs("dependencies", "deep") + needs("dev-dependencies", "unseen"))
    crate(beside, "dev", needs("dependencies", "deeper"))
    for name in ("build", "deep", "deeper", "foreign", "unseen"):
        crate(beside, name, "")
    subprocess.run(["cargo", "generate-lockfile", "--offline"], cwd=sources, check=True, capture_output=True)
    found = done("toolchain")
    assert found["crates, direct"]["text"] == "build 0.1.0, normal 0.1.0"
    assert found["crates, all"]["text"] == "build 0.1.0, deep 0.1.0, normal 0.1.0"
    assert found["crates for tests only"]["text"] == "deeper 0.1.0, dev 0.1.0"
    assert found["tools"]["text"] == "interpreter, setuptools, C compiler, rustc, cargo"


@needs_cargo
def test_crates_that_were_never_downloaded_are_a_reason(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crate(sources.parent, sources.name, '[dependencies]\nlibc = "0.2"\n')
    lock = 'version = 4\n[[package]]\nname = "sources"\nversion = "0.1.0"\n'
    (sources / "Cargo.lock").write_text(lock, encoding="utf-8")
    monkeypatch.setenv("CARGO_HOME", str(tmp_path / "empty"))
    with pytest.raises(LabError, match=NOT_CACHED):
        done("toolchain")


BACKEND = """
import json, os, time, zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    if os.path.exists("broken"):
        raise ValueError("this one is broken")
    if os.path.exists("endless"):
        open(os.environ["SEEN"], "w").close()
        time.sleep(60)
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    name = "fourth_owned-1.0-py3-none-any.whl"
    wanted = ("CARGO_NET_OFFLINE", "CARGO_TARGET_DIR", "RUSTC_WRAPPER", "PATH", "TMPDIR", "CC")
    seen = {key: os.environ.get(key) for key in wanted} | {"files": sorted(os.listdir())}
    with open(os.environ["SEEN"], "w") as file:
        json.dump(seen, file)
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("fourth_owned/a.so", b"x" * 1000)
        wheel.writestr("fourth_owned/b.so", b"y" * 234)
        info = "fourth_owned-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: fourth-owned\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


@pytest.fixture
def buildable(sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sources that build themselves, and tell in the file SEEN what they saw."""
    table = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    write(sources, backend_py=BACKEND, pyproject_toml=table, target__old_py="", src__a_py="")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.json"))
    return sources


def test_a_build_starts_from_a_clean_copy_and_leaves_nothing(
    buildable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "my-compiler")
    before = sorted(buildable.rglob("*"))
    found = done("build", repetition=2)
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    assert sorted(buildable.rglob("*")) == before
    assert {"src", "backend.py"} <= set(seen["files"])
    assert "target" not in seen["files"]
    assert (seen["CARGO_NET_OFFLINE"], seen["RUSTC_WRAPPER"], seen["CC"]) == ("true", "", "my-compiler")
    made = Path(seen["CARGO_TARGET_DIR"]).parent
    assert Path(seen["TMPDIR"]).is_relative_to(made)
    assert not made.exists()
    assert found["clean build"]["value"] > 0.2
    assert found["clean build, CPU time"]["value"] > 0.2
    assert found["wheel"]["value"] > 1234
    assert found["compiled modules"]["value"] == 2
    assert found["compiled modules, unpacked"]["value"] == 1234
    # These are no modules that strip knows.
    assert found["compiled modules, stripped"]["value"] is None
    assert found["compiled modules, stripped"]["text"]
    assert {row["repetition"] for row in found.values()} == {2}


def test_a_build_that_fails_says_why_in_one_line(buildable: Path) -> None:
    (buildable / "broken").touch()
    with pytest.raises(LabError, match=r"^it does not build: ValueError: this one is broken$"):
        done("build", repetition=0)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("x.c: In function 'f':\nx.c:1:2: error: no y\nerror: command gcc failed", "x.c:1:2: error: no y"),
        ("warning: a\nerror[E0425]: no y\n --> x.rs\nerror: could not compile", "error[E0425]: no y"),
        (
            "error: subprocess-exited-with-error\nBackendUnavailable: Cannot import 'a'",
            "BackendUnavailable: Cannot import 'a'",
        ),
        ("first\n  Killed  \n", "Killed"),
        ("", "it says nothing"),
        (
            "error: failed to download `a`\n  attempting to make an HTTP request, but --offline was specified",
            f"{NOT_CACHED} (error: failed to download `a`)",
        ),
    ],
)
def test_the_reason_for_a_failure_is_the_first_line_that_names_one(output: str, reason: str) -> None:
    assert ownership._first_error(output) == reason


def test_a_build_that_is_interrupted_leaves_nothing(
    buildable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (buildable / "endless").touch()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    job = {"probe": "ownership", "arm": NAME, "what": "build", "repetition": 0, "cpu": None, "number": 0, "out": ""}
    command = [sys.executable, "-m", "callbot_lab.probes.child"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    until = time.monotonic() + 30
    while not (tmp_path / "seen.json").exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert list(scratch.iterdir())
    # As the run does it.
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode != 0
    assert not list(scratch.iterdir())


def test_the_plan_is_the_same_again_and_has_each_kind_for_each_arm() -> None:
    definition = probe.read("ownership")
    (row,) = registry.load_all(definition.arms[:1])
    plan = ownership.jobs(definition, [row], "full")
    assert plan == ownership.jobs(definition, [row], "full")
    kinds = [job["what"] for job in plan]
    assert sorted(set(kinds)) == ["build", "import", "requirements", "sources", "toolchain"]
    assert kinds.count("build") == definition.data["repetitions"]["build"]["full"]
    assert all(job.get("pinned", True) == (job["what"] != "build") for job in plan)
    assert len(json.dumps(plan)) > 0


def test_the_table_has_a_column_for_each_arm_and_medians() -> None:
    def row(arm: str, quantity: str, value: float | None, unit: str, text: str = "", repetition: int = 0) -> list[Any]:
        return [arm, quantity, value, unit, text, "", repetition]

    rows = [
        *(row("rust", "import", value, "s", repetition=n) for n, value in enumerate([0.3, 0.1, 0.2])),
        row("python", "import", 0.5, "s"),
        row("python", "wheel", 1234567.0, "bytes"),
        row("rust", "a-tool", None, "version", "a-tool 1.2.3 (2020-01-01)"),
    ]
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(ownership.table(pd.DataFrame(rows, columns=ownership.COLUMNS.names)))
    lines = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in console.export_text().splitlines()]
    # One line of headings, so none is wrapped.
    assert lines[2] == ["quantity", "unit", "python", "rust", "n"]
    assert lines[3] == []
    assert ["wheel", "bytes", "1,234,567", "-", "1"] in lines
    assert ["import", "s", "0.5", "0.2", "3"] in lines
    assert ["a-tool", "version", "-", "1.2.3", "1"] in lines
    assert [line[0] for line in lines[4:7]] == ["wheel", "import", "a-tool"]


DEFINITION = {"name": "ownership", "arms": ["plain", "bound", "heavy", "ghost"]}
LANGUAGES = {"plain": "python", "bound": "cython", "heavy": "rust"}


def owned() -> pd.DataFrame:
    """Rows of three arms whose costs are known; no import of `heavy`, and no module of it without symbols."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {
        ("clean build", "s"): {"plain": [1.5, 2.5], "bound": [20.0, 20.0], "heavy": [50.0, 70.0]},
        ("wheel", "bytes"): {"plain": [10_240.0], "bound": [1_572_864.0], "heavy": [524_288.0]},
        ("import", "s"): {"plain": [0.001] * 5, "bound": [0.0005] * 5},
        ("lines in all", "lines"): {"plain": [300.0], "bound": [1200.0], "heavy": [1500.0]},
        ("unsafe blocks", "places"): {"heavy": [3.0]},
        ("lines in unsafe code", "lines"): {"heavy": [150.0]},
        ("C-level functions", "places"): {"bound": [4.0]},
        ("lines in C-level functions", "lines"): {"bound": [240.0]},
        ("run-time requirements, all", "packages"): {"plain": [0.0], "bound": [0.0], "heavy": [0.0]},
        ("build requirements, all", "packages"): {"plain": [1.0], "bound": [2.0], "heavy": [1.0]},
        ("crates, all", "crates"): {"heavy": [12.0]},
        ("tools", "tools"): {"plain": [2.0], "bound": [4.0], "heavy": [5.0]},
    }
    rows: list[list[Any]] = [
        [arm, quantity, value, unit, f"the {quantity} of {arm}", "", repetition]
        for (quantity, unit), of_arms in values.items()
        for arm, numbers in of_arms.items()
        for repetition, value in enumerate(numbers)
    ]
    rows.append(["heavy", "compiled modules, stripped", None, "bytes", "strip not found", "", 0])
    rows.append(["heavy", "rustc", None, "version", "rustc 1.2.3", "", 0])
    # As in a run, whose jobs come in random order.
    return pd.DataFrame(rows[::-1], columns=ownership.COLUMNS.names)


def test_medians_stand_by_quantity_and_arm_and_what_is_missing_is_no_number() -> None:
    table = ownership_summary.by_quantity(owned())
    assert list(table.index) == [
        *("clean build", "wheel", "compiled modules, stripped", "import", "lines in all", "unsafe blocks"),
        *("lines in unsafe code", "C-level functions", "lines in C-level functions", "run-time requirements, all"),
        *("build requirements, all", "crates, all", "tools", "rustc"),
    ]
    assert table.loc["clean build", ["unit", "repetitions", "plain", "heavy"]].tolist() == ["s", 2, 2.0, 60.0]
    assert table.loc[["import", "compiled modules, stripped", "rustc"], "heavy"].isna().all()
    assert ownership_summary.headlines(table).at["build requirements and crates", "heavy"] == 13


def test_the_sentences_say_what_each_arm_costs_and_what_could_not_be_had() -> None:
    said = " ".join(ownership_summary.shown(owned(), DEFINITION, LANGUAGES).lines)
    for words in (
        "plain in clean build, wheel, lines in all, build requirements and crates and tools; bound in import.",
        "plain 2.00 s, bound 20.0 s and heavy 60.0 s (median of 2 builds for each arm, too few for an interval); "
        "times as much as plain: bound 10.0 and heavy 30.0.",
        "heavy 150 lines in unsafe code (10 % of its lines; unsafe blocks 3)",
        "bound 240 lines in C-level functions (20 % of its lines; C-level functions 4)",
        "plain: none that could be counted. These two are no like for like",
        "plain 1.00 ms (1.00 ms to 1.00 ms) and bound 0.500 ms (0.500 ms to 0.500 ms) (median of 5 fresh interpreters",
        "crates: heavy 12",
        "heavy 5 (the tools of heavy)",
        "anything of ghost",
        "import of heavy (no job brought it)",
        "compiled modules, stripped of heavy (strip not found)",
    ):
        assert words in said


def test_the_table_of_the_page_words_units_and_versions() -> None:
    (table,) = ownership_summary.shown(owned(), DEFINITION, LANGUAGES).tables
    assert table.heads == ("quantity", "plain", "bound", "heavy", "n")
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["wheel"] == ["10.0 KiB", "1.50 MiB", "512 KiB", "1"]
    assert rows["import"] == ["1.00 ms", "0.500 ms", "-", "5"]
    assert rows["compiled modules, stripped"] == ["-", "-", "not had", "1"]
    assert rows["rustc"] == ["-", "-", "rustc 1.2.3", "1"]


def test_the_figure_has_a_panel_for_each_cost_and_its_values_at_the_bars() -> None:
    main = ownership_summary.headlines(ownership_summary.by_quantity(owned()))
    message = ownership_summary.title(main)
    assert message == "heavy takes 30.0 times as long to build as plain; heavy has 5.00 times the lines of plain."
    figure = ownership_costs(main, LANGUAGES, message)
    bars = {bar.get_gid(): bar for axes in figure.axes for bar in axes.patches}
    assert len(figure.axes) == 6
    assert bars["clean build of heavy"].get_width() == 60
    assert bars["build requirements and crates of heavy"].get_width() == 13
    assert to_hex(bars["wheel of bound"].get_facecolor()) == style_of("cython").colour
    assert "import of heavy" not in bars
    written = [{text.get_text() for text in axes.texts} for axes in figure.axes]
    assert {"2.00 s", "20.0 s", "60.0 s"} == written[0]
    assert "no number" in written[2]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for axes in figure.axes:
        for text in axes.texts:
            assert text.get_window_extent(canvas.get_renderer()).x1 <= axes.bbox.x1, text.get_text()


def test_few_rows_are_shown_and_an_interval_takes_three_values() -> None:
    rows = owned()
    only = rows[(rows["quantity"] == "lines in all") & (rows["arm"] == "plain")]
    shown = ownership_summary.shown(only, DEFINITION, {})
    assert len(shown.figures) == 1
    assert any("clean build of plain (no job brought it)" in line for line in shown.lines)
    assert np.isnan(ownership_summary.median_interval(np.array([1.0, 2.0]))).all()
    low, high = ownership_summary.median_interval(np.arange(1.0, 42.0))
    assert 10 < low < 21 < high < 32
