"""The browser's engine, under node and in the worker of a page, and what must agree with torch."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from adaspec.speculation.record import TOP
from adaspec.views.browser_script import script

CLOSE = 5e-4
"""Of probabilities, relatively: logits in float32 are off by up to 1e-4, torch's too."""
UNDER_NODE = Path(__file__).parents[1] / "browser" / "under_node.js"
WORKER = """
code => {
  const worker = new Worker(URL.createObjectURL(new Blob([code])));
  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer;
  let next = 0;
  window.engine = (request, stopAfter) => new Promise((done, fail) => {
    const id = next++;
    let passes = 0;
    let asked = null;
    worker.onmessage = ({ data }) => {
      if (data.what === "progress" && ++passes === stopAfter) {
        asked = performance.now();
        worker.postMessage({ id, what: "stop" });
      }
      if (data.what === "failed") fail(new Error(data.message));
      if (data.what === "stopped") done(performance.now() - asked);
      if (data.what === "done") done(data.result);
    };
    for (const files of Object.values(request.models ?? {})) files.weights = bytes(files.weights);
    worker.postMessage({ id, ...request });
  });
}
"""


def under_node(*requests: dict[str, Any]) -> list[Any]:
    """Its answers, in order; see `under_node.js`. Node is the machine's, or PyPI's in .venv."""
    path = os.pathsep.join([os.environ["PATH"], str(Path(sys.executable).parent)])
    done = subprocess.run(
        ["node", str(UNDER_NODE)],
        input=json.dumps(requests),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": path},
    )
    assert done.returncode == 0, done.stderr
    answers: list[Any] = json.loads(done.stdout)
    return answers


def in_worker(page: Page) -> Callable[..., Any]:
    """Asks a new worker for what `worker.js` calls `Asked`; stopped after so many passes, the
    answer is the milliseconds until it was."""
    page.evaluate(WORKER, script("engine"))

    def ask(stop_after: int | None = None, **asked: Any) -> Any:
        return page.evaluate(
            "([asked, stopAfter]) => window.engine(asked, stopAfter)", [asked, stop_after]
        )

    return ask


def opening(tokenizer: Path, **models: Path) -> dict[str, Any]:
    """What opens models, from their folders and a `tokenizer.json`."""
    files = {
        name: {
            "config": json.loads((folder / "config.json").read_text()),
            "weights": base64.b64encode((folder / "model.safetensors").read_bytes()).decode(),
        }
        for name, folder in models.items()
    }
    return {"what": "open", "tokenizer": json.loads(tokenizer.read_text()), "models": files}


def check_same(ours: Any, theirs: Any) -> None:
    """Tokens, decisions and reasons; probabilities to a few digits. Times are their own."""
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for key, value in ours.items():
            if key in ("likeliest", "drawn_from"):
                check_likeliest(value, theirs[key])
            elif not key.endswith("_ms"):
                check_same(value, theirs[key])
    elif isinstance(ours, list):
        assert len(ours) == len(theirs)
        for own, their in zip(ours, theirs, strict=True):
            check_same(own, their)
    elif isinstance(ours, float) and ours is not theirs:
        assert theirs == pytest.approx(ours, rel=CLOSE, abs=CLOSE / 10)
    else:
        assert ours == theirs


def check_likeliest(ours: list[tuple[Any, ...]], theirs: list[tuple[Any, ...]]) -> None:
    """The same tokens, but where a model's fifth and sixth are nearly equal, or both never come."""
    one, other = ({token: values for token, *values in rows} for rows in (ours, theirs))
    for token in one.keys() & other.keys():
        assert other[token] == pytest.approx(one[token], abs=CLOSE / 10)
    either = one | other
    for token in one.keys() ^ other.keys():
        for value, column in zip(either[token], zip(*either.values(), strict=True), strict=True):
            assert value <= sorted(column)[-TOP:][0] + CLOSE / 10
