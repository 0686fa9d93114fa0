"""What a server says of its draft, read from what people paste: vLLM's counters, log lines and
responses, SGLang's and llama.cpp's log lines and responses. And what the run had predicted.

Formats as in vLLM's vllm/v1/spec_decode/metrics.py (016a858) and acceptance_metrics.md (02cf515),
SGLang's scheduler metrics ("Decode batch ... accept len"), llama.cpp's tools/server (both "draft
acceptance rate = ", until 2026, and "draft acceptance = ") and its `timings`. Loads no torch.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from adaspec import AdaspecError
from adaspec.analysis.engines import ENGINES
from adaspec.analysis.planner import Acceptance, Plan, acceptances
from adaspec.analysis.serving import WORDS
from adaspec.runs import Report
from adaspec.runs.contract import Part
from adaspec.runs.report import Share
from adaspec.speculation import statistics

LARGEST = 4_000_000  # bytes of a log that is read
NEAR = 0.02  # of alpha: a difference that is not worth an explanation
WHAT = (
    "Paste lines with vllm:spec_decode_ of /metrics, vLLM's SpecDecoding metrics lines, SGLang's "
    "Decode batch lines with accept len, llama.cpp's draft acceptance lines, or responses as JSON."
)

Amount = Annotated[float, Field(ge=0, le=2**53)]


class ServerLog(Part):
    """What a server counted.

    Attributes:
        engine: one of `ENGINES`.
        rounds: passes of the target that tested proposals; None where the log does not say.
        drafted, accepted: proposals.
        tokens: of the text a pass, the target's own with them.
        reached: P_i, the share of rounds that accepted at least i proposals; empty where the log
            does not say.
    """

    engine: str
    rounds: Amount | None = None
    drafted: Amount | None = None
    accepted: Amount | None = None
    tokens: Annotated[float, Field(ge=1, le=65)] | None = None
    reached: list[Share] = Field([], max_length=64)


class Prediction(Part):
    """What the run predicts for the log's draft length."""

    name: str
    alpha: Share
    tokens: float
    reached: list[Share]


class Held(Part):
    """A log held against a plan.

    Attributes:
        gamma: the log's draft length, or where it does not say, the one that was assumed.
        alpha: that gives the log's tokens a pass at this draft length, were acceptances
            independent; None where no alpha does.
        tokens: a pass, by the log.
        predictions: the plan's acceptance first, then the other rules of its setting.
        says: how they compare, and what could explain a gap; sentences.
    """

    log: ServerLog
    gamma: int
    alpha: Share | None
    tokens: float
    predictions: list[Prediction]
    says: list[str]


# Reading


def read(path: Path) -> ServerLog:
    """The log in a file.

    Raises:
        AdaspecError: it is too large, or no log.
        OSError: it cannot be read.
    """
    if not path.is_file():
        raise AdaspecError(f"There is no file {path}.")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    return parse(content.decode("utf-8", "replace"))


def parse(text: str) -> ServerLog:
    """What a log says.

    Raises:
        AdaspecError: it is too long, says nothing of a draft, or contradicts itself.
    """
    if len(text) > LARGEST:
        raise AdaspecError(
            f"A log may have {LARGEST // 1_000_000} MB: give the lines about the draft alone."
        )
    try:
        for reader in (_responses, _vllm_counters, _vllm_lines, _sglang, _llama):
            if log := reader(text):
                return _consistent(log)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise AdaspecError(f"The log says what cannot be: {where}: {first['msg']}.") from None
    raise AdaspecError(f"Nothing about a draft was found. {WHAT}")


def _consistent(log: ServerLog) -> ServerLog:
    if log.accepted is not None and log.drafted is not None and log.accepted > log.drafted:
        raise AdaspecError(
            f"The log has {log.accepted:.0f} accepted of {log.drafted:.0f} drafted tokens: lines "
            "are missing, or of two servers."
        )
    if log.drafted == 0 or log.rounds == 0:
        raise AdaspecError("The server has drafted nothing yet: send it requests, then look again.")
    if any(later > earlier for earlier, later in pairwise(log.reached)):
        raise AdaspecError(
            "The log has more rounds that accept the later proposals than the earlier ones: lines "
            "are missing, or of two servers."
        )
    return log


