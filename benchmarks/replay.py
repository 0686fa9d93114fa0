"""What the replay player costs a browser.

`python -m benchmarks.replay [--tokens 1000] [--seconds 10]`

A made-up trace in a stand-alone page, opened from disk in Chromium, so that neither a network nor
Streamlit is timed; it plays from the middle on, where there is much on the page. `open` ends when
the task after the first painted frame begins. A frame's time is from one animation frame to the
next while the player plays, at each of its speeds; script is what of it the player's own callback
took.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table

from adaspec.views.replay_view import standalone
from app.replay.player import SPEEDS
from tests.app.replay.player_app import view
from tests.studio import browser
from tests.views import WORDS

WATCH = """
<script>
window.scripts = [];
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = work => ask(now => {
  const begin = performance.now();
  work(now);
  window.scripts.push(performance.now() - begin);
});
window.opened = new Promise(done => {
  const look = () => ask(() => {
    if (!document.querySelector('.replay .chip')) return look();
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(0);
  });
  look();
});
window.frames_of = seconds => new Promise(done => {
  const times = [];
  let [first, last] = [null, null];
  window.scripts.length = 0;
  const tick = now => {
    if (last !== null) times.push(now - last);
    first ??= now;
    last = now;
    const playing = document.querySelector('.replay.playing');
    if (playing && now - first < 1000 * seconds) ask(tick);
    else done({times, scripts: [...window.scripts]});
  };
  ask(tick);
});
</script>
"""


def main(tokens: int, seconds: float) -> None:
    shown = view(tokens, words=len(WORDS) + 1)
    text = standalone(shown, {"step": shown["steps"] // 2}).replace("<main>", WATCH + "<main>")
    title = f"{tokens} tokens, {shown['steps']} steps, {len(text) / 2**20:.1f} MiB"
    table = Table("speed", "frames/s", "median frame", "slowest", "script", "steps/s", title=title)
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        file = Path(folder) / "replay.html"
        file.write_text(text, encoding="utf-8")
        opened = []
        for speed in SPEEDS:
            page = chromium.new_page(viewport={"width": 1440, "height": 1000})
            page.goto(file.as_uri())
            opened.append(page.evaluate("window.opened"))
            table.add_row(f"{speed:g}×", *played(page, speed, seconds))
            page.close()
    Console().print(table)
    print(f"Open: median {median(opened):.0f} ms, slowest {max(opened):.0f} ms.")


def played(page: Page, speed: float, seconds: float) -> tuple[str, ...]:
    begin = int(page.get_by_role("slider", name="Step").input_value())
    page.get_by_label("Speed").select_option(f"{speed:g}")
    page.get_by_role("button", name="Play").click()
    frames = page.evaluate("seconds => window.frames_of(seconds)", seconds)
    times, scripts = frames["times"], frames["scripts"]
    steps = int(page.get_by_role("slider", name="Step").input_value()) - begin
    return (
        f"{1000 * len(times) / sum(times):.1f}",
        f"{median(times):.1f} ms",
        f"{max(times):.1f} ms",
        f"{median(scripts):.2f} ms, at most {max(scripts):.1f}",
        f"{1000 * steps / sum(times):.0f}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    main(arguments.tokens, arguments.seconds)
