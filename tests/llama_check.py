"""`make llama-check`: an export's GGUF pair, in llama.cpp, which node-llama-cpp brings built.

Everything in float32 and greedy, so that all is known before: odd texts have the token ids that our
tokenizer gives them, and the text is the target's own, with the draft as without. How many tokens
are taken from the draft depends on when it is asked, which is node-llama-cpp's own.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer

from adaspec import export, runs
from tests.serve_check import DRAFT, predicted
from tests.studio import ROOT

TEXTS = 300


def main(engine: Path) -> None:
    """
    Args:
        engine: the folder that node-llama-cpp is in; the export goes there, anew.
    """
    shutil.rmtree(engine / "draft", ignore_errors=True)
    run = runs.find("example")
    facts = export.export_draft(run, DRAFT, engine / "draft", "f32", with_target=True)
    tokenizer = AutoTokenizer.from_pretrained(ROOT / "assets/tiny/target")
    random.seed(7)
    texts = ["".join(random.choices("ab 12½Ⅷ\n\t'ü東🙂.,", k=40)) for _ in range(TEXTS)]
    content = {
        "texts": [{"text": text, "ids": tokenizer(text)["input_ids"]} for text in texts],
        "rows": predicted(run, engine, facts.gamma),
    }
    (engine / "predicted.json").write_text(json.dumps(content))
    shutil.copy(ROOT / "tests/serve_llama.mjs", engine)  # modules are looked for beside it
    subprocess.run(["node", "serve_llama.mjs"], cwd=engine, check=True)


if __name__ == "__main__":
    torch.set_num_threads(1)  # models this small are slower on two
    main(Path(sys.argv[1]))
