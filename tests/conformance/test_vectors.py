"""The vectors of data/vectors, and that their files are what their schema says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .oracle import message, outcome, verdict

FOLDER = Path(__file__).parents[2] / "data" / "vectors"
FILES = sorted(path for path in FOLDER.glob("*.json") if path.name != "schema.json")


def load(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


VECTORS = [
    pytest.param(vector, id=f"{path.stem}-{number}")
    for path in FILES
    for number, vector in enumerate(load(path)["vectors"])
]


def expected(vector: dict[str, Any]) -> tuple[str, Any, Any]:
    """The outcome that a vector demands."""
    if "bytes" in vector:
        return ("returned", bytes.fromhex(vector["bytes"]), None)
    return ("Error", message(vector["position"]), None)


@pytest.mark.parametrize("vector", VECTORS)
def test_vector_as_str(impl: Any, vector: dict[str, Any]) -> None:
    if vector["input"] == "buffer":
        pytest.skip("the vector is for buffers")
    assert outcome(lambda: impl.decode(vector["text"])) == expected(vector), vector["reason"]


@pytest.mark.parametrize("vector", [v for v in VECTORS if v.values[0]["input"] != "str"])  # type: ignore[index]
def test_vector_as_buffer(impl: Any, vector: dict[str, Any]) -> None:
    raw = vector["text"].encode("latin-1")
    assert outcome(lambda: impl.decode(raw)) == expected(vector), vector["reason"]


@pytest.mark.parametrize("vector", VECTORS)
def test_vector_agrees_with_the_oracle(vector: dict[str, Any]) -> None:
    wanted = bytes.fromhex(vector["bytes"]) if "bytes" in vector else vector["position"]
    assert verdict(vector["text"]) == wanted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_follows_the_schema(path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = load(FOLDER / "schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    errors = jsonschema.Draft202012Validator(schema).iter_errors(load(path))
    assert [f"{error.json_path}: {error.message}" for error in errors] == []


@pytest.mark.parametrize(
    "vector",
    [
        {"text": "AA==", "input": "both", "reason": "r"},
        {"text": "AA==", "input": "both", "reason": "r", "bytes": "0"},
        {"text": "AA==", "input": "both", "reason": "r", "bytes": "00", "position": 1},
        {"text": "AB==", "input": "both", "reason": "r", "position": 2},
        {"text": "AB==", "input": "both", "reason": "r", "position": -1, "rule": "padding"},
        {"text": "AB==", "input": "utf8", "reason": "r", "position": 2, "rule": "spare bits"},
        {"text": "AA==", "input": "both", "reason": "r", "bytes": "00", "note": "unknown"},
    ],
)
def test_schema_refuses(vector: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    file = {"description": "d", "source": "s", "vectors": [vector]}
    validator = jsonschema.Draft202012Validator(load(FOLDER / "schema.json"))
    assert not validator.is_valid(file)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_vector_is_given_twice(path: Path) -> None:
    texts = [vector["text"] for vector in load(path)["vectors"]]
    assert len(texts) == len(set(texts))


def test_there_are_vectors() -> None:
    assert {path.name for path in FILES} >= {"rfc4648.json", "canonical.json", "malformed.json"}
