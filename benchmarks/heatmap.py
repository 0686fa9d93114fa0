"""What the token heatmap costs a browser.

`python -m benchmarks.heatmap [--tokens 40000] [--rounds 10]`

A stand-alone page, opened from disk in Chromium, so that neither a network nor Streamlit is timed.
`mount` begins when the component is called, before the JSON is parsed. A frame counts as painted
when the task after it begins. A change is timed from the event to that moment, so that it holds the
script, the restyling, the layout and the painting of what is in view.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from adaspec.views import TokenView
from adaspec.views.token_view import standalone
from tests.studio import browser
from tests.views import view

BEGIN = "heatmap({\n  data: JSON.parse("
TIMED = "window.mounting = performance.now();\n" + BEGIN
WATCH = """
<script>
const painted = () => new Promise(done => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => done(performance.now());
  channel.port2.postMessage(0);
}));
window.figures = (async () => {
  while (!document.querySelector('.token')) await painted();
  const first = await painted();
  while (!document.querySelector('.text[data-complete]')) await painted();
  return {first: first - window.mounting, all: performance.now() - window.mounting,
          ready: performance.now()};
})();
const timed = async act => {
  const begin = performance.now();
  act();
  return await painted() - begin;
};
const choose = (selector, value, event) => {
  const input = document.querySelector(selector);
  input.value = value;
  input.dispatchEvent(new Event(event, {bubbles: true}));
};
</script>
"""
METRICS = ["delta", "overlap", "entropy", "kl"]
METRIC = "name => timed(() => choose('.metric select', name, 'change'))"
K = "k => timed(() => choose('.selection input[type=range]', k, 'input'))"
LIMIT = "low => timed(() => choose('.limits input', low, 'change'))"
STEP = "at => timed(() => choose('.training input', at, 'input'))"


def main(tokens: int, rounds: int) -> None:
    page_text = standalone(TokenView.model_validate(view(tokens, max(1, tokens // 400))), {})
    assert BEGIN in page_text
    page_text = page_text.replace(BEGIN, TIMED).replace("<main>", WATCH + "<main>")
    table = Table("figure", "median", "largest", title=f"{tokens} tokens, {rounds} rounds")
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        file = Path(folder) / "heatmap.html"
        file.write_text(page_text, encoding="utf-8")
        loads = []
        for _ in range(rounds):
            page = chromium.new_page(viewport={"width": 1440, "height": 1000})
            page.goto(file.as_uri())
            loads.append(page.evaluate("window.figures"))
            if len(loads) < rounds:
                page.close()
        add(table, "mount to the first painted text", [load["first"] for load in loads])
        add(table, "mount to all blocks built", [load["all"] for load in loads])
        add(table, "opening the file to all blocks built", [load["ready"] for load in loads])
        for name, act, values in changes(rounds):
            add(table, name, [measure(page, act, value) for value in values])
        size = file.stat().st_size
    Console().print(table)
    print(f"The page has {size / 2**20:.1f} MiB.")


def changes(rounds: int) -> list[tuple[str, str, list[object]]]:
    each = range(rounds)
    return [
        ("another metric, first time", METRIC, list(METRICS)),
        ("another metric, again", METRIC, [METRICS[i % 4] for i in each]),
        ("a step of k of 0.01", K, [400 + 10 * i for i in each]),
        ("a jump of k", K, [(0, 1000)[i % 2] for i in each]),
        ("another limit", LIMIT, [i / 10 for i in each]),
        ("another checkpoint", STEP, [i % 5 for i in each]),
    ]


def measure(page: Page, act: str, value: object) -> float:
    taken: float = page.evaluate(act, value)
    page.wait_for_selector(".text[data-complete]")
    return taken


def add(table: Table, name: str, milliseconds: list[float]) -> None:
    table.add_row(name, f"{median(milliseconds):.0f} ms", f"{max(milliseconds):.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    main(arguments.tokens, arguments.rounds)
