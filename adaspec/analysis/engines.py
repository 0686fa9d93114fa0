"""Engines that serve with a draft: the rule by which each accepts, and what sets its draft length.

As read from their sources and documentation, at the version that each row names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adaspec.analysis.serving import WORDS
from adaspec.recipe import Sampling
from adaspec.runs.contract import Part
from adaspec.runs.served import Rule

if TYPE_CHECKING:
    from adaspec.analysis.planner import Acceptance


class Engine(Part):
    """An engine.

    Attributes:
        version, source: what it was read from.
        rule: by which it accepts unless it is told otherwise, where it samples.
        command: starts it; GAMMA, LENGTH (gamma + 1), TARGET and DRAFT are to be put in.
        note: what to know before its figures are compared.
    """

    name: str
    version: str
    source: str
    rule: Rule
    command: str
    note: str

    def settings(self, gamma: int, target: str = "TARGET", draft: str = "DRAFT") -> str:
        """What to copy for a draft length."""
        places = {"GAMMA": str(gamma), "LENGTH": str(gamma + 1), "TARGET": target, "DRAFT": draft}
        text = self.command
        for place, value in places.items():
            text = text.replace(place, value)
        return text

    def caution(self, by: Acceptance) -> str:
        """A sentence where a plan is by another rule than the engine's; else empty."""
        if by.rule in (None, self.rule) or by.setting == str(GREEDY):  # all rules are one there
            return ""
        return (
            f"The plan is by {WORDS[by.rule]}, and {self.name} accepts by {WORDS[self.rule]} "
            "unless it is told otherwise: choose that acceptance."
        )


GREEDY = Sampling(temperature=0)
ENGINES = {
    engine.name: engine
    for engine in (
        Engine(
            name="vLLM",
            version="0.32",
            source="vllm/config/speculative.py at 002e77c",
            rule="greedy_drafting",
            command="vllm serve TARGET --speculative-config "
            '\'{"method": "draft_model", "model": "DRAFT", "num_speculative_tokens": GAMMA}\'',
            note='With "draft_sample_method": "probabilistic" it accepts by exact sampling. '
            "Without settings in a request it takes those of the target's generation_config.json.",
        ),
        Engine(
            name="SGLang",
            version="main at 067ad4d",
            source="docs/advanced_features/speculative_decoding.md",
            rule="greedy_drafting",
            command="python -m sglang.launch_server --model TARGET \\\n"
            "  --speculative-algorithm STANDALONE --speculative-draft-model-path DRAFT \\\n"
            "  --speculative-num-steps GAMMA --speculative-eagle-topk 1 "
            "--speculative-num-draft-tokens LENGTH",
            note="With topk 1 a round is a chain, as here; with more it is a tree, which accepts "
            "more and costs more. Its accept len counts the target's own token.",
        ),
        Engine(
            name="llama.cpp",
            version="main at 00dc805",
            source="tools/server/README.md",
            rule="greedy_drafting",
            command="llama-server --model TARGET.gguf --model-draft DRAFT.gguf "
            "--spec-type draft-simple \\\n"
            "  --spec-draft-n-max GAMMA --spec-draft-p-min 0",
            note="Without --spec-type it does not draft. Where --spec-draft-p-min is above 0, as "
            "it was by default before b9950, a round ends when the draft is unsure, and more of "
            "what it drafts is accepted.",
        ),
        Engine(
            name="transformers",
            version="5.23",
            source="generation/configuration_utils.py",
            rule="sampling",
            command="draft.generation_config.num_assistant_tokens = GAMMA\n"
            'draft.generation_config.num_assistant_tokens_schedule = "constant"\n'
            "draft.generation_config.assistant_confidence_threshold = 0.0\n"
            "target.generate(**inputs, assistant_model=draft, do_sample=True)",
            note="By default a round ends where the draft is less than 0.4 sure. One text at a "
            "time.",
        ),
        Engine(
            name="OpenVINO GenAI",
            version="2026.4",
            source="samples/python/text_generation/speculative_decoding_lm.py at 015a993",
            rule="exact_match",
            command='draft = openvino_genai.draft_model("DRAFT", "CPU")\n'
            'pipe = openvino_genai.LLMPipeline("TARGET", "CPU", draft_model=draft)\n'
            "config = openvino_genai.GenerationConfig()\n"
            "config.num_assistant_tokens = GAMMA\n"
            "pipe.generate([prompt], config)",
            note="Where the two tokens differ, the target's is kept. On its stateful backend "
            "this draft length is the first round's, and it adapts.",
        ),
    )
}


def served_by(rule: Rule) -> list[str]:
    """The engines whose default this rule is, with the version that was read."""
    return [
        f"{engine.name} ({engine.version})" for engine in ENGINES.values() if engine.rule == rule
    ]
