"""The `adaspec` command: everything a page can do, from a terminal."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from adaspec import ROOT, AdaspecError, environment, estimate, explain, is_users, recipe, runs
from adaspec.jobs import queue, supervisor
from adaspec.jobs.queue import Where

app = typer.Typer(
    help="Train draft models for speculative decoding, and measure them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True, soft_wrap=True)

RecipeName = Annotated[str, typer.Argument(metavar="RECIPE", help="A name or a YAML file.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="An id, its start, or a folder.")]
JobName = Annotated[str, typer.Argument(metavar="ID", help="A job's id, or its start.")]
Owner = Annotated[str | None, typer.Option(help="Who asks for it, if not you; people take turns.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="Override a field: stage2.k=0.3"),
]


@app.command("recipes")
def list_recipes() -> None:
    """List the bundled recipes."""
    view = Table()
    for heading in ("recipe", "target", "draft", "about"):
        view.add_column(heading, overflow="fold")
    for name in recipe.names():
        one = recipe.load(name)
        view.add_row(name, _origin(one.target), _origin(one.draft), one.about)
    console.print(view)


def _origin(spec: recipe.ModelSpec | None) -> str:
    if spec is None:
        return ""
    return " or ".join(spec.source) if spec.source else "new"


@app.command()
def run(
    name: RecipeName,
    run_dir: Annotated[Path | None, typer.Option(help="The run folder.")] = None,
    overrides: Set = None,
    new: Annotated[bool, typer.Option("--new", help="Never go on with an earlier run.")] = False,
) -> None:
    """Train everything a recipe names and measure it; of a matrix, all its recipes.

    Stopped at any moment, the same command goes on from the last checkpoint.
    """
    names = recipe.cells(name) or [name]
    if run_dir and len(names) > 1:
        fail(f"{name} is {len(names)} recipes, and --run-dir one run: leave it out, or name one.")
    chosen = [recipe.load(one, overrides) for one in names]
    os.environ.update(environment.for_libraries())
    from adaspec import pipeline, precision, report  # torch and transformers take seconds to load

    finished = []
    for one in chosen:
        accelerator = precision.make_accelerator(one)
        quiet = not accelerator.is_main_process
        with _bars(quiet) as show:
            done = pipeline.execute(
                one, run_dir, fresh=new, accelerator=accelerator, on_progress=show
            )
        finished.append(done)
        if quiet:
            continue
        if done.report_file.exists():
            console.print(report.tables(runs.read_report(done)))
        console.print(f"Run folder: {done.path}", soft_wrap=True)
    if len(names) > 1 and not quiet:
        _print_families(chosen, finished)


def _print_families(recipes: list[recipe.Recipe], finished: list[runs.Run]) -> None:
    """An ablation for every group of runs that differ only in their seed."""
    families: dict[str, list[runs.Run]] = {}
    for one, run in zip(recipes, finished, strict=True):
        families.setdefault(one.family, []).append(run)
    for family in families.values():
        if len(family) > 1:
            console.print(f"\n{runs.read_state(family[0]).name} and its other seeds")
            _print_ablation(family, None, as_json=False)


@contextmanager
def _bars(quiet: bool) -> Iterator[Callable[[runs.Stage, dict[str, float | int]], None]]:
    """A bar a stage; yields what is to be told of every step."""
    columns = (
        TextColumn("{task.description:>18}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(quiet=quiet)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(stage: runs.Stage, row: dict[str, float | int]) -> None:
            if stage.name not in tasks:
                tasks[stage.name] = bars.add_task(stage.name, total=stage.steps, note="")
            note = f"loss {row['loss']:.4f}" if "loss" in row else ""
            if "tokens_per_s" in row:
                note += f"  {row['tokens_per_s']:,.0f} tokens/s"
            bars.update(tasks[stage.name], completed=row["step"], note=note)

        yield show


@app.command("estimate")
def show_estimate(
    name: RecipeName,
    overrides: Set = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Take a few steps even if runs are known.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what a recipe will take, from earlier runs or else from a few steps of it."""
    chosen = recipe.load(name, overrides)
    found = None if calibrate else estimate.known(chosen)
    if found is None:
        errors.print("Taking a few steps of it ...")
        found = estimate.calibrate(chosen)
    if as_json:
        print(found.model_dump_json(indent=1))
    else:
        memory = "unknown: --calibrate measures it"
        if found.memory is not None:
            memory = estimate.size(found.memory)
        span = timedelta(seconds=round(found.seconds))
        disk = estimate.size(found.disk)
        if found.cache_bytes:
            disk += (
                f", and {estimate.size(found.cache_bytes)} that runs of this target and data share"
            )
        console.print(f"time    {span}\ndisk    {disk}\nmemory  {memory}")
        console.print(found.source, soft_wrap=True, markup=False)
    for lack in estimate.lacks(found):
        errors.print("warning:", style="yellow", end=" ")
        errors.print(lack, markup=False)