_COUNTER = re.compile(r"^vllm:spec_decode_num_(\w+?)(?:_total)?(?:\{(.*)\})?\s+(\S+)", re.M)
_POSITION = re.compile(r'(?:^|,)position="(\d{1,2})"')


def _vllm_counters(text: str) -> ServerLog | None:
    """The Prometheus text of /metrics; engines of one server are added up."""
    sums: dict[str, float] = {}
    places: dict[int, float] = {}
    for name, labels, value in _COUNTER.findall(text):
        if name.endswith("_created"):  # when counting began
            continue
        amount = _number(value)
        if name == "accepted_tokens_per_pos":
            position = _POSITION.search(labels)
            if not position:
                raise AdaspecError("A counter of vLLM's per position names no position.")
            place = int(position[1])
            places[place] = places.get(place, 0.0) + amount
        else:
            sums[name] = sums.get(name, 0.0) + amount
    if not sums and not places:
        return None
    missing = [f"vllm:spec_decode_num_{name}_total" for name in _NEEDED if name not in sums]
    if missing:
        raise AdaspecError(f"vLLM's counters are not complete: {missing[0]} is missing.")
    rounds, drafted, accepted = (sums[name] for name in _NEEDED)
    if places and sorted(places) != list(range(len(places))):
        raise AdaspecError("vLLM's counters per position are not complete: one is missing.")
    if places and round(sum(places.values())) != round(accepted):
        raise AdaspecError(
            f"vLLM's counters per position add up to {sum(places.values()):.0f}, not to the "
            f"{accepted:.0f} tokens accepted: they are not of one moment."
        )
    if not rounds:
        raise AdaspecError("The server has drafted nothing yet: send it requests, then look again.")
    return ServerLog(
        engine="vLLM",
        rounds=rounds,
        drafted=drafted,
        accepted=accepted,
        tokens=1 + accepted / rounds,
        reached=[places[place] / rounds for place in sorted(places)],
    )


_NEEDED = ("drafts", "draft_tokens", "accepted_tokens")


def _vllm_lines(text: str) -> ServerLog | None:
    """`SpecDecoding metrics: ...`, a line an interval: weighted by what each drafted."""
    lines = re.findall(
        r"SpecDecoding metrics: Mean acceptance length: ([\d.]+).*?Accepted: (\d+) tokens, "
        r"Drafted: (\d+) tokens, Per-position acceptance rate: ([\d., ]+?), Avg",
        text,
    )
    if not lines:
        return None
    shares = [[_number(part) for part in rates.split(", ")] for *_, rates in lines]
    if len({len(each) for each in shares}) > 1:
        raise AdaspecError("The log's lines have different draft lengths: give those of one alone.")
    drafted = [_number(line[2]) for line in lines]
    accepted = sum(_number(line[1]) for line in lines)
    total = sum(drafted)
    if not total:
        raise AdaspecError("The server has drafted nothing yet: send it requests, then look again.")
    reached = [
        sum(weight * each[place] for weight, each in zip(drafted, shares, strict=True)) / total
        for place in range(len(shares[0]))
    ]
    lengths = [_number(line[0]) for line in lines]
    return ServerLog(
        engine="vLLM",
        drafted=total,
        accepted=accepted,
        tokens=sum(weight * each for weight, each in zip(drafted, lengths, strict=True)) / total,
        reached=reached,
    )


def _sglang(text: str) -> ServerLog | None:
    """`Decode batch ... #running-req: N ... accept len: L`: weighted by the requests."""
    lines = re.findall(r"Decode batch.*?#running-req: (\d+).*?accept len: ([\d.]+)", text)
    gauges = re.findall(r"^sglang:spec_accept_length(?:\{.*\})?\s+(\S+)", text, re.M)
    pairs = [(_number(requests), _number(length)) for requests, length in lines]
    pairs = pairs or [(1.0, _number(length)) for length in gauges]
    pairs = [(requests, length) for requests, length in pairs if requests and length]
    if not pairs:
        return None
    weights = sum(requests for requests, _ in pairs)
    tokens = sum(requests * length for requests, length in pairs) / weights
    return ServerLog(engine="SGLang", tokens=tokens)


