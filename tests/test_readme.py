"""No number of the README is copied by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callbot_lab import readme, results
from callbot_lab.errors import LabError

from .synthetic import ablation, ladder, make_run, reproduce


@pytest.mark.parametrize("path", readme.DOCUMENTS, ids=lambda path: path.name)
def test_the_generated_parts_are_what_the_data_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "<!-- generated: " in text
    assert readme.rewritten(text) == text, "run: callbot-lab readme"


def test_a_number_that_was_edited_is_made_anew(tmp_path: Path) -> None:
    text = readme.README.read_text(encoding="utf-8")
    edited = re.sub(r"(\| `\S+` \| `\S+` \| )[\d.]+", r"\g<1>99.9", text, count=1)
    assert edited != text
    path = tmp_path / "README.md"
    path.write_text(edited, encoding="utf-8")
    readme.rewrite(path)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("part", ["answer", "servers"])
def test_the_table_is_short(part: str) -> None:
    text = readme.README.read_text(encoding="utf-8")
    generated = re.search(rf"callbot-lab readme {part} -->\n(.*?)<!-- end", text, re.S)
    assert generated
    rows = [line for line in generated[1].splitlines() if line.startswith("|")]
    assert 3 <= len(rows) <= 2 + readme.MOST_ROWS


def test_a_part_that_nothing_makes_is_named() -> None:
    with pytest.raises(LabError, match="no generated part 'nix'; there are: answer, footprint"):
        readme.rewritten("<!-- generated: callbot-lab readme nix -->\nold\n<!-- end -->")


def test_steps_and_rungs_are_no_ranking(tmp_path: Path) -> None:
    run = results.read_run(make_run(tmp_path / "run", [ablation(), ladder(), reproduce(2.66)]))
    text = readme.answer(run)
    rows = [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("|")]
    assert rows[2:] == ["`rust-report`"]
    assert "noop" not in text
    assert "Of the report's gain, " in text
