"""What the words mean: one text a term, for pages, command line, reports and docs.

`python -m adaspec.glossary` writes it as `docs/glossary.md` and, for components of the pages, as
`browser/shared/glossary.js`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple


class Term(NamedTuple):
    """A word of the field.

    Attributes:
        name: what it is called, everywhere.
        text: what it means, in sentences.
    """

    name: str
    text: str


GROUPS: dict[str, dict[str, Term]] = {
    "Models": {
        "target": Term("target p", "The large model, whose text is wanted: it checks every guess."),
        "draft": Term("draft q", "The small, quick model that guesses the next tokens."),
        "stock": Term("stock draft", "The draft before any distillation."),
        "reference": Term(
            "reference r",
            "A model of the draft's size that was distilled from the target on every token: what a "
            "draft can learn, it has learned.",
        ),
        "rival": Term("rival q′", "A second draft that the first is compared with."),
    },
    "Decoding": {
        "gamma": Term("γ", "Draft length: tokens guessed before each pass of the target."),
        "pass": Term(
            "pass", "One run of the target over a round's guesses: it checks all of them at once."
        ),
        "proposed": Term("proposed", "The draft's guess; the target has not seen it yet."),
        "accepted": Term("accepted", "The target keeps the draft's guess: a token for free."),
        "rejected": Term(
            "rejected", "The target does not keep the guess: everything after it is void."
        ),
        "untested": Term("thrown away", "Guessed after a rejected token: never tested."),
        "residual": Term(
            "replaced",
            "The target's own token in place of the rejected one, drawn from what it gives more "
            "than the draft: max(p − q, 0), scaled to sum to 1.",
        ),
        "bonus": Term(
            "extra", "All guesses were kept: the target's pass gives one more token, drawn from p."
        ),
        "u": Term(
            "u", "The uniform random number of a decision: a guess is accepted if u < min(1, p/q)."
        ),
        "keep": Term(
            "chance of being kept",
            "min(1, q/p): the probability that the draft's guess is accepted, given that this very "
            "token comes.",
        ),
        "temperature": Term(
            "temperature", "Of both models. 0 is greedy: always the likeliest token."
        ),
        "top_k": Term("top-k", "Only the k likeliest tokens of each model; 0: all."),
        "top_p": Term(
            "top-p",
            "Only the smallest set of likeliest tokens of each model that reaches this "
            "probability.",
        ),
        "plain": Term(
            "plain decoding", "The target alone, one token after the other: a pass a token."
        ),
    },
    "Acceptance": {
        "alpha.generated": Term(
            "exact α",
            "The exact acceptance rate: the mean of β over the tokens of continuations that the "
            "target sampled from held-out prompts: at temperature 1, or at the recipe's.",
        ),
        "alpha.generated_ci": Term(
            "95 % interval",
            "A 95 % percentile bootstrap interval of exact α: prompts are resampled.",
        ),
        "alpha.dataset": Term(
            "α data set",
            "The mean of β over the data set's own answers, which the target might never give.",
        ),
        "alpha.tested": Term(
            "tested α",
            "The tested acceptance rate A / (A + R): of the guesses that the target came to test, "
            "the share it accepted (A accepted, R rounds with a rejection). The maximum-likelihood "
            "estimate of α if acceptances were independent.",
        ),
        "alpha.drafted": Term(
            "drafted α",
            "The drafted acceptance rate: of all tokens drafted, the share that was accepted. It "
            "is what servers report, and falls as γ grows.",
        ),
        "block_efficiency": Term(
            "tokens a pass",
            "Block efficiency: tokens of the text per pass of the target. Plain decoding makes 1.",
        ),
        "accepted_lengths": Term(
            "accepted lengths", "Rounds in which exactly 0, 1, … γ guesses were accepted."
        ),
        "accepted_length": Term(
            "EAL",
            "Expected accepted length: how many guesses rounds of γ accept on average, "
            "P₁ + P₂ + … + P_γ. A pass makes one token more.",
        ),
        "positions.passed": Term(
            "passed", "hᵢ: of the i-th guesses that were tested, the share accepted."
        ),
        "positions.reached": Term(
            "reached",
            "Pᵢ = h₁ h₂ … hᵢ: the share of rounds that accept at least i guesses. Rounds that were "
            "cut short by the text's end count as far as they went.",
        ),
        "speedup.measured": Term(
            "speed-up",
            "Wall-clock milliseconds a token of plain decoding, over those of speculative "
            "decoding: the median over the timed prompts, both in one process, turn by turn, batch "
            "1, without the prompt's own pass.",
        ),
        "speedup.gamma": Term(
            "γ of the speed-up", "The draft length at which the speed-up was measured."
        ),
        "speedup.c": Term(
            "cost ratio c",
            "Milliseconds to draft one token over those of one token of plain decoding, medians.",
        ),
        "speedup.v": Term(
            "verification cost v",
            "Milliseconds of the target's pass over γ + 1 tokens over those of one token of plain "
            "decoding, medians.",
        ),
        "speedup.predicted": Term(
            "predicted speed-up",
            "(1 − α^(γ+1)) / (1 − α) / (γ c + v), with tested α: what independent acceptances and "
            "the measured costs would give.",
        ),
        "speedup.break_even_alpha": Term(
            "break-even α",
            "The α at which the predicted speed-up is 1 for this γ. Where there is none, no draft "
            "of this cost can pay.",
        ),
        "speedup.best_gamma": Term(
            "best γ",
            "The γ with the largest predicted speed-up, of those within the timed range; costs "
            "between timed ones are interpolated.",
        ),
    },
    "Servers": {
        "rule.sampling": Term(
            "exact sampling",
            "The draft samples as the target does, and the target accepts with min(1, p/q): the "
            "rate is Σ min(p, q).",
        ),
        "rule.greedy_drafting": Term(
            "greedy drafting",
            "The draft proposes its likeliest token whatever the temperature, and the target "
            "accepts it with its own probability of it.",
        ),
        "rule.exact_match": Term(
            "exact match",
            "Draft and target sample apart, and the guess is kept where both are the same token: "
            "the rate is Σ p q.",
        ),
        "costs": Term(
            "costs of a server",
            "Milliseconds at a batch size: of a pass of the target over one token of each sequence "
            "(plain), of one token drafted, and of a pass over γ + 1 tokens (verification).",
        ),
    },
    "Tokens": {
        "overlap": Term(
            "overlap β",
            "β = Σ min(p, q) over the whole vocabulary: the exact probability that a token drafted "
            "here is accepted, before the token is known.",
        ),
        "kl": Term(
            "KL",
            "KL(p‖q) = Σ p (ln p − ln q) over the whole vocabulary, in nats: how far the draft is "
            "from the target at a token; 0 means equal. Of a text it is the mean over its tokens.",
        ),
        "reverse_kl": Term(
            "reverse KL", "KL(q‖p) in nats a token: large where the draft says what p would not."
        ),
        "delta": Term(
            "ΔL",
            "ΔL = KL(p‖q) − KL(p‖r), in nats: how much better the reference does here than the "
            "draft. AdaSPEC keeps the tokens with the largest ΔL.",
        ),
        "k": Term(
            "k",
            "The filter ratio: the share of the answers' tokens that the draft is trained on, "
            "those with the largest ΔL. 1 is all of them.",
        ),
        "entry": Term("kept from k", "The smallest k at which AdaSPEC keeps this token."),
        "probability": Term("p(token)", "The probability that the model gave to this very token."),
        "rank": Term(
            "rank",
            "The place of this token among all that the model could say: 1 is its likeliest.",
        ),
        "entropy": Term(
            "target entropy", "H(p) = −Σ p ln p, in nats: how unsure the target itself is."
        ),
        "top1": Term(
            "top-1 agreement",
            "The share of tokens where target and draft have the same likeliest token: what greedy "
            "decoding accepts.",
        ),
        "floor": Term(
            "floor",
            "β ≥ 1 − min(√(KL/2), √(1 − exp(−KL))): Pinsker, Bretagnolle and Huber. No token can "
            "lie below it; far above it, KL says little of acceptance.",
        ),
    },
    "Budgets and comparison": {
        "steps": Term("steps", "Optimiser steps of this training."),
        "sequences": Term("sequences", "Sequences that this training read."),
        "selected_tokens": Term("tokens trained", "Response tokens that gave a gradient."),
        "teacher_forwards": Term(
            "teacher forwards",
            "Sequences that a frozen model, target or reference, was asked about; each is computed "
            "once a run where there is room.",
        ),
        "seconds": Term(
            "seconds", "Wall-clock seconds of this training, on the machine that ran it."
        ),
        "budget": Term(
            "budget",
            "What this training alone cost: steps, sequences, tokens trained, teacher forwards and "
            "seconds; and the step whose weights are kept, where it is not the last.",
        ),
        "compute": Term(
            "compute in all",
            "Floating-point operations of everything a draft needed: the target's passes over the "
            "training rows and the answers it wrote for them, the reference where it is needed, "
            "its own training, and a stage 0 that the run did. 2 a parameter and token in a "
            "forward pass, 6 in training, prompts included; attention to earlier tokens, padding, "
            "held-out points and the measurement are left out. What drafts share counts in full "
            "for each.",
        ),
        "seconds_in_all": Term(
            "seconds in all",
            "Wall-clock seconds of everything a draft needed, as far as the run recorded them, on "
            "the machine that ran it.",
        ),
        "frontier": Term(
            "frontier",
            "The drafts that no other is above at as little compute: by what was measured, without "
            "regard to the intervals.",
        ),
        "needs": Term(
            "needs",
            "Other trainings of the run that this draft stands on, with budgets of their own.",
        ),
        "difference": Term(
            "difference",
            "Draft minus baseline on the same prompts, both resampled together, so that what makes "
            "a prompt hard for both cancels.",
        ),
        "verdict": Term(
            "verdict",
            "Ahead or behind where the 95 % interval leaves out 0, else not told apart.",
        ),
        "p_value": Term(
            "p-value",
            "How often chance alone would make a difference at least as large: a t-test over seeds "
            "and prompts, both taken as drawn at random.",
        ),
        "adjusted": Term(
            "adjusted for the number of comparisons",
            "By Holm's procedure, for all drafts compared by the same measure: the chance that any "
            "of them is called ahead or behind where nothing differs is at most 5 %. The interval "
            "is the t-test's at the level that this leaves.",
        ),
        "power": Term(
            "what a design tells",
            "The smallest true difference in exact acceptance that so many seeds and prompts show "
            "in 80 % of the cases, by how much differences varied before.",
        ),
        "agreement": Term(
            "agreement",
            "Tokens of the target's own text by whose likeliest token is the target's: both "
            "drafts', one's alone, or neither's.",
        ),
        "checks": Term(
            "null test",
            "The target drafts for itself: every guess must be accepted, but for rounding.",
        ),
        "business": Term(
            "how busy",
            "Of the machine while speed-ups were measured: load average, CPUs, and the share of "
            "their time that other processes took.",
        ),
        "remarks": Term("remarks", "What to know before this draft is used."),
    },
}
TERMS: dict[str, Term] = {key: term for group in GROUPS.values() for key, term in group.items()}
"""By a short name, which is the report's own where it is a field of the report."""


def means(*names: str) -> dict[str, str]:
    """The texts of some terms, by name."""
    return {name: TERMS[name].text for name in names}


def markdown() -> str:
    """The glossary as a page of the docs."""
    lines = ["# Glossary", "", "The same texts as on the pages and in reports."]
    for group, terms in GROUPS.items():
        lines += ["", f"## {group}", "", "| | |", "|---|---|"]
        lines += [f"| **{term.name}** | {term.text} |" for term in terms.values()]
    lines += ["", "*Made by `make glossary` of `adaspec/glossary.py`.*"]
    return "\n".join(lines) + "\n"


def script() -> str:
    """The glossary as an ES module for the browser."""
    content = {key: term._asdict() for key, term in TERMS.items()}
    return (
        "/** Made by `make glossary` of adaspec/glossary.py. */\n\n"
        f"export const GLOSSARY = {json.dumps(content, ensure_ascii=False, indent=1)};\n"
    )


FILES = {"docs/glossary.md": markdown, "browser/shared/glossary.js": script}
"""What is made of it, below the checkout."""


def write(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