@app.command()
def submit(
    name: RecipeName,
    overrides: Set = None,
    owner: Owner = None,
    new: Annotated[bool, typer.Option("--new", help="Train even what was trained before.")] = False,
) -> None:
    """Put a recipe in the queue, for a supervisor or the studio to train."""
    for one in recipe.cells(name) or [name]:
        chosen = recipe.load(one, overrides)
        done = None if new else runs.newest(chosen, "finished")
        if done:
            console.print(
                f"Run {done.path.name} has trained this recipe already: adaspec report "
                f"{done.path.name}. To train it again: --new.",
                soft_wrap=True,
            )
        else:
            _say_queued(queue.submit(chosen, owner or queue.me()))


@app.command()
def resume(name: JobName, owner: Owner = None) -> None:
    """Queue a run that was stopped or failed; it goes on from its last checkpoint."""
    _say_queued(queue.resume(name, owner or queue.me()))


def _say_queued(job: queue.Job) -> None:
    position = queue.positions(queue.all_jobs()).get(job.id)
    console.print(f"{job.id} is queued{f', position {position}' if position else ''}.")
    if not supervisor.alive():
        errors.print("Nothing works the queue off: start adaspec supervisor, or the studio.")


@app.command()
def jobs(
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List the jobs: those at work, those waiting in their order, those that ended."""
    everything = queue.all_jobs()
    place = queue.positions(everything)
    order = {"running": 0, "queued": 1}
    everything.sort(key=lambda job: (order.get(job.state, 2), place.get(job.id, -job.place)))
    if as_json:
        listed = [_job_row(job, place.get(job.id)) for job in everything]
        print(json.dumps(listed, indent=1))
        return
    view = Table()
    for heading in ("id", "name", "owner", "state", "remark"):
        view.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for job in everything:
        state = f"queued, {place[job.id]}" if job.id in place else job.state
        remark = job.error or (f"attempt {job.attempt}" if job.attempt > 1 else "")
        cells = (job.id, job.name, job.owner, state, remark)
        view.add_row(*map(escape, cells))
    console.print(view)


def _job_row(job: queue.Job, position: int | None) -> dict[str, Any]:
    row = job.model_dump(exclude={"recipe", "token", "place", "turn"})
    return {"id": job.id, "run": job.id, "position": position} | row


@app.command()
def cancel(name: JobName) -> None:
    """End a waiting job; stop the one at work. It can be resumed."""
    job = queue.cancel(name)
    said = "is cancelled" if job.state == "cancelled" else "is asked to stop"
    console.print(f"{job.id} {said}. To go on with it: adaspec resume {job.id}", soft_wrap=True)


@app.command()
def move(
    name: JobName,
    where: Annotated[
        Where, typer.Argument(metavar="first|last", help="Before all others, or behind.")
    ],
) -> None:
    """Change the order of the queue."""
    job = queue.move(name, where)
    console.print(f"{job.id} is position {queue.positions(queue.all_jobs())[job.id]}.")


@app.command()
def rename(name: RunName, new_name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Give a run another name to be shown by; also while it is trained."""
    run = runs.find(name)
    runs.rename(run, new_name)
    console.print(f"{run.path.name} is called {runs.read_state(run).name}.", markup=False)


@app.command()
def delete(
    name: Annotated[str, typer.Argument(metavar="ID", help="A run's or job's id, or its start.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a run with its models, and the job that it was."""
    run = _run_or_job(name)
    identity = run.path.name
    if not yes:
        if not sys.stdin.isatty():
            fail(f"Nobody is there to be asked whether to remove {identity}: give --yes.")
        if not typer.confirm(f"Remove {identity} with all its models?"):
            return
    if run.path.parent == runs.runs_folder():
        queue.delete(identity)
    else:
        runs.delete(run)
    console.print(f"{identity} is removed.")


def _run_or_job(name: str) -> runs.Run:
    """A run, or what would have become one of a job that never began."""
    with suppress(AdaspecError):
        return runs.Run(runs.runs_folder() / queue.find(name).id)
    return runs.find(name)


@app.command("supervisor")
def serve() -> None:
    """Work the queue off in the foreground until stopped. Running jobs then go on by themselves."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    with suppress(KeyboardInterrupt):
        supervisor.serve()


@app.command("app")
def serve_studio(
    port: Annotated[int, typer.Option(help="Where the studio listens.")] = 8501,
) -> None:
    """Serve the studio at http://localhost:8501 until stopped."""
    if not find_spec("streamlit"):
        fail('The studio needs Streamlit: pip install "adaspec[serve]"')
    # Its folder is on the path of this one process, so that no other sees packages `app`, `pages`.
    command = ["-m", "streamlit", "run", str(ROOT / "app/main.py"), "--server.port", str(port)]
    os.execv(sys.executable, [sys.executable, *command])


@app.command("report")
def show_report(
    name: RunName,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Print the table of a finished run."""
    from adaspec import report

    content = runs.read_report(runs.find(name))
    if as_json:
        print(runs.REPORT.dump(content).decode())
    else:
        console.print(report.tables(content))


@app.command("compare")
def show_comparison(
    names: Annotated[list[str], typer.Argument(metavar="RUN...", help="Runs of one target.")],
    drafts: Annotated[
        str | None, typer.Option(help="Only these: A,B, or RUN/A of another run than the first.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="What differences are against; by default the fairest.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compare drafts of one target: budgets first, then paired differences on the same prompts."""
    from adaspec.analysis import comparison, comparison_text

    chosen = list(dict.fromkeys(map(runs.find, names)))
    wanted = [one for one in drafts.split(",") if one] if drafts is not None else None
    found = comparison.compare(chosen, wanted, baseline)
    if as_json:
        print(json.dumps(found, indent=1, allow_nan=False))
    else:
        console.print(comparison_text.tables(found))


@app.command("ablation")
def show_ablation(
    names: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="One: with all other seeds of it.")
    ],
    against: Annotated[
        str | None, typer.Option(help="Drafts that the others are held against: A,B.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Compare the methods of a recipe over its seeds: one row a method, intervals over seeds."""
    wanted = None if against is None else [one for one in against.split(",") if one]
    _print_ablation(list(dict.fromkeys(map(runs.find, names))), wanted, as_json)


def _print_ablation(found: list[runs.Run], against: list[str] | None, as_json: bool) -> None:
    from adaspec.analysis import ablation, ablation_text, seeds

    (first, *others) = found
    family = seeds.of(found) if others else seeds.relatives(first)
    summary = ablation.summary(family, against)
    if as_json:
        print(json.dumps(summary, indent=1, allow_nan=False))
    else:
        console.print(ablation_text.table(summary))


@app.command("measure")
def measure_again(name: RunName) -> None:
    """Make the token tables and the report of a finished run anew, from the models it has kept."""
    found = runs.find(name)
    os.environ.update(environment.for_libraries())
    from adaspec import pipeline

    with _bars(quiet=False) as show:
        pipeline.measure_again(found, show)
    console.print(f"{found.contexts_file.parent}", soft_wrap=True, markup=False)


@app.command("export")
def export_draft(
    name: RunName,
    draft: Annotated[str, typer.Option(help="stock, reference, or a method.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="A new or an empty folder.")],
) -> None:
    """Write a draft as a Hugging Face folder that says what it is, checked before it is kept."""
    found = runs.find(name)
    os.environ.update(environment.for_libraries())
    from adaspec import export

    verified = export.export_draft(found, draft, to)["verified"]
    again, greedy = verified["acceptance"], verified["greedy"]
    console.print(
        f"{to.resolve()}: {draft}, read back and checked. The run's logits to the bit; acceptance "
        f"{again['alpha']:.4f} on {again['prompts']} prompts, the tables' {again['tables']:.4f}; "
        f"greedy decoding gives the target's own text on {greedy['prompts']} prompts. "
        "README.md says how to serve it.",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


@app.command("tokens")
def show_tokens(
    name: RunName,
    sequence: Annotated[int | None, typer.Option(min=0, help="The example to print.")] = None,
    source: Annotated[str, typer.Option(help="generated or dataset.")] = "generated",
    draft: Annotated[str | None, typer.Option(help="A snapshot: adaspec, adaspec@25.")] = None,
    order: Annotated[str, typer.Option(help="Of the list: hardest, improved, ...")] = "hardest",
    k: Annotated[float, typer.Option(min=0, max=1, help="The filter ratio.")] = 0.4,
    limit: Annotated[int, typer.Option(min=1, help="Examples to list.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """List a run's examples, or print one token by token: KL, dL, what is kept."""
    from adaspec import tokens

    found = runs.find(name)
    chosen = draft or tokens.snapshots(found)[-1].name
    thousandths = round(k * 1000)
    if sequence is None:
        listed = tokens.ranking(found, source, order, chosen, k=thousandths).head(limit)
        columns = ["seq", "tokens", "score", "prompt", "response"]
    else:
        names = [one.name for one in tokens.snapshots(found)]
        listed = tokens.rows(found, source, sequence, names, ["kl", "overlap", "q"])
        here = tokens.find(found, source, sequence)
        texts = [piece.text for piece in tokens.vocabulary(found)]
        listed.insert(1, "text", [texts[one] for one in listed["token"]])
        listed["delta"] = tokens.delta(found, source, chosen)[here]
        listed["kept"] = tokens.entries(found, source, chosen, "corpus")[here] <= thousandths
        columns = ["pos", "text", "p", f"q@{chosen}", f"kl@{chosen}", "delta", "kept"]
    if as_json:
        print(listed.to_json(orient="records", indent=1))
        return
    view = Table()
    for heading in columns:
        view.add_column(heading, overflow="fold")
    for row in listed[columns].itertuples(index=False):
        view.add_row(*(escape(_cell(value)) for value in row))
    console.print(view)


@app.command("replay")
def show_replay(
    name: RunName,
    draft: Annotated[str | None, typer.Option(help="stock, adaspec, adaspec@25.")] = None,
    sequence: Annotated[int, typer.Option(min=0, help="The stored replay to print.")] = 0,
    prompt: Annotated[str | None, typer.Option(help="Decode this instead, now.")] = None,
    gamma: Annotated[int | None, typer.Option(help="Tokens proposed a round; 4.")] = None,
    temperature: Annotated[float | None, typer.Option(help="0: greedy; 1.")] = None,
    top_k: Annotated[int | None, typer.Option(help="The k likeliest tokens; 0: all.")] = None,
    top_p: Annotated[float | None, typer.Option(help="The likeliest that reach it; 1.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of the random decisions; 0.")] = None,
    max_new_tokens: Annotated[int | None, typer.Option(help="At most; 64.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Print speculative decoding pass by pass: what was proposed, accepted, rejected, and added.

    Of a prompt of one's own, decoded now; without one, of a replay that the run has stored.
    """
    from adaspec import replays, tokens
    from adaspec.speculation import telling
    from adaspec.speculation.trace import Trace

    asked = {
        "gamma": gamma,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "max_new_tokens": max_new_tokens,
    }
    settings: dict[str, Any] = {one: value for one, value in asked.items() if value is not None}
    found = runs.find(name)
    if prompt is None:
        if settings:
            option = next(iter(settings)).replace("_", "-")
            raise AdaspecError(f"--{option} goes with --prompt: a stored replay has its own.")
        trace = replays.read(found, draft or replays.drafts(found)[-1], sequence)
        pieces = tokens.vocabulary(found)
    else:
        os.environ.update(environment.for_libraries())
        from adaspec import inference, vocabulary

        models = inference.open_run(found)
        final = [one for one in inference.snapshot_folders(found) if "@" not in one]
        said = inference.speculate(models, prompt, draft or final[-1], **settings)
        trace = Trace.model_validate(said)
        pieces = vocabulary.pieces(models.tokenizer)
    if as_json:
        print(json.dumps(telling.document(trace, pieces), indent=1))
        return
    for line in telling.lines(trace, pieces):
        console.print(line, soft_wrap=True, highlight=False)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "kept" if value else ""
    return f"{value:.4f}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def main() -> None:
    """Run a command; every fault is one line on standard error and exit code 2."""
    try:
        app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        fail("Interrupted. The same command goes on from the last checkpoint.", 130)
    except typer.TyperException as error:  # a wrong option or argument
        fail(getattr(error, "format_message", error.__str__)())
    except Exception as error:
        if not is_users(error):
            raise
        fail(explain(error))


def fail(message: str, code: int = 2) -> NoReturn:
    """Say it in one line and leave."""
    errors.print("error:", style="red", end=" ")
    errors.print(message, markup=False, highlight=False)
    sys.exit(code)


if __name__ == "__main__":
    main()
