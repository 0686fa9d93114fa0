"""The tables of docs/findings.md about methods and the text they read, and what they rest on.

    adaspec run findings-english
    python -m benchmarks.findings keep docs/runs/findings-english --rows RUN --own RUN
    python -m benchmarks.findings print docs/runs/findings-english

`keep` compares the methods over all seeds of two recipes that differ in the answers they train on,
and each method with itself on the other text, by seed and prompt; it keeps the result and, packed,
every run's recipe, state, report and curves. `print` writes the tables as Markdown from what is
kept.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

from adaspec import runs
from adaspec.analysis import ablation, seeds, significance
from adaspec.analysis.drafts import Entry, entries
from adaspec.analysis.measures import signed
from adaspec.analysis.results import Ablation, Method, MethodDifference
from adaspec.analysis.seeds import SeedRun
from adaspec.recipe import STOCK
from adaspec.runs.contract import Part

RESULT, RUNS = "findings.json", "runs.zip"
AGAINST = ["distillspec", "adaspec", "kl-from-reference"]
SHOWN = {"distillspec": "DistillSpec", "adaspec": "AdaSPEC", "kl-from-reference": "goes on"}


class Findings(Part):
    """What two texts to train on make of the same methods.

    Attributes:
        rows: trained on the data set's answers.
        own: trained on the target's own answers to the same prompts.
        gains: method -> α on its own text minus α on the rows', paired by seed and prompt.
    """

    rows: Ablation
    own: Ablation
    gains: dict[str, MethodDifference]


def compared(rows: list[SeedRun], own: list[SeedRun]) -> Findings:
    """Compare both, with each other as one family of comparisons."""
    of_rows, of_own = drafts(rows), drafts(own)
    names = [name for name in of_own if name in of_rows and name != STOCK]
    recipe = runs.read_recipe(rows[0].run)
    differences = {name: ablation.difference(of_own[name], of_rows[name], recipe) for name in names}
    tests = [
        significance.estimated(
            significance.table_of(ablation.sums(of_own[name]), ablation.sums(of_rows[name]))
        )
        for name in names
    ]
    adjusted = dict(zip(names, significance.adjusted(tests), strict=True))
    return Findings(
        rows=ablation.summary(rows, AGAINST),
        own=ablation.summary(own, AGAINST),
        gains={
            name: difference.model_copy(update={"adjusted": adjusted[name]})
            for name, difference in differences.items()
        },
    )


def drafts(family: list[SeedRun]) -> dict[str, list[Entry]]:
    """Name -> that draft of every seed."""
    by_seed = [{entry.table: entry for entry in entries([each.run])} for each in family]
    return {name: [entries[name] for entries in by_seed] for name in by_seed[0]}


def keep(findings: Findings, families: dict[str, list[SeedRun]], to: Path) -> None:
    """Write the result, and all that the runs are but models and tables."""
    to.mkdir(parents=True, exist_ok=True)
    (to / RESULT).write_text(findings.model_dump_json(indent=1), encoding="utf-8")
    with zipfile.ZipFile(to / RUNS, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for family in families.values():
            for _, run in family:
                name = runs.read_recipe(run).name
                for file in (run.recipe_file, run.state_file, run.report_file, run.metrics_file):
                    archive.write(file, f"{name}/{file.name}")


def tables(findings: Findings) -> Iterator[str]:
    """Markdown: the methods on either text, then what the text is worth to each."""
    for text, summary in (("the rows'", findings.rows), ("the target's own", findings.own)):
        yield f"Trained on {text} answers ({len(summary.seeds)} seeds, {summary.prompts} prompts):"
        yield ""
        heads = " | ".join(f"− {SHOWN[name]}" for name in AGAINST)
        yield f"| method | α | {heads} | KL | sequences | compute |"
        yield "|---|---|" + "---|" * (len(AGAINST) + 3)
        for method in sorted(summary.methods, key=lambda method: -method.alpha.mean):
            yield f"| {' | '.join(cells(method))} |"
        yield ""
    yield "The same method on the target's own answers minus on the rows':"
    yield ""
    yield "| method | rows' | own | difference | by seed |"
    yield "|---|---|---|---|---|"
    of_rows = {method.name: method for method in findings.rows.methods}
    of_own = {method.name: method for method in findings.own.methods}
    for name, gain in sorted(findings.gains.items(), key=lambda gain: -gain[1].value):
        alphas = (f"{found[name].alpha.mean:.4f}" for found in (of_rows, of_own))
        by_seed = ", ".join(f"{100 * value:+.2f}" for value in gain.by_seed)
        yield f"| {name} | {' | '.join(alphas)} | {points(gain)} | {by_seed} |"


def cells(method: Method) -> Iterator[str]:
    yield method.label
    yield f"{method.alpha.mean:.4f}"
    for name in AGAINST:
        difference = method.difference.get(name)
        yield points(difference) if difference else ""
    yield f"{method.kl:.3f}"
    yield f"{method.total.sequences:,}"
    yield f"{method.compute.flops / 1e12:.2f} TFLOP" if method.compute else ""


def points(difference: MethodDifference) -> str:
    """In points of acceptance, with the interval adjusted for all comparisons of its table."""
    assert difference.adjusted
    value, low, high = (signed(100 * each) for each in (difference.value, *difference.adjusted.ci))
    return f"{value} [{low}, {high}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["keep", "print"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", help="a run on the data set's answers")
    parser.add_argument("--own", help="a run on the target's own")
    arguments = parser.parse_args()
    if arguments.what == "keep":
        families = {
            name: seeds.relatives(runs.find(getattr(arguments, name))) for name in ("rows", "own")
        }
        shared = set.intersection(*({each.seed for each in found} for found in families.values()))
        families = {
            name: [each for each in found if each.seed in shared]
            for name, found in families.items()
        }
        keep(compared(families["rows"], families["own"]), families, arguments.folder)
    text = (arguments.folder / RESULT).read_text(encoding="utf-8")
    print("\n".join(tables(Findings.model_validate(json.loads(text)))))


if __name__ == "__main__":
    main()
