"""The command line: list | verify | measure | compare | report | decide | serve | call | recover | doctor."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from . import analysis, experiment, measure, registry, results, resume, tables
from . import doctor as examination
from . import verify as conformance
from .caller import command as caller_command
from .decision import command as decision_command
from .errors import LabError
from .experiment import MARGIN, Experiment
from .measure import Outcome, Run
from .operations import name_of
from .paths import REPORT, RESULTS, RUNS, SPEECH
from .probes import probe
from .probes.run import ProbeRun, read_rows
from .progress import steps
from .server import command as server_command

app = typer.Typer(
    help="Finds implementations of decode and buffer, verifies, measures and reports on them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SERVER = "server"
"""The experiment whose arms are whole servers."""

ALL = "all"
"""What stands for every experiment where one is named."""

SELFTEST = "selftest"
"""The probe that the command of that name runs."""

# Without a terminal there is nobody to fit lines to: a table keeps its width, so that it can be read and searched.
console = Console(width=None if sys.stdout.isatty() else 200)

Names = Annotated[
    list[str] | None,
    typer.Option(
        "--impl", "-i", help="Arm to take, NAME (whatever it does) or NAME@OPERATION; may be repeated. Default: all."
    ),
]
Sizes = Annotated[
    list[str] | None,
    typer.Option("--size", "-s", help="callbot, twilio, openai, elevenlabs or a number of bytes; may be repeated."),
]
Input = Annotated[
    Path | None, typer.Option("--input", help="Cut the chunks from this recording (WAV, mono, 16-bit PCM).")
]
Seed = Annotated[int | None, typer.Option(help="Seed of the order of slots. Default: a random one, recorded.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder of the run. Default: a new one in results/.")]
ProfileName = Annotated[
    str, typer.Option("--profile", "-p", help="glance (to see that it works), quick (for a report), full (to publish).")
]


Again = Annotated[
    Path | None,
    typer.Option("--continue", help="Go on with the run in this folder that was stopped, as it was planned."),
]


@app.command("list")
def list_() -> None:
    """List implementations, references and experiments, with what cannot be used and why."""
    console.print(tables.arms(registry.load_all(registry.find_arms())))
    console.print(tables.experiments([experiment.read(name) for name in experiment.known()]))
    console.print(tables.probes([probe.read(name) for name in probe.known()]))
    from .serverlab import definition

    servers = definition.read()
    console.print(
        f"And {SERVER}: {servers.question} {len(servers.mixes)} mixes such as {servers.baseline}, in "
        f"{', '.join(cell.name for cell in servers.cells)}; measured by itself (measure -e {SERVER})."
    )


@app.command()
def verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="Implementations, or module:attribute. Default: all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the verdicts to this JSON file as well.")
    ] = None,
) -> None:
    """Run the conformance suite and print implementation by section.

    The exit status is 1 if an implementation fails that claims to conform. The report's own designs do not claim it.
    """
    verification = _verify(names or [])
    if out is not None:
        try:
            out.write_text(json.dumps(verification, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise LabError(f"cannot write {out}: {error.strerror}") from None
    if conformance.failing(verification):
        raise typer.Exit(1)


@app.command("measure")
def measure_(
    names: Names = None,
    experiments: Annotated[
        list[str] | None, typer.Option("--experiment", "-e", help="Experiment, or all; may be repeated. Default: all.")
    ] = None,
    sizes: Sizes = None,
    profile: ProfileName = "quick",
    out: Out = None,
    recording: Input = None,
    seed: Seed = None,
    again: Again = None,
) -> None:
    """Time arms against each other and keep every slot.

    An arm that does not conform, cannot be imported, is a debug build or does not exist gets a status instead of a
    number, the others are measured, and the exit status is 1. An interrupt keeps the workers that are done.

    Experiments such as memory and ownership have a process for every measurement, and the sizes of their definitions.
    The experiment server is measured by itself: its arms are mixes such as fastapi+json+rust, its sizes the formats
    callbot, twilio and openai.
    """
    if again is not None:
        if any((names, experiments, sizes, out, recording, seed is not None)):
            raise LabError("a run is continued as it was planned; give no other option with --continue")
        _go(resume.resume(again))
        return
    if SERVER in (experiments or []):
        if experiments != [SERVER]:
            raise LabError(f"the experiment {SERVER} runs whole servers; measure it by itself")
        _measure_servers(profile, out, recording, seed, names or [], sizes or [])
        return
    wanted = list(dict.fromkeys(experiments or [ALL]))
    singles = [name for name in probe.known() if name in wanted or (ALL in wanted and probe.read(name).in_all)]
    loops = [name for name in wanted if name not in singles]
    if sizes and singles and ALL not in wanted:
        raise LabError(f"{', '.join(singles)}: the sizes of these are given by their definitions")
    chosen = _experiments(loops, names or [], sizes or [], probes=singles) if loops else []
    if ALL in wanted:
        # Whoever names an arm or a size asks for what has it.
        there = {arm for name in singles for arm in probe.read(name).arms}
        singles = [] if sizes or not set(names or []) <= there else singles
    _go(_plan(chosen, singles, profile, out, recording, seed, names or []))


@app.command()
def selftest(
    profile: ProfileName = "quick",
    out: Out = None,
    again: Again = None,
) -> None:
    """Say what the instrument can and cannot see on this machine.

    Times identical arms, and arms that do a known amount more, as an experiment does it: how often is a difference seen
    that is none, how often is one of 1 to 10 % found, and does the 95 % interval hold the truth as often as it says?
    Beside it stands what a naive benchmark would have claimed.
    """
    from .probes import selftest_summary

    if again is not None:
        if out is not None:
            raise LabError("a run is continued where it lies; give no --out with --continue")
        made = resume.resume(again)
    else:
        made = _plan([], [SELFTEST], profile, out, None, None, [])
    folder, outcome = _time(made)
    if len(rows := read_rows(folder, SELFTEST)):
        for line in selftest_summary.lines(selftest_summary.rates(selftest_summary.comparisons(rows))):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    _finish(outcome)


@app.command()
def compare(
    baseline: Annotated[str, typer.Argument(help="The arm to compare with.")],
    arm: Annotated[str, typer.Argument(help="The arm that is compared.")],
    sizes: Sizes = None,
    margin: Annotated[float, typer.Option(help="Ratio within which they count as equivalent: 0.03 is 3 %.")] = MARGIN,
    out: Out = None,
    recording: Input = None,
    seed: Seed = None,
) -> None:
    """Say in under a minute how many times as fast one arm is as another."""
    if baseline == arm:
        raise LabError("an arm is compared with itself in every run: that is the null arm; name two")
    if not 0 < margin < 1:
        raise LabError(f"a margin of {margin:g} makes no sense; accepted is a number between 0 and 1, such as 0.03")
    chosen = experiment.comparison(baseline, arm, sizes or ["callbot"], margin)
    _go(_plan([chosen], [], measure.COMPARE.name, out, recording, seed, [baseline, arm]))


@app.command("report")
def report_(
    run: Annotated[
        Path | None, typer.Option("--run", help="Report on this run instead of verifying and measuring anew.")
    ] = None,
    profile: ProfileName = "quick",
    servers: Annotated[
        Path | None,
        typer.Option(
            help="Run of whole servers (measure -e server) to report on too. Default: the newest there is.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder of the page.")] = REPORT,
    pictures: Annotated[
        Path | None,
        typer.Option(
            "--figures", help="Folder for every figure of the page as SVG and PNG, and its data as CSV. Default: none."
        ),
    ] = None,
    recording: Input = None,
    seed: Seed = None,
    experiments: Annotated[
        list[str] | None,
        typer.Option(
            "--experiment", "-e", help="Experiment, or all; may be repeated. Default: those marked as such in the list."
        ),
    ] = None,
) -> None:
    """Verify, measure, and write a page with the verdict.

    Whole servers are not measured anew, nor is the instrument tested: the page tells of the runs that there are.
    """
    from . import figure_files, report
    from .probes import recorded, selftest_summary
    from .serverlab import summary

    servers = servers or summary.latest_server_run(RESULTS) or summary.latest_server_run(RUNS)
    whole = summary.read_server(servers) if servers else None
    measure.profile_named(profile)
    if run is not None and experiments:
        raise LabError("--run reports on all that the run holds; --experiment chooses what to measure anew")
    outcome = None
    if run is None:
        chosen = _experiments(experiments or experiment.defaults(), [], [])
        verification = _verify([])
        made = _plan(chosen, [], profile, None, recording, seed, [], conformance.failing(verification))
        outcome = _time(made, show=False)[1]
        (outcome.folder / "verification.json").write_text(json.dumps(verification, indent=1) + "\n", encoding="utf-8")
        run = outcome.folder
    data = results.read_run(run)
    tested = selftest_summary.latest(RESULTS, RUNS)
    # What the run itself has goes before what others have.
    probes = recorded.read_probes(run) or recorded.latest(RESULTS, RUNS)
    verified = results.read_verification(run)
    with steps(console, "analysing", len(report.PARTS)) as progress:
        told = report.Report(data, verified, whole, tested, probes)
        told.compute(progress)
    page = told.write(out)
    if pictures is not None:
        with steps(console, "drawing", len(told.drawn)) as progress:
            figure_files.write(told.drawn, pictures, progress)
    for line in told.lines(page):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if outcome is not None:
        _finish(outcome, quiet=True)


@app.command("readme")
def readme_() -> None:
    """Make the numbers in README.md and docs/ anew from what is recorded in data/."""
    from . import readme

    for path in readme.DOCUMENTS:
        readme.rewrite(path)
        console.print(f"rewrote the generated parts of {path}", markup=False, highlight=False, soft_wrap=True)
    readme.PICTURE.write_text(readme.picture(), encoding="utf-8")
    console.print(f"drew {readme.PICTURE}", markup=False, highlight=False, soft_wrap=True)


@app.command()
def check(
    documents: Annotated[
        list[Path] | None, typer.Argument(help="Documents to check; all of them if none is named.")
    ] = None,
) -> None:
    """Compute the generated parts of README.md and docs/ from data/ again; name every line that differs (status 1)."""
    from . import readme, wording

    wrong = 0
    for path in documents or readme.DOCUMENTS:
        if not path.is_file():
            raise LabError(f"there is no document {path}")
        found = readme.differences(path.read_text(encoding="utf-8"))
        wrong += len(found)
        for one in found:
            for label, line in (("stands", one.stands), ("should", one.should)):
                said = "nothing" if line is None else line
                console.print(f"{path}:{one.line}: {label}: {said}", markup=False, highlight=False, soft_wrap=True)
        if not found:
            console.print(f"{path} says what data/ says", markup=False, highlight=False, soft_wrap=True)
    if not documents and not readme.picture_stands():
        wrong += 1
        console.print(f"{readme.PICTURE} is not the figure of data/", markup=False, highlight=False, soft_wrap=True)
    if wrong:
        total = f"{wording.count(wrong, 'line')} not as data/ says; `callbot-lab readme` writes them anew"
        console.print(total, markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)


app.command("decide")(decision_command.decide)
app.command("serve")(server_command.serve)
app.command("call")(caller_command.call)
app.command("recover")(server_command.recover)


@app.command()
def doctor() -> None:
    """Say what the machine lacks and what would spoil a measurement."""
    raise typer.Exit(examination.main())


def _verify(names: list[str]) -> dict[str, Any]:
    rows = conformance.candidates(names)
    with steps(console, "verifying", 0) as progress:
        verification = conformance.verify(rows, progress)
    console.print(tables.verification(verification))
    for name, result in verification["implementations"].items():
        lines = [f"{name} {result['status']}: {result['reason']}"] if result["reason"] else []
        for line in [*lines, *(f"not tested: {reason}" for reason in result["missing"])]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    return verification


def _experiments(names: list[str], arms: list[str], sizes: list[str], probes: Sequence[str] = ()) -> list[Experiment]:
    """The experiments with the arms and sizes asked for; LabError for an arm that neither they nor the probes have."""
    names = experiment.known() if ALL in names else list(dict.fromkeys(names))
    chosen = [experiment.narrowed(experiment.read(name), arms, sizes) for name in names]
    placed = {arm for name in probes for arm in probe.read(name).arms}
    placed |= {name for e in chosen for arm in (e.baseline, *e.arms) for name in (arm, name_of(arm))}
    for name in arms:
        if name not in placed:
            raise LabError(f"no experiment of {', '.join(names)} has an arm '{name}'; see callbot-lab list")
    # An experiment from which all arms were taken has nothing left to compare.
    return [e for e in chosen if e.arms] or chosen


def _plan(
    chosen: list[Experiment],
    probes: list[str],
    profile: str,
    out: Path | None,
    recording: Path | None,
    seed: int | None,
    arms: list[str],
    excluded: dict[str, str] | None = None,
) -> list[Run | ProbeRun]:
    """The runs of a folder of their own, planned and written down, so that they can be stopped and continued."""
    settings = measure.COMPARE if profile == measure.COMPARE.name else measure.profile_named(profile)
    made: list[Run | ProbeRun] = []
    with console.status("checking the arms"):
        folder = measure.new_folder(out, settings.name)
        if not chosen:
            (folder / "slots").rmdir()
        try:
            common: dict[str, Any] = {"recording": recording or SPEECH, "seed": seed, "excluded": excluded}
            if chosen:
                made.append(Run(chosen, settings, folder, asked_for=arms, **common))
            if probes:
                made.append(ProbeRun(probes, settings.name, folder, arms=arms, **common))
        except LabError:
            measure.remove_empty(folder)
            raise
    for one in made:
        one.save()
    return made


def _time(made: list[Run | ProbeRun], *, show: bool = True) -> tuple[Path, Outcome]:
    """Do what is left of runs in one folder, and show what they found; the folder, and what became of them together."""
    for one in made:
        for problem in one.problems:
            console.print(problem, markup=False, highlight=False, soft_wrap=True)
    folder, done, problems = made[0].folder, 0, list[str]()
    for one in made:
        with steps(console, "measuring", one.step_count) as progress:
            outcome = one.go(progress)
        done += outcome.workers_done
        problems += [problem for problem in outcome.problems if problem not in problems]
        if show and isinstance(one, Run) and outcome.workers_done:
            _print_ratios(results.read_run(folder))
        if show and isinstance(one, ProbeRun):
            for name in one.names:
                if len(rows := read_rows(folder, name)):
                    console.print(probe.module(name).table(rows))
        if outcome.interrupted:
            return folder, Outcome(folder, True, done, problems)
    return folder, Outcome(folder, False, done, problems)


def _go(made: list[Run | ProbeRun]) -> None:
    _finish(_time(made)[1])


def _measure_servers(
    profile: str, out: Path | None, recording: Path | None, seed: int | None, mixes: list[str], formats: list[str]
) -> None:
    # Not at the top: the other commands need neither servers nor a caller.
    from .serverlab import definition, run, summary

    measure.profile_named(profile)
    chosen = definition.narrowed(definition.read(), mixes, formats)
    folder = measure.new_folder(out, f"{SERVER}-{profile}")
    measure.remove_empty(folder)
    made = run.ServerRun(chosen, run.PROFILES[profile], folder, recording=recording or SPEECH, seed=seed)
    with steps(console, "measuring", made.step_count) as progress:
        outcome = made.go(progress)
    found = summary.read_server(folder)
    if len(costs := summary.costs(found)):
        console.print(tables.server_costs(costs, chosen.baseline))
    if len(calls := summary.capacities(found)):
        console.print(tables.server_capacities(calls, chosen.baseline))
    for name, reason in made.unusable.items():
        console.print(f"not measured: {name}: {reason}", markup=False, highlight=False, soft_wrap=True)
    _finish(outcome)


def _print_ratios(run: results.RunData) -> None:
    console.print(tables.ratios(analysis.analyse(run), run.note))
    for row in run.note["missing"]:
        line = f"not measured: {row['arm']} in {row['experiment']} {row['cell']}: {row['status']}: {row['reason']}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _finish(outcome: Outcome, *, quiet: bool = False) -> None:
    """Say where the run lies and end with the status that it deserves."""
    if outcome.interrupted:
        done = f"{outcome.workers_done} process(es) are kept" if outcome.workers_done else "nothing was timed yet"
        line = f"interrupted: {done} in {outcome.folder}; go on with: callbot-lab measure --continue {outcome.folder}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(130)
    if not quiet:
        console.print(f"the run is in {outcome.folder}", markup=False, highlight=False, soft_wrap=True)
    if outcome.problems:
        for problem in outcome.problems:
            console.print(f"problem: {problem}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)


def main() -> None:
    """Entry point: a LabError is one line and exit status 2."""
    try:
        app()
    except LabError as error:
        print(f"callbot-lab: {error}", file=sys.stderr)
        sys.exit(2)
