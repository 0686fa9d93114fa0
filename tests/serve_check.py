"""`make serve-check`: an export, served by OpenVINO GenAI from an environment of its own.

By the commands of the export's own card. Greedy, so that all is known before: the text is the
target's own, and how many passes it takes and tokens it accepts follow from our decoder, but that
OpenVINO GenAI takes the first token from the target alone, and does not count what the last pass
accepts.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from adaspec import export, runs
from adaspec.inference import open_run
from adaspec.measurement import read_sequences
from adaspec.models import open_model
from adaspec.recipe import Decoding, ModelSpec
from adaspec.speculation.decoding import speculate
from tests.studio import ROOT

PROMPTS, TOKENS = 20, 64
DRAFT = "adaspec"


def main(engine: Path, folder: Path) -> None:
    """
    Args:
        engine: the environment that OpenVINO GenAI and optimum-intel are in.
        folder: where the export goes, anew.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run = runs.find("example")
    facts = export.export_draft(run, DRAFT, folder / "draft")
    card = (folder / "draft" / "README.md").read_text(encoding="utf-8")
    target = ROOT / "assets/tiny/target"
    path = f"{engine.resolve() / 'bin'}{os.pathsep}{os.environ['PATH']}"
    for command in re.findall(r"^optimum-cli .*", card, flags=re.MULTILINE):
        command = command.replace("TARGET", str(target)).replace("DRAFT", "draft")
        subprocess.run(command, shell=True, cwd=folder, env=os.environ | {"PATH": path}, check=True)
    (program,) = re.findall(r"```py\n(.*?)```", card, flags=re.DOTALL)
    (folder / "card.py").write_text(program)
    (folder / "predicted.json").write_text(json.dumps(predicted(run, folder, facts.gamma)))
    for script in (ROOT / "tests/serve_openvino.py", "card.py"):
        subprocess.run([engine.resolve() / "bin/python", script], cwd=folder, check=True)


@torch.no_grad()
def predicted(run: runs.Run, folder: Path, gamma: int) -> list[dict[str, Any]]:
    """What each held-out prompt should give."""
    models = open_run(run)
    draft = open_model(ModelSpec(source=(str(folder / "draft"),)), [], 0, "draft").model

    def decode(prompt: list[int], tokens: int, drafted: int) -> Any:
        return speculate(
            models.target,
            draft,
            prompt,
            Decoding(gamma=drafted, temperature=0, max_new_tokens=tokens),
            vocabulary=models.vocabulary,
            eos=models.tokenizer.eos_token_id,
            detail=False,
        )

    rows = []
    for example in read_sequences(run.sequences_file)["generated"][:PROMPTS]:
        prompt = example.ids[: example.prompt_length].tolist()
        text = decode(prompt, TOKENS, 0).text
        trace = decode([*prompt, text[0]], TOKENS - 1, gamma)
        rows.append(
            {
                "prompt": prompt,
                "text": text,
                "gamma": gamma,
                "tokens": TOKENS,
                "passes": 1 + len(trace.rounds),
                "accepted": sum(decoded.accepted for decoded in trace.rounds[:-1]),
            }
        )
    return rows


if __name__ == "__main__":
    torch.set_num_threads(1)  # models this small are slower on two
    main(Path(sys.argv[1]), Path(sys.argv[2]))
