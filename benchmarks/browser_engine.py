"""What the browser's engine decodes in a second, beside torch on one thread.

`python -m benchmarks.browser_engine [--tokens 200] [--times 5]`

Plain decoding at temperature 1, caches, attention and draws included: of the bundled target, and of
a random one of 2.2 million parameters (vocabulary 2,048, 192 wide, 4 layers) in float16. The engine
runs in a worker of Chromium, with SIMD and without; torch is the library's. They take turns,
so that what slows the machine for a while slows all. c and v are the engine's own: see
`browser/engine/costs.js`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from playwright.sync_api import Page
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from adaspec import ASSETS
from adaspec.recipe import Decoding
from adaspec.speculation.decoding import Decoder
from tests.engine import in_worker, opening
from tests.studio import browser

TINY = ASSETS / "tiny"
PROMPT = "Nadia has 34 coins. She"
GAMMA = 4
VOCABULARY = 2048


def main(tokens: int, times: int) -> None:
    torch.set_num_threads(1)
    title = f"{tokens} tokens, median of {times}"
    columns = (
        "target",
        "by",
        "tokens/s",
        "of torch's",
        "c",
        *(f"v({n + 1})" for n in range(GAMMA)),
    )
    table = Table(*columns, title=title)
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        random_pair(Path(folder))
        for name, pair in (("tiny", TINY), ("2.2 M", Path(folder))):
            asks = {
                by: opened(chromium.new_page(), pair, plainly)
                for by, plainly in (("SIMD", False), ("plain JavaScript", True))
            }
            ways: dict[str, Callable[[], float]] = {"torch": torch_seconds(pair, tokens)}
            ways |= {by: engine_seconds(ask, tokens) for by, ask in asks.items()}
            spent: dict[str, list[float]] = {by: [] for by in ways}
            for _ in range(times):
                for by, seconds in ways.items():
                    spent[by].append(seconds())
            beside = median(spent["torch"])
            for by, each in spent.items():
                costs = asks[by](what="measure", draft="stock", gamma=GAMMA) if by in asks else None
                shown = [costs["c"], *costs["v"][1:]] if costs else []
                table.add_row(
                    name,
                    by,
                    f"{tokens / median(each):,.0f}",
                    f"{beside / median(each):.2f}",
                    *(f"{cost:.2f}" for cost in shown),
                )
    Console().print(table)


def random_pair(folder: Path) -> None:
    """A target and a draft, and the bundled tokenizer with more tokens, none of which it gives."""
    torch.manual_seed(0)
    for role, layers, hidden, feed_forward in (("target", 4, 192, 512), ("stock", 1, 64, 128)):
        config = LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=4,
            intermediate_size=feed_forward,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
        )
        LlamaForCausalLM(config).half().save_pretrained(folder / role)
    content = json.loads((TINY / "target" / "tokenizer.json").read_text())
    vocabulary = content["model"]["vocab"]
    vocabulary |= {f"({token})": token for token in range(len(vocabulary), VOCABULARY)}
    (folder / "target" / "tokenizer.json").write_text(json.dumps(content))


def opened(page: Page, pair: Path, plainly: bool) -> Callable[..., Any]:
    """A worker with this pair."""
    ask = in_worker(page)
    tokenizer = pair / "target" / "tokenizer.json"
    files = opening(tokenizer, target=pair / "target", stock=pair / "stock")
    ask(**files, vocabulary=VOCABULARY, eos=None, plainly=plainly)
    return ask


def engine_seconds(ask: Callable[..., Any], tokens: int) -> Callable[[], float]:
    """By the mean of two decodings with the target alone, which stand beside one with a draft."""
    decoding = Decoding(gamma=GAMMA, max_new_tokens=tokens).model_dump()

    def seconds() -> float:
        trace = ask(what="decode", draft="stock", prompt=PROMPT, decoding=decoding, seed=0)["trace"]
        return float(trace["plain_ms"]) * tokens / 1000

    return seconds


def torch_seconds(pair: Path, tokens: int) -> Callable[[], float]:
    model = AutoModelForCausalLM.from_pretrained(pair / "target", dtype=torch.float32).eval()
    prompt = AutoTokenizer.from_pretrained(TINY / "target")(PROMPT)["input_ids"]
    decode = Decoder(model, vocabulary=model.config.vocab_size, eos=None)
    decoding = Decoding(gamma=0, max_new_tokens=tokens)
    return lambda: decode(None, prompt, decoding, detail=False).ms / 1000


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    main(arguments.tokens, arguments.times)
