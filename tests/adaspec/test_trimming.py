"""Drafts with a trimmed vocabulary: their head, what they are trained on, and runs with them."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from adaspec import (
    AdaspecError,
    checkpoints,
    cli,
    export,
    measurement,
    models,
    pipeline,
    recipe,
    runs,
)
from adaspec.analysis import compute
from adaspec.analysis.comparison import compare
from adaspec.analysis.drafts import Entry
from adaspec.data import Example
from adaspec.divergence import (
    KL,
    NEVER,
    OBJECTIVES,
    Rows,
    backward_objective,
    blend,
    forward_kl,
    kl_rows,
    left_out,
    measure_rows,
    overlap,
    tiles,
    token_rows,
)
from adaspec.inference import open_run, read_text
from adaspec.models import NEW, Opened
from adaspec.recipe import Decoding, ModelSpec
from adaspec.run_models import for_browsers
from adaspec.runs.draft_vocabulary import (
    DRAFT_VOCABULARY,
    DRAFT_VOCABULARY_FILE,
    LEFT_OUT,
    DraftVocabulary,
)
from adaspec.speculation.decoding import speculate
from adaspec.trimming import TrimmedHead, most_frequent, trim

CPU = torch.device("cpu")
IDS = [0, 2, 3, 7, 10]
KEPT = torch.tensor(IDS)
WIDTH = 11


def vocabulary(ids: list[int], of: int) -> DraftVocabulary:
    return DraftVocabulary(ids=ids, of=of, counted=1, inside=1)


# Which ids


@given(
    texts=st.lists(st.lists(st.integers(0, 11), min_size=1, max_size=9), min_size=1, max_size=5),
    count=st.integers(1, 10),
)
def test_the_most_frequent_ids_one_after_the_other(texts: list[list[int]], count: int) -> None:
    """By count, then by id; the end always; ids that are not shared never."""
    counts = Counter(token for text in texts for token in text)
    ranked = sorted(range(10), key=lambda i: (i != 6, -counts[i], i))[:count]
    examples = [Example(np.array(text), 1) for text in texts]
    ours = most_frequent(examples, count, vocabulary=10, eos=6, where="draft")
    assert ours.ids == sorted(ranked)
    assert (ours.of, ours.counted) == (10, sum(counts.values()))
    assert ours.inside == sum(counts[i] for i in ranked)


def test_more_ids_than_there_are() -> None:
    with pytest.raises(AdaspecError, match=r"^draft\.vocabulary=11: target and draft share 10 "):
        most_frequent([Example(np.array([1]), 0)], 11, vocabulary=10, eos=0, where="draft")


@pytest.mark.parametrize("ids", [[], [3, 3], [4, 2], [1, 12]])
def test_a_damaged_file_is_refused(ids: list[int], tmp_path: Path) -> None:
    content = {"version": 1, "ids": ids, "of": 12, "counted": 1, "inside": 1}
    (tmp_path / "a.json").write_text(json.dumps(content))
    with pytest.raises(AdaspecError, match="is damaged"):
        DRAFT_VOCABULARY.read(tmp_path / "a.json")


# The head


@pytest.mark.parametrize("tied", [True, False])
def test_its_logits_are_the_whole_heads_at_its_ids_and_nothing_elsewhere(
    tied: bool, small_models: Path, tmp_path: Path
) -> None:
    """Also after it was saved; and it is no longer the embedding."""
    whole = models.load_weights(small_models / "stock", CPU)
    trimmed = copy.deepcopy(whole)
    if not tied:
        trimmed.config.tie_word_embeddings = False
        trimmed.lm_head.weight = torch.nn.Parameter(trimmed.lm_head.weight.clone())
    trim(trimmed, vocabulary(IDS, 300))
    models.save_weights(trimmed, tmp_path / "saved")
    loaded = models.load_weights(tmp_path / "saved", CPU)
    ids = torch.arange(9)[None]
    expected = torch.full((9, 300), -torch.inf)
    expected[:, KEPT] = whole(input_ids=ids).logits[0][:, KEPT]
    hidden = whole.base_model(input_ids=ids).last_hidden_state[0]
    for model in (trimmed, loaded):
        torch.testing.assert_close(model(input_ids=ids).logits[0], expected)
        torch.testing.assert_close(models.head(model)(hidden), expected)
        torch.testing.assert_close(models.head(model, 8)(hidden), expected[:, :8])
        assert models.width(model) == 300
        assert models.parameters(model) == models.parameters(whole) + len(IDS) * 16
    assert models.weights_hash(loaded) == models.weights_hash(trimmed)
    assert models.draft_vocabulary(loaded) == models.draft_vocabulary(trimmed)
    assert models.draft_vocabulary(whole) is None


def test_a_checkpoint_brings_a_trimmed_draft_back(small_models: Path, tmp_path: Path) -> None:
    whole = models.load_weights(small_models / "stock", CPU)
    drafts = [trim(copy.deepcopy(whole), vocabulary(IDS, 300)) for _ in range(2)]
    optimisers = [torch.optim.AdamW(draft.requires_grad_().parameters()) for draft in drafts]
    drafts[0](input_ids=torch.arange(9)[None]).logits[..., KEPT].sum().backward()
    optimisers[0].step()
    checkpoints.save(tmp_path, drafts[0], optimisers[0], runs.Budget(steps=1))
    assert models.weights_hash(drafts[0]) != models.weights_hash(drafts[1])
    assert checkpoints.resume(tmp_path, drafts[1], optimisers[1]).steps == 1
    assert models.weights_hash(drafts[0]) == models.weights_hash(drafts[1])


def test_a_head_with_a_bias_and_a_soft_cap() -> None:
    config = models.AutoConfig.for_model(
        "gemma2", vocab_size=12, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=4, intermediate_size=8, final_logit_softcapping=3.0,
    )  # fmt: skip
    model = models.AutoModelForCausalLM.from_config(config).eval()
    whole = copy.deepcopy(model)
    trim(model, vocabulary(IDS, 12))
    hidden = 20 * torch.randn(4, 8)
    ours = models.head(model)(hidden)
    torch.testing.assert_close(ours[:, KEPT], models.head(whole)(hidden)[:, KEPT])
    assert (ours.softmax(-1) > 0).sum() == 4 * len(IDS)
    linear = torch.nn.Linear(8, 12)
    head = TrimmedHead(linear, vocabulary(IDS, 12))
    torch.testing.assert_close(head(hidden)[:, KEPT], linear(hidden)[:, KEPT])


def test_what_cannot_be_trimmed_again(small_models: Path, tmp_path: Path) -> None:
    model = trim(models.load_weights(small_models / "stock", CPU), vocabulary(IDS, 300))
    tokenizer = models.open_tokenizer(ModelSpec(source=(str(small_models / "stock"),)), [], "draft")
    models.save_weights(model, tmp_path / "draft")
    tokenizer.save_pretrained(tmp_path / "draft")
    source = (str(tmp_path / "draft"),)
    opened = models.open_model(ModelSpec(source=source), [], 0, "draft")
    assert models.kept_ids(opened.model).tolist() == IDS
    for more in ({"layers": (0,)}, {"vocabulary": 4}):
        with pytest.raises(AdaspecError, match="is trimmed already"):
            models.open_model(ModelSpec(source=source, **more), [], 0, "draft")
    target = Opened(models.load_weights(small_models / "target", CPU), tokenizer, NEW)
    assert models.shared_vocabulary(target, opened) == 300


# What it is trained on and measured by


def pair(rows: int = 9, trained: bool = True) -> tuple[Rows, Rows, Any, torch.Tensor]:
    """p with a whole head, q with a trimmed one, in float32; the draft's head and its input."""
    torch.manual_seed(0)
    target, whole = torch.nn.Linear(8, WIDTH), torch.nn.Linear(6, WIDTH)
    with torch.no_grad():
        for layer in (target, whole):
            layer.weight.mul_(4)
    head = TrimmedHead(whole, vocabulary(IDS, WIDTH))
    hidden = torch.randn(rows, 6, requires_grad=trained)
    p = Rows(torch.randn(rows, 8), target, WIDTH, target)
    return p, Rows(hidden * 1, head, WIDTH, head, head.kept), head, hidden