_ACCEPTANCE = re.compile(
    r"draft acceptance(?: rate)? = [\d.]+ \(\s*(\d+) accepted /\s*(\d+) generated\)"
    r"(?:, mean (?:acceptance length|len) =\s*([\d.]+))?"
)
_STATISTICS = re.compile(
    r"statistics\s+(draft[\w-]*): .*#gen drafts =\s*(\d+),.*#gen tokens =\s*(\d+), "
    r"#acc tokens =\s*(\d+)(?:.*#acc rate/pos = \(([\d., ]+)\))?"
)


def _llama(text: str) -> ServerLog | None:
    """`statistics draft-simple`, which goes on from request to request: the last one. Before there
    were any, the lines of each request, added up.
    """
    if found := _STATISTICS.findall(text):
        _, rounds, drafted, accepted, rates = found[-1]
        count = _number(rounds)
        return ServerLog(
            engine="llama.cpp",
            rounds=count,
            drafted=_number(drafted),
            accepted=_number(accepted),
            tokens=1 + _number(accepted) / count if count else None,
            reached=[_number(part) for part in rates.split(", ")] if rates else [],
        )
    lines = _ACCEPTANCE.findall(text)
    if not lines:
        return None
    accepted = sum(_number(line[0]) for line in lines)
    # a round accepts mean - 1 proposals
    known = [(_number(line[0]), _number(line[2]) - 1) for line in lines if line[2]]
    rounds = sum(amount / mean for amount, mean in known if mean > 0)
    whole = len(known) == len(lines) and all(mean > 0 for _, mean in known)
    return ServerLog(
        engine="llama.cpp",
        rounds=rounds if whole else None,
        drafted=sum(_number(line[1]) for line in lines),
        accepted=accepted,
        tokens=1 + accepted / rounds if whole else None,
    )


class _Speculative(BaseModel):
    """vLLM's `metrics.speculative_decoding` of one response; it has more."""

    acceptance_histogram: list[Annotated[int, Field(ge=0, le=2**53)]] = Field(max_length=65)
    num_draft_tokens: Amount


class _Timings(BaseModel):
    """llama.cpp's `timings` of one response; it has more."""

    draft_n: Amount
    draft_n_accepted: Amount


def _responses(text: str) -> ServerLog | None:
    """Responses as JSON, one or one a line: vLLM's with its metrics, llama.cpp's with timings."""
    if not re.match(r"\s*(?:\{|\[\s*\{)", text):
        return None
    responses = list(_objects(text))
    speculative = [
        _Speculative.model_validate(metrics["speculative_decoding"])
        for response in responses
        if isinstance(metrics := response.get("metrics"), dict)
        and metrics.get("speculative_decoding")
    ]
    if speculative:
        longest = max(len(each.acceptance_histogram) for each in speculative)
        lengths = [0] * longest
        for each in speculative:
            for accepted, rounds in enumerate(each.acceptance_histogram):
                lengths[accepted] += rounds
        total = sum(lengths)
        accepted = sum(number * rounds for number, rounds in enumerate(lengths))
        return ServerLog(
            engine="vLLM",
            rounds=total,
            drafted=sum(each.num_draft_tokens for each in speculative),
            accepted=accepted,
            tokens=1 + accepted / total if total else None,
            reached=[sum(lengths[place:]) / max(total, 1) for place in range(1, longest)],
        )
    timings = [
        _Timings.model_validate(response["timings"])
        for response in responses
        if isinstance(response.get("timings"), dict) and "draft_n" in response["timings"]
    ]
    if timings:
        return ServerLog(
            engine="llama.cpp",
            drafted=sum(each.draft_n for each in timings),
            accepted=sum(each.draft_n_accepted for each in timings),
        )
    return None


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a text: the whole is one or a list of them, or each line is one."""
    try:
        content = json.loads(text)
    except (RecursionError, ValueError):
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            content = [json.loads(line) for line in lines]
        except (RecursionError, ValueError) as error:
            raise AdaspecError(f"The responses are no JSON: {str(error)[:100]}.") from None
    for each in content if isinstance(content, list) else [content]:
        if isinstance(each, dict):
            yield each


def _number(text: str) -> float:
    """A count or share.

    Raises:
        AdaspecError: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 2**53:
        raise AdaspecError(f"The log has {text[:40]!r} where a number should be.")
    return value


