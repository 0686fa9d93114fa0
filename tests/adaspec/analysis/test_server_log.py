"""Logs as engines write them, read back to what made them; and held against a run."""

from __future__ import annotations

import json

import pytest

from adaspec import AdaspecError, figures, runs
from adaspec.analysis import planner, server_log
from adaspec.analysis.server_log import ServerLog
from adaspec.runs import Run

EXAMPLE = Run(runs.EXAMPLES["example"])

COUNTERS = """\
# HELP vllm:spec_decode_num_drafts_total Number of spec decoding drafts.
# TYPE vllm:spec_decode_num_drafts_total counter
vllm:spec_decode_num_drafts_total{engine="0",model_name="a} b"} 60.0
vllm:spec_decode_num_drafts_total{engine="1",model_name="a} b"} 40.0
vllm:spec_decode_num_drafts_created{engine="0",model_name="a} b"} 1.764e+09
vllm:spec_decode_num_draft_tokens_total{engine="0",model_name="a} b"} 300.0
vllm:spec_decode_num_accepted_tokens_total{engine="0",model_name="a} b"} 165.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="a} b",position="0"} 50.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="1",model_name="a} b",position="0"} 30.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="a} b",position="1"} 55.0
vllm:spec_decode_num_accepted_tokens_per_pos_total{engine="0",model_name="a} b",position="2"} 30.0
vllm:prompt_tokens_total{engine="0"} 12.0
"""
VLLM_LINES = """\
INFO 11-27 [metrics.py:96] SpecDecoding metrics: Mean acceptance length: 2.65, Accepted \
throughput: 16.50 tokens/s, Drafted throughput: 30.00 tokens/s, Accepted: 165 tokens, Drafted: \
300 tokens, Per-position acceptance rate: 0.800, 0.550, 0.300, Avg Draft acceptance rate: 55.0%
INFO 11-27 [metrics.py:96] SpecDecoding metrics: Mean acceptance length: 1.40, Accepted \
throughput: 4.00 tokens/s, Drafted throughput: 30.00 tokens/s, Accepted: 40 tokens, Drafted: \
300 tokens, Per-position acceptance rate: 0.400, 0.000, 0.000, Avg Draft acceptance rate: 13.3%
"""
RESPONSE = {
    "choices": [],
    "metrics": {
        "speculative_decoding": {
            "mean_acceptance_length": 1.2325581395348837,
            "draft_acceptance_rate": 0.07751937984496124,
            "acceptance_histogram": [39, 1, 0, 3],
            "num_spec_steps": 43,
            "num_accepted_draft_tokens": 10,
            "num_draft_tokens": 129,
            "num_spec_tokens": 3,
            "per_step_accepted": [0] * 43,
        }
    },
}
SGLANG = """\
[2026-11-27 08:00:00] Decode batch, #running-req: 1, #token: 100, token usage: 0.01, accept len: \
3.00, accept rate: 0.67, cuda graph: True, gen throughput (token/s): 100.0, #queue-req: 0
[2026-11-27 08:00:01] Decode batch. #running-req: 3, #token: 100, token usage: 0.01, accept len: \
2.00, cuda graph: True, gen throughput (token/s): 100.0, #queue-req: 0,
"""
LLAMA_OLD = """\
slot print_timing: id  0 | task 0 |
draft acceptance rate = 0.57576 (  171 accepted /   297 generated)
draft acceptance rate = 0.50000 (   50 accepted /   100 generated)
"""
LLAMA = """\
0.06.896.015 I slot print_timing: id  1 | task 0 | draft acceptance = 0.64479 (  167 accepted /   \
259 generated), mean len =  2.92
4.01.806.856 I slot print_timing: id  0 | task 0 | draft acceptance = 0.65959 ( 5995 accepted /  \
9089 generated), mean len =  4.30
"""
STATISTICS = """\
0.06.896.057 I statistics     draft-simple: #calls(b,g,a) =    1     50     50, #gen drafts =     \
50, #acc drafts =    30, #gen tokens =    150, #acc tokens =   90, dur(b,g,a) = 0.005, 32.5, 0.1 ms
0.06.896.057 I statistics     draft-simple: #calls(b,g,a) =    1     87     87, #gen drafts =     \
87, #acc drafts =    70, #gen tokens =    259, #acc tokens =   167, #mean acc len = 2.92, #acc \
rate/pos = (0.805, 0.632, 0.483), dur(b,g,a) = 0.005, 325.555, 0.114 ms
"""
TIMINGS = {"timings": {"predicted_n": 200, "draft_n": 347, "draft_n_accepted": 65}}