def in_float64(p: Rows, head: Any, hidden: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """log p over all ids; log q over the kept ones, and what it is a function of."""
    linear, ours = copy.deepcopy(p.linear).double(), hidden.detach().double().requires_grad_()
    weight = head.weight.detach().double().requires_grad_()
    bias = head.bias.detach().double().requires_grad_()
    logq = (ours @ weight.T + bias).log_softmax(-1)
    return linear(p.hidden.double()).log_softmax(-1).detach(), logq, ours, weight, bias


@pytest.mark.parametrize("name", [*OBJECTIVES, "blend"])
@pytest.mark.parametrize("linear", [True, False])
def test_the_objective_is_that_of_p_renormalised_in_float64(name: str, linear: bool) -> None:
    """Values and gradients, of KL by tiles too: D(p over what q proposes, q)."""
    p, q, head, hidden = pair()
    if not linear:
        p, q = p._replace(linear=None), q._replace(linear=None)
    objective = (
        blend("forward_kl", "total_variation", 0.3) if name == "blend" else blend(name, None, 0)
    )
    weights = torch.rand(len(p.hidden))
    logp, logq, *leaves = in_float64(pair()[0], head, hidden)
    tilde = logp.exp()[:, KEPT] / logp.exp()[:, KEPT].sum(-1, keepdim=True)
    expected = objective(tilde.log(), logq)
    (weights.double() * expected).sum().backward()
    for known in ([], [kl_rows(p, q)]):
        hidden.grad = None
        head.zero_grad()
        values = backward_objective(objective, p, q._replace(hidden=hidden * 1), weights, *known)
        torch.testing.assert_close(values.double(), expected.detach(), rtol=1e-5, atol=1e-5)
        for ours, theirs in zip((hidden, head.weight, head.bias), leaves, strict=True):
            torch.testing.assert_close(ours.grad.double(), theirs.grad, rtol=1e-4, atol=1e-5)
    if name == "forward_kl":
        torch.testing.assert_close(measure_rows(KL, p, q), expected.detach().float())
        assert (kl_rows(p, q).normalisers is not None) == linear


def test_the_overlap_is_with_p_itself_in_float64() -> None:
    """beta = sum_x min(p, q), q nothing outside; at most what p gives the kept ids, and reached
    where q is p renormalised."""
    p, q, head, hidden = pair(trained=False)
    logp, logq, *_ = in_float64(p, head, hidden)
    inside = logp.exp()[:, KEPT]
    beta = torch.minimum(inside, logq.exp()).sum(-1).detach()
    torch.testing.assert_close(measure_rows(overlap, p, q), beta.float())
    outside = left_out(p.log_probs(slice(0, 9)), KEPT)
    torch.testing.assert_close(outside, (1 - inside.sum(-1)).float())
    assert (beta <= 1 - outside + 1e-6).all()
    tilde = inside / inside.sum(-1, keepdim=True)
    apart = (tilde - logq.exp()).abs().sum(-1) / 2
    assert (beta >= (1 - outside) * (1 - apart) - 1e-6).all()
    own = TrimmedHead(p.linear, vocabulary(IDS, WIDTH))
    itself = Rows(p.hidden, own, WIDTH, own, own.kept)
    torch.testing.assert_close(measure_rows(overlap, p, itself), 1 - outside)
    assert not tiles(p, q._replace(linear=None))


def test_the_tables_columns() -> None:
    """KL of p renormalised, KL(q || p) exact, ranks behind all that is proposed."""
    p, q, head, hidden = pair(trained=False)
    logp, logq, *_ = in_float64(p, head, hidden)
    tokens = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7, 8])
    columns = {
        name: values.to_pylist() if name.startswith("top") else values
        for name, values in measurement.draft_columns(p, q, tokens).items()
    }
    tilde = logp[:, KEPT].log_softmax(-1)
    kl, reverse = forward_kl(tilde, logq), forward_kl(logq, logp[:, KEPT])
    for name, expected in (("kl", kl), ("reverse_kl", reverse)):
        np.testing.assert_allclose(columns[name].to_numpy(), expected.detach(), rtol=1e-4)
    for i, token in enumerate(tokens.tolist()):
        if token in IDS:
            chance = float(logq.detach()[i, IDS.index(token)].exp())
            assert columns["q"][i].as_py() == pytest.approx(chance, rel=1e-4)
        else:
            assert columns["q"][i].as_py() == 0
            assert columns["rank"][i].as_py() == len(IDS) + 1
        assert set(columns["top"][i]) == set(IDS)
    said = token_rows(p, q, tokens, 5)
    assert all(column.isfinite().all() for column in said if column.is_floating_point())
    assert said.log_q[1] == NEVER


