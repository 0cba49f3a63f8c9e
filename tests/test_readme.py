"""No number of the README is copied by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    edited = re.sub(r"(\| `\S+` \| 0\.)\d+", r"\g<1>999", text, count=1)
    assert edited != text
    path = tmp_path / "README.md"
    path.write_text(edited, encoding="utf-8")
    readme.rewrite(path)
    assert path.read_text(encoding="utf-8") == text


def test_check_names_the_line_with_a_digit_that_was_changed_by_hand(
    tmp_path: Path, callbot_lab: Callable[..., Any]
) -> None:
    lines = readme.README.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if re.match(r"\| `\S+` \| 0\.\d", line))
    right = lines[place]
    found = re.search(r"\d(?= \()", right)
    assert found
    wrong = f"{right[: found.start()]}{(int(found[0]) + 1) % 10}{right[found.end() :]}"
    path = tmp_path / "README.md"
    path.write_text("".join(lines), encoding="utf-8")
    same = callbot_lab("check", str(path))
    assert same.returncode == 0, same.stdout + same.stderr
    path.write_text("".join([*lines[:place], wrong, *lines[place + 1 :]]), encoding="utf-8")
    done = callbot_lab("check", str(path))
    assert done.returncode == 1
    told = [line for line in done.stdout.splitlines() if line.startswith(str(path))]
    assert told == [f"{path}:{place + 1}: stands: {wrong.rstrip()}", f"{path}:{place + 1}: should: {right.rstrip()}"]


def test_check_tells_of_lines_that_are_missing_or_too_many() -> None:
    text = readme.SERVER.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if line.startswith("| null arm"))
    (missing,) = readme.differences("".join(lines[:place] + lines[place + 1 :]))
    assert (missing.stands, missing.should) == (None, lines[place].rstrip())
    (extra,) = readme.differences("".join([*lines[:place], "| more |\n", *lines[place:]]))
    assert (extra.line, extra.stands, extra.should) == (place + 1, "| more |", None)
    assert readme.differences(text) == []


def test_check_of_no_document_is_an_error_of_a_line(callbot_lab: Callable[..., Any]) -> None:
    done = callbot_lab("check", "nowhere.md")
    assert done.returncode != 0
    assert "there is no document nowhere.md" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("path", "part"), [(readme.FINDINGS, "answer"), (readme.README, "servers")])
def test_the_table_is_short(path: Path, part: str) -> None:
    text = path.read_text(encoding="utf-8")
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


def test_the_figure_is_that_of_the_recorded_data(tmp_path: Path) -> None:
    assert readme.picture_stands()
    text = readme.PICTURE.read_text(encoding="utf-8")
    (tmp_path / "calls.svg").write_text(text.replace("M ", "M  ", 1), encoding="utf-8")
    assert not readme.picture_stands(tmp_path / "calls.svg")
    assert not readme.picture_stands(tmp_path / "none.svg")