@pytest.mark.parametrize(
    ("text", "log"),
    [
        (
            COUNTERS,
            ServerLog(
                engine="vLLM",
                rounds=100,
                drafted=300,
                accepted=165,
                tokens=2.65,
                reached=[0.8, 0.55, 0.3],
            ),
        ),
        (
            VLLM_LINES,
            ServerLog(
                engine="vLLM", drafted=600, accepted=205, tokens=2.025, reached=[0.6, 0.275, 0.15]
            ),
        ),
        (
            json.dumps(RESPONSE, indent=1),
            ServerLog(
                engine="vLLM",
                rounds=43,
                drafted=129,
                accepted=10,
                tokens=1 + 10 / 43,
                reached=[4 / 43, 3 / 43, 3 / 43],
            ),
        ),
        (
            f"{json.dumps(RESPONSE)}\n{json.dumps(RESPONSE)}\n",
            ServerLog(
                engine="vLLM",
                rounds=86,
                drafted=258,
                accepted=20,
                tokens=1 + 10 / 43,
                reached=[4 / 43, 3 / 43, 3 / 43],
            ),
        ),
        (SGLANG, ServerLog(engine="SGLang", tokens=2.25)),
        ("sglang:spec_accept_length{name=\"m\"} 2.5\n", ServerLog(engine="SGLang", tokens=2.5)),
        (LLAMA_OLD, ServerLog(engine="llama.cpp", drafted=397, accepted=221)),
        (
            LLAMA,
            ServerLog(
                engine="llama.cpp",
                rounds=167 / 1.92 + 5995 / 3.3,
                drafted=9348,
                accepted=6162,
                tokens=1 + 6162 / (167 / 1.92 + 5995 / 3.3),
            ),
        ),
        (
            LLAMA + STATISTICS,
            ServerLog(
                engine="llama.cpp",
                rounds=87,
                drafted=259,
                accepted=167,
                tokens=1 + 167 / 87,
                reached=[0.805, 0.632, 0.483],
            ),
        ),
        (json.dumps([TIMINGS, TIMINGS]), ServerLog(engine="llama.cpp", drafted=694, accepted=130)),
    ],
)  # fmt: skip
def test_every_engines_log_is_read(text: str, log: ServerLog) -> None:
    read = server_log.parse(text)
    numbers, expected = read.model_dump(), log.model_dump()
    assert numbers.pop("engine") == expected.pop("engine")
    assert numbers.pop("reached") == pytest.approx(expected.pop("reached"))
    assert numbers == pytest.approx(expected)