def test_a_trimmed_target_that_drafts_for_itself_is_accepted_as_often_as_it_can(
    small_models: Path,
) -> None:
    """What the null test means here: the target's own draft must have all accepted; trimmed, the
    mass that p gives its ids, exactly."""
    target = models.load_weights(small_models / "target", CPU)
    ids = list(range(0, 300, 3))
    draft = trim(copy.deepcopy(target), vocabulary(ids, 300))
    how = Decoding(gamma=3, max_new_tokens=40)
    trace = speculate(target, draft, [5, 6, 7], how, vocabulary=300, eos=None)
    text, checked = [5, 6, 7], 0
    for turn in trace.rounds:
        for i, proposal in enumerate(turn.proposals[: turn.accepted + 1]):
            read = torch.tensor([[*text, *(each.token for each in turn.proposals[:i])]])
            p = target(input_ids=read).logits[0, -1].softmax(-1)
            assert proposal.overlap == pytest.approx(float(p[ids].sum()), abs=1e-4)
            assert proposal.token in ids
            checked += 1
        text += [each.token for each in turn.proposals[: turn.accepted]]
        text += [turn.last.token] if turn.last else []
    assert checked > 20
    assert not set(trace.text) <= set(ids)


# A run


@pytest.fixture(scope="module")
def trimmed_run(content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> runs.Run:
    """`mini` with a draft of 70 of its 300 ids, beside the stock draft with all of them."""
    home = tmp_path_factory.mktemp("home")
    stages = {
        "draft": {"source": content["draft"], "vocabulary": 70},
        "drafts": {"whole": content["draft"]},
        "stage2": content["stage2"]
        | {
            "methods": {
                "distillspec": {},
                "adaspec": {"selector": "top_delta", "objective": "total_variation"},
                "rho-1": {"selector": "excess_loss", "weight": "confidence"},
            }
        },
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADASPEC_HOME", str(home))
        return pipeline.execute(recipe.parse(content | stages))


def test_a_run_from_its_ids_to_its_report(trimmed_run: runs.Run) -> None:
    report, facts = runs.read_report(trimmed_run), runs.read_state(trimmed_run).facts
    assert facts
    assert facts.draft_vocabulary == 70
    assert facts.formats == dict.fromkeys(["stock"], "a head for 70 of 300 token ids")
    kept = DRAFT_VOCABULARY.read(trimmed_run.model("stock") / DRAFT_VOCABULARY_FILE)
    assert 0 in kept.ids  # the end
    assert kept.inside < kept.counted
    for name in ("reference", "adaspec"):
        folder = trimmed_run.model(name)
        assert DRAFT_VOCABULARY.read(folder / DRAFT_VOCABULARY_FILE) == kept
    left = LEFT_OUT.read(trimmed_run.left_out_file)
    assert set(left.drafts) == {"stock", "reference", "adaspec", "rho-1"}
    most = 1 - sum(left.drafts["stock"].sums) / sum(left.tokens)
    for draft in report.drafts:
        assert draft.alpha.generated <= most or draft.name == "whole"
    (trimmed,) = report.trimmed
    assert trimmed.drafts == ["stock", "reference", "distillspec", "adaspec", "rho-1"]
    assert trimmed.left_out == pytest.approx(1 - most)
    assert "70 of 300 token ids, the most frequent of the training rows. The" in str(trimmed)
    stock, whole = (report.draft(name) for name in ("stock", "whole"))
    assert stock.alpha.generated != whole.alpha.generated


def test_a_comparison_says_where_kls_do_not_compare(trimmed_run: runs.Run) -> None:
    said = [
        [note for note in compare([trimmed_run], drafts).notes if "KL of each is over" in note]
        for drafts in (["stock", "adaspec"], ["stock", "adaspec", "whole"])
    ]
    assert [len(notes) for notes in said] == [0, 1]


def test_its_operations_leave_the_embedding_out(trimmed_run: runs.Run) -> None:
    bill = compute.bill(Entry(trimmed_run, "adaspec", ("adaspec",), "", ""))
    model = models.load_weights(trimmed_run.model("adaspec"), CPU)
    multiplied = models.parameters(model) - model.get_input_embeddings().weight.numel()
    assert bill
    assert {outlay.parameters for outlay in bill.outlays if "its training" in outlay.what} == {
        multiplied
    }


def test_models_that_are_asked_again_say_what_the_tables_say(trimmed_run: runs.Run) -> None:
    asked = open_run(trimmed_run)
    rows = read_text(asked, "Ada has", " 12 apples.", ["stock", "adaspec"])
    ids = set(models.kept_ids(asked.snapshot("adaspec")).tolist())
    assert set(np.ravel(rows.top["adaspec"].id)) <= ids
    assert all(np.isfinite(values).all() for values in rows.columns.values())


def test_engines_and_browsers_get_a_sentence(
    trimmed_run: runs.Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(AdaspecError, match="proposes 70 of 300 token ids, and no engine reads"):
        export.export_draft(trimmed_run, "adaspec", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    copied = runs.Run(tmp_path / "run")
    shutil.copytree(runs.EXAMPLES["example"], copied.path)
    assert "adaspec" in for_browsers(copied)
    DRAFT_VOCABULARY.write(copied.model("adaspec") / DRAFT_VOCABULARY_FILE, vocabulary(IDS, 300))
    with pytest.raises(AdaspecError, match="trimmed vocabulary: only the server runs them"):
        for_browsers(copied)
    argv = ["adaspec", "export", str(trimmed_run.path), "--draft", "adaspec", "--to", "out"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_trimmed_target_is_refused(trimmed_run: runs.Run, content: dict[str, Any]) -> None:
    other = recipe.parse(content | {"target": str(trimmed_run.model("stock"))})
    with pytest.raises(AdaspecError, match="is a draft with a trimmed vocabulary"):
        pipeline.execute(other)
