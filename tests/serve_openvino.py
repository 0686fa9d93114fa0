"""What `tests.serve_check` runs where OpenVINO GenAI is: serves, and compares with predictions.

Knows nothing of adaspec, which is not there.
"""

import json
from pathlib import Path

import numpy as np
import openvino
import openvino_genai

EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}  # else bf16 where it is


def main() -> None:
    draft = openvino_genai.draft_model("draft-openvino", "CPU", **EXACT)
    alone = openvino_genai.LLMPipeline("target-openvino", "CPU", **EXACT)
    both = openvino_genai.LLMPipeline("target-openvino", "CPU", draft_model=draft, **EXACT)
    rows = json.loads(Path("predicted.json").read_text())
    texts = passes = accepted = 0
    for row in rows:
        ids = openvino.Tensor(np.array([row["prompt"]], dtype=np.int64))
        settings = openvino_genai.GenerationConfig(max_new_tokens=row["tokens"])
        plain = alone.generate(ids, settings)
        settings.num_assistant_tokens = row["gamma"]
        served = both.generate(ids, settings)
        counted = served.extended_perf_metrics
        texts += served.tokens[0] == plain.tokens[0] == row["text"]
        passes += len(counted.main_model_metrics.raw_metrics.m_durations) == row["passes"]
        accepted += counted.get_num_accepted_tokens() == row["accepted"]
    print(
        f"OpenVINO GenAI {openvino_genai.__version__}, greedy, gamma {rows[0]['gamma']}: of "
        f"{len(rows)} prompts, the target's own text after {texts}, passes as predicted after "
        f"{passes}, accepted tokens as predicted after {accepted}."
    )
    if not texts == passes == accepted == len(rows):
        raise SystemExit(1)


main()