# Against the run


def hold(log: ServerLog, content: Plan, report: Report, gamma: int | None = None) -> Held:
    """A log held against what the run predicts of its draft.

    Args:
        gamma: the server's draft length, where the log does not say it; by default the report's.

    Raises:
        AdaspecError: the log does not say how much a round accepts, or more than its draft length.
    """
    length = len(log.reached) or gamma or report.speculation.gamma
    if log.tokens is not None:
        tokens = log.tokens
    elif log.accepted is not None and log.drafted:
        tokens = 1 + length * log.accepted / log.drafted
    else:
        raise AdaspecError("The log does not say how much of a round is accepted.")
    if tokens > length + 1 + 0.01:
        raise AdaspecError(
            f"The log has {tokens:.2f} tokens a pass, more than γ + 1 = {length + 1}: give the "
            "server's draft length, --gamma."
        )
    alpha = statistics.break_even(length, 0.0, min(tokens, length + 1))
    chosen = content.acceptance
    others = [
        each
        for name, each in acceptances(report, content.draft).items()
        if name != chosen.name and (not chosen.setting or each.setting == chosen.setting)
    ]
    predictions = [_prediction(each, length) for each in [chosen, *others]]
    return Held(
        log=log,
        gamma=length,
        alpha=alpha,
        tokens=tokens,
        predictions=predictions,
        says=list(_explained(log, length, tokens, alpha, [chosen, *others])),
    )


def _prediction(acceptance: Acceptance, gamma: int) -> Prediction:
    reached = acceptance.reached(gamma)
    return Prediction(
        name=acceptance.name, alpha=acceptance.alpha, tokens=1 + sum(reached), reached=reached
    )


def _explained(
    log: ServerLog, gamma: int, tokens: float, alpha: float | None, known: list[Acceptance]
) -> Iterator[str]:
    chosen, *others = known
    expected = 1 + sum(chosen.reached(gamma))
    yield (
        f"{log.engine} has {tokens:.2f} tokens a pass at γ = {gamma}"
        f"{f' (α = {alpha:.3f})' if alpha is not None else ''}; {chosen.name} predicts "
        f"{expected:.2f} (α = {chosen.alpha:.3f}): {tokens / expected - 1:+.0%}."
    )
    if alpha is None or abs(_alpha(chosen, gamma) - alpha) <= NEAR:
        yield "They agree as far as a log and a few prompts can."
        return

    def apart(acceptance: Acceptance) -> float:
        return abs(_alpha(acceptance, gamma) - alpha)

    nearest = min(others, key=apart, default=chosen)
    engine = ENGINES[log.engine]
    if apart(nearest) < apart(chosen):
        yield (
            f"Rule: {nearest.name} predicts α = {nearest.alpha:.3f}, which is nearer. "
            f"{engine.name} accepts by {WORDS[engine.rule]} unless it is told otherwise "
            f"({engine.version})."
        )
    if log.reached:
        counted, predicted = log.reached[0], chosen.by_position(1)[0]
        if abs(counted - predicted) > NEAR:
            yield (
                f"Positions: the first proposal already differs, {counted:.3f} against "
                f"{predicted:.3f}: look at rule, settings and texts, not at the draft length."
            )
        else:
            yield (
                "Positions: the first proposal is as predicted and the later ones are not: rounds "
                "that a text's end, max_tokens or a grammar cuts short, or a context that grows."
            )
    yield (
        "Counting: engines differ in whether the first token, which the prompt's own pass gives, "
        "and an accepted end of text are counted; in short answers that shows."
    )
    yield (
        "Processors: where a request names no settings, temperature, top-k, top-p and penalties "
        "may come from the target's generation_config.json; penalties change p and not q."
    )
    yield (
        "Texts: prompts that are longer than the run's, other tasks, a chat template or system "
        "prompt before them, or precision (a quantised target or draft)."
    )


def _alpha(acceptance: Acceptance, gamma: int) -> float:
    """The one alpha for all positions that gives as many tokens a pass."""
    tokens = 1 + sum(acceptance.reached(gamma))
    return statistics.break_even(gamma, 0.0, min(tokens, gamma + 1)) or 0.0