NAMES = [f"vllm:spec_decode_num_{name}_total" for name in ("drafts", "draft_tokens")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Nothing about a draft was found"),
        ("hello " * 1000, "Nothing about a draft was found"),
        (COUNTERS.replace("_drafts_total", "_x_total"), "num_drafts_total is missing"),
        (COUNTERS.replace('position="1"', 'position="7"'), "per position are not complete"),
        (COUNTERS.replace('position="1"', 'place="1"'), "names no position"),
        (COUNTERS.replace("} 55.0", "} 54.0"), "add up to 164, not to the 165"),
        (COUNTERS.replace("} 60.0", "} x"), "'x' where a number"),
        (COUNTERS.replace("} 60.0", "} NaN"), "'NaN' where a number"),
        (COUNTERS.replace("} 60.0", "} -1"), "'-1' where a number"),
        (COUNTERS.replace("} 300.0", "} 100.0"), "165 accepted of 100 drafted"),
        (COUNTERS.replace("} 60.0", "} 1").replace("} 40.0", "} 1"), "says what cannot be"),
        ("\n".join(f"{name} 0" for name in [*NAMES, NAMES[0].replace("drafts", "accepted_tokens")]),
         "drafted nothing yet"),
        (VLLM_LINES.replace("0.400, 0.000, 0.000", "0.400"), "different draft lengths"),
        (VLLM_LINES.replace("0.300,", "0.900,"), "lines are missing, or of two servers"),
        ("draft acceptance rate = 2.0 (  4 accepted /   2 generated)", "4 accepted of 2 drafted"),
        ("{" * 100_000, "no JSON"),
        ("[" * 100_000, "Nothing about a draft"),
        ("[{" * 100_000, "no JSON"),
        ('{"metrics": {"speculative_decoding": {"acceptance_histogram": [1]}}}', "num_draft_t"),
        ('{"metrics": {"speculative_decoding": 7}}', "says what cannot be"),
        ('{"timings": {"draft_n": "x", "draft_n_accepted": 1}}', "draft_n"),
        ("x" * (server_log.LARGEST + 1), "may have 4 MB"),
    ],
    ids=range(22),
)  # fmt: skip
def test_what_is_no_log_is_refused_in_a_line(text: str, reason: str) -> None:
    with pytest.raises(AdaspecError, match=reason) as refused:
        server_log.parse(text)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_log_of_what_the_run_predicts_agrees(finished_run: Run) -> None:
    report = runs.read_report(finished_run)
    names = list(planner.acceptances(report, "stock"))
    for name in names[1:]:
        content = planner.plan(finished_run, "stock", name)
        reached = content.acceptance.reached(3)
        log = ServerLog(engine="vLLM", rounds=1000, tokens=1 + sum(reached), reached=reached)
        held = server_log.hold(log, content, report)
        assert held.gamma == 3
        assert held.alpha == pytest.approx(content.acceptance.alpha)
        assert held.predictions[0].reached == pytest.approx(reached)
        assert len(held.predictions) == (4 if content.acceptance.setting == "temperature 1" else 3)
        assert held.says[1].startswith("They agree")
        assert len(held.says) == 2


def test_a_gap_is_explained(finished_run: Run) -> None:
    """The log of a server that drafts greedily, held against exact sampling."""
    report = runs.read_report(finished_run)
    values = {"sampling": 0.8, "greedy_drafting": 0.6, "exact_match": 0.3}
    served = [
        rate.model_copy(update={"value": values[rate.rule]}) for rate in report.served["stock"]
    ]
    report = report.model_copy(update={"served": {"stock": served}})
    known = planner.acceptances(report, "stock")
    content = planner.plan(finished_run, "stock").model_copy(
        update={"acceptance": known["exact sampling, temperature 1"]}
    )
    log = ServerLog(engine="vLLM", tokens=1 + 0.6 + 0.36, reached=[0.6, 0.36])
    first, rule, positions, *more = server_log.hold(log, content, report).says
    assert first.startswith("vLLM has 1.96 tokens a pass at γ = 2 (α = 0.600); exact sampling, te")
    assert first.endswith("predicts 2.44 (α = 0.800): -20%.")
    assert rule.startswith("Rule: greedy drafting, temperature 1 predicts α = 0.600, which is near")
    assert "vLLM accepts by greedy drafting unless it is told otherwise (0.32)" in rule
    assert positions.startswith("Positions: the first proposal already differs, 0.600 against 0.80")
    assert [each.partition(":")[0] for each in more] == ["Counting", "Processors", "Texts"]
    late = log.model_copy(update={"reached": [0.8, 0.16]})
    held = server_log.hold(late, content, report)
    assert "the first proposal is as predicted" in held.says[2]
    chart = figures.of_log(held)
    assert chart is not None
    assert "vLLM's log, proposal 2: 0.160" in figures.specification(chart)["description"]


def test_a_log_without_positions_takes_the_draft_length_that_is_given() -> None:
    report = runs.read_report(EXAMPLE)
    content = planner.plan(EXAMPLE, "adaspec")
    log = server_log.parse(LLAMA_OLD)
    held = server_log.hold(log, content, report, 6)
    assert held.tokens == pytest.approx(1 + 6 * 221 / 397)
    assert figures.of_log(held) is None
    with pytest.raises(AdaspecError, match="more than γ \\+ 1 = 2: give the server's draft length"):
        server_log.hold(server_log.parse(SGLANG), content, report, 1)
