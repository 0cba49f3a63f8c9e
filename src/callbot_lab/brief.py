"""What there is to take away, in a handful of questions: each with answers of a sentence, computed from the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import wording
from .probes.selftest_summary import SelfTest, verdict_line
from .results import RunData
from .server.parsers import INGEST
from .serverlab import sentences
from .serverlab.summary import ServerData
from .workload import FORMATS


@dataclass(frozen=True)
class Answer:
    """A question, what is answered, and the part of the report page that has the rest of it."""

    question: str
    said: list[str]
    part: str


def brief(
    claimed: float,
    run: RunData,
    language: Sequence[str],
    servers: ServerData | None,
    loads: Sequence[str],
    selftest: SelfTest | None,
    flips: Sequence[str] = (),
) -> list[Answer]:
    """The questions that the runs at hand can answer, in the order in which a lead asks them.

    `claimed` is the seed report's ratio, `run` one of loops, `language` what it says about the languages, and `loads`
    the decision for several numbers of calls (decision.loads), and `flips` where the decision for those of the settings
    turns. What no run can answer is left out.
    """
    carried = [] if servers is None else sentences.carried_lines(servers)
    gained = [] if servers is None else [sentences.cost_line(servers, claimed), sentences.bound_line(servers)]
    sure = [f"Loops: {run.origin}.", *(f"Warning: {warning}." for warning in run.note["warnings"])]
    sure += [] if servers is None else [f"Servers: {sentences.origin(servers)}.", sentences.noise_line(servers)]
    sure += [] if selftest is None else [verdict_line(selftest.rates)]
    found = [
        Answer("What should we use?", list(loads), "decision"),
        Answer("What would change that?", list(flips), "decision"),
        Answer(f"How much of the report's {wording.ratio(claimed)} times was the language?", list(language), "pairs"),
        Answer("How many calls does a core carry?", carried, "server"),
        Answer("What does faster decoding bring in a whole server?", gained, "server"),
        Answer("How sure is that?", sure, "selftest"),
    ]
    told = [Answer(one.question, [line for line in one.said if line], one.part) for one in found]
    return [one for one in told if one.said]


def glossary() -> str:
    """How mixes, arms, formats and intervals are written, for those who see them for the first time."""
    formats = [
        f"{form.name} {form.chunk_bytes:,} bytes of audio every {form.milliseconds:g} ms" for form in FORMATS.values()
    ]
    return (
        f"A server is written server+parser+implementation; with {INGEST} for a parser the implementation reads the "
        f"whole message. Names that end in -report are the two designs that the report compares; name@operation is an "
        f"implementation in that operation of a loop. Messages: {wording.listing(formats)}. "
        f"In brackets: 95 % intervals."
    )


def markdown(answers: Sequence[Answer]) -> str:
    """The answers in Markdown."""
    parts = []
    for one in answers:
        said = one.said[0] if len(one.said) == 1 else "\n".join(["", *(f"- {line}" for line in one.said)])
        parts.append(f"**{one.question}** {said}" if len(one.said) == 1 else f"**{one.question}**\n{said}")
    return "\n\n".join(parts)
