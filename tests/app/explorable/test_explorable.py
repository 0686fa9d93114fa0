"""One file with the models inside: what it holds, that it decodes offline, and what it refuses."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, expect
from safetensors.numpy import load, load_file
from transformers import AutoTokenizer

from adaspec import AdaspecError, replays, run_models, runs, tokens
from adaspec.models import load_weights
from adaspec.recipe import Decoding
from adaspec.rounding import rounded_alphas
from adaspec.runs import Run
from adaspec.speculation.decoding import Decoder
from app.explorable import page as explorable
from tests.studio import ROOT

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made by the command, of the bundled run."""
    to = tmp_path_factory.mktemp("explorable") / "tiny.html"
    done = adaspec("example", to)
    assert done.returncode == 0, done.stderr
    assert "needs no network" in done.stdout
    return to


def adaspec(name: str, to: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "adaspec", "explorable", name, "--to", str(to)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def content(file: Path) -> dict[str, Any]:
    shown = re.search(r'id="shown">(.*?)</script>', file.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    return json.loads(shown[1])


def test_it_holds_the_weights_rounded_and_says_what_that_costs(file: Path) -> None:
    assert file.stat().st_size <= 8_000_000
    data = content(file)
    run = runs.find("example")
    folders = run_models.for_browsers(run)
    for name, model in data["models"].items():
        held = load(base64.b64decode(model["weights"]))
        for tensor, values in load_file(folders[name] / "model.safetensors").items():
            np.testing.assert_array_equal(held[tensor], values.astype(np.float16))
    for exact, rounded, count in data["alphas"].values():
        assert 0.3 < exact < 1
        assert abs(exact - rounded) < 0.005
        assert count > 500


def test_the_acceptance_that_it_states_is_the_runs_own() -> None:
    """On the same texts the token tables say the same."""
    run = runs.find("example")
    [(exact, rounded, count)] = rounded_alphas(run, ["adaspec"]).values()
    column = tokens.column(run, "generated", "overlap", "adaspec")[:count]
    assert exact == pytest.approx(float(column.mean()), abs=1e-3)
    assert rounded != exact


def test_it_decodes_offline_what_the_library_decodes(chromium: Browser, file: Path) -> None:
    context = chromium.new_context(offline=True, viewport={"width": 390, "height": 844})
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda message: message.type == "error" and faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(file.as_uri())
    expect(page.locator(".own .doing").first).to_contain_text("Decoded in", timeout=60_000)
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("New tokens").select_option("16")
    page.get_by_role("button", name="Decode", exact=True).click()
    expect(page.get_by_text("· greedy ·")).to_be_visible(timeout=60_000)
    page.locator(".own .replay").press("End")
    run = runs.find("example")
    folders = run_models.for_browsers(run)
    data = content(file)
    target, draft = (
        load_weights(folders[name], CPU).half().float() for name in ("target", data["first"])
    )
    facts = runs.read_state(run).facts
    assert facts
    tokenizer = AutoTokenizer.from_pretrained(folders["target"])
    prompt = tokenizer(data["prompts"][0])["input_ids"]
    decode = Decoder(target, vocabulary=facts.shared_vocabulary, eos=tokenizer.eos_token_id)
    trace = decode(draft, prompt, Decoding(gamma=4, temperature=0, max_new_tokens=16), seed=0)
    expected = tokenizer.decode(trace.text)
    shown = page.locator(".own .replay .text").inner_text()
    plain = re.sub(r"[^A-Za-z0-9]", "", expected)
    assert plain
    assert plain in re.sub(r"[^A-Za-z0-9]", "", shown)
    page.get_by_role("tab", name="Which tokens are hard").click()
    expect(page.locator(".heatmap").first).to_be_visible(timeout=60_000)
    page.get_by_role("tab", name="Break the rule").click()
    page.get_by_label("keep every guess").check()
    expect(page.locator(".lab .verdict")).to_contain_text("Noticed", timeout=30_000)
    page.get_by_label("the rule, unbroken").check()
    expect(page.locator(".lab .verdict")).to_contain_text("Not noticed", timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not faults
    assert all(url.startswith(("file:", "blob:")) for url in requests)
    context.close()


@pytest.mark.parametrize(
    ("name", "to", "reason"),
    [
        ("nothing", "x.html", "nothing"),
        ("example", "no/such/folder/x.html", "a folder that exists"),
        ("example", ".", "a folder that exists"),
    ],
)
def test_what_cannot_be_written_is_refused_in_a_line(
    tmp_path: Path, name: str, to: str, reason: str
) -> None:
    done = adaspec(name, tmp_path / to)
    assert done.returncode == 2
    assert reason in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_what_is_too_large_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    run = runs.find("example")
    monkeypatch.setattr(explorable, "LARGEST", 1000)
    alphas = dict.fromkeys(explorable.drafts(run), (0.5, 0.5, 1))
    with pytest.raises(AdaspecError, match="MB, and at most"):
        explorable.build(run, alphas)


def test_drafts_that_are_anothers_training_are_held_once() -> None:
    run: Run = runs.find("example")
    assert set(explorable.drafts(run)) < set(replays.drafts(run))
