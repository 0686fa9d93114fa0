"""The training loop against a plain twin of the published loss, and against itself resumed."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given, settings
from hypothesis import strategies as st

from adaspec import AdaspecError, data, divergence, models, recipe, training
from adaspec.checkpoints import KEEP
from adaspec.recipe import ModelSpec, Optimisation
from adaspec.selection import SELECTORS, Columns, count
from adaspec.steps import activation_bytes, read_step, sequence_order
from adaspec.teacher import Teacher, rows_of
from adaspec.training import Hooks
from adaspec.weighting import Tokens, weigh


class World:
    """A target, a reference, a draft and data, all small and real."""

    def __init__(self, mini: recipe.Recipe) -> None:
        opened = models.open_model(mini.target, [], 0, "target")
        stock = models.open_model(mini.draft, [], 0, "draft")
        self.target, self.draft = opened.model, stock.model
        self.reference = models.prune(stock.model, (0,))
        with torch.no_grad():
            for parameter in self.reference.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        self.examples = data.prepare(mini.data, opened.tokenizer, 0).train
        self.vocabulary = models.shared_vocabulary(opened, stock)
        self.teacher = Teacher(self.target, self.vocabulary, self.reference)


@pytest.fixture
def world(mini: recipe.Recipe) -> World:
    torch.manual_seed(0)
    return World(mini)


def plan(mini: recipe.Recipe, name: str, rows: int = 30, **method: Any) -> recipe.Training:
    stage = mini.stage2
    methods = stage.methods | {name: stage.methods[name].model_copy(update=method)}
    changed = mini.model_copy(update={"stage2": stage.model_copy(update={"methods": methods})})
    return next(t for t in recipe.trainings(changed, rows) if t.name == name)


def plain_loss(world: World, examples: list[data.Example], k: float, loss: str) -> tuple[Any, Any]:
    """The published loss, from its formula: three whole forwards, all logits, one quantile."""
    batch = data.collate(examples)
    inputs = {"input_ids": batch.input_ids}  # padding comes last
    with torch.no_grad():
        logp = world.target(**inputs).logits.float().log_softmax(-1)
        logr = world.reference(**inputs).logits.float().log_softmax(-1)
    logq = world.draft(**inputs).logits.float().log_softmax(-1)
    kept_d, kept_r = [], []
    for i, example in enumerate(examples):
        for t in range(example.prompt_length, len(example.ids)):  # token t is said at t - 1
            p = logp[i, t - 1].exp()
            kept_d.append((p * (logp[i, t - 1] - logq[i, t - 1])).sum())
            kept_r.append((p * (logp[i, t - 1] - logr[i, t - 1])).sum())
    loss_d, loss_r = torch.stack(kept_d), torch.stack(kept_r)
    delta = (loss_d - loss_r).detach()
    mask = delta >= torch.quantile(delta, 1 - k)
    size = len(mask) if loss == "published" else int(mask.sum())
    return (loss_d * mask).sum() / size, mask


@pytest.mark.parametrize("loss", ["published", "mean_selected"])
@pytest.mark.parametrize("k", [0.4, 0.25, 0.9])
def test_same_mask_loss_and_gradients_as_the_published_loss(
    world, mini, k, loss, monkeypatch
) -> None:
    """Same mask, loss to 1e-5, gradients to 1e-5 relative (of the largest in each tensor)."""
    examples = world.examples[:7]
    expected, mask = plain_loss(world, examples, k, loss)
    expected.backward()
    twin = {name: p.grad.clone() for name, p in world.draft.named_parameters()}
    world.draft.zero_grad()

    masks = []
    original = training.select

    def watched(*args: Any) -> torch.Tensor:
        masks.append(original(*args))
        return masks[-1]

    monkeypatch.setattr(training, "select", watched)
    # By length, as a step reads them: the twin's rows come as they are.
    positions = sorted(range(7), key=lambda i: len(examples[i].ids))
    ours = step_loss(world, plan(mini, "adaspec", k=k, loss=loss), positions)
    sizes = [example.predicted for example in examples]
    parts = dict(zip(positions, masks[0].split([sizes[i] for i in positions]), strict=True))
    assert torch.equal(torch.cat([parts[i] for i in range(7)]), mask)
    assert ours == pytest.approx(expected.item(), rel=1e-5)
    for name, parameter in world.draft.named_parameters():
        error = (parameter.grad - twin[name]).abs().max() / twin[name].abs().max()
        assert error < 1e-5, name


def step_loss(
    world: World,
    spec: recipe.Training,
    positions: list[int],
    number: int = 0,
    most: int | None = None,
    teacher: Teacher | str | None = "the world's",
) -> float:
    """The loss of one step on these examples, whose gradient the draft then has."""
    accelerator = Accelerator(cpu=True)
    chosen = world.teacher if teacher == "the world's" else teacher
    step = read_step(spec, chosen, world.examples, positions, number, accelerator, most)
    loss, _ = training.accumulate(spec, world.draft, chosen, step, accelerator).read()
    return loss


def gradients(world: World, spec: recipe.Training, sequences: int, **how: Any) -> tuple[float, Any]:
    world.draft.zero_grad()
    loss = step_loss(world, spec, list(range(sequences)), **how)
    return loss, [p.grad.clone() for p in world.draft.parameters()]


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("loss", ["published", "mean_selected"])
def test_the_batch_pool_does_not_depend_on_micro_batches(world, mini, selector, loss) -> None:
    whole = plan(mini, "adaspec", selector=selector, loss=loss)
    optimisation = whole.optimisation.model_copy(update={"micro_batch": 2})
    split = whole.model_copy(update={"optimisation": optimisation})
    loss_whole, gradient_whole = gradients(world, whole, 7)
    loss_split, gradient_split = gradients(world, split, 7)
    assert loss_split == pytest.approx(loss_whole, rel=1e-5)
    for a, b in zip(gradient_whole, gradient_split, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("selector", ["top_delta", "all", "random"])
@pytest.mark.parametrize(
    ("pool", "micro_batch"), [("batch", None), ("batch", 2), ("micro_batch", 2)]
)
@pytest.mark.parametrize("most", [1, 250, 10_000])
def test_a_step_does_not_depend_on_how_many_sequences_a_pass_has(
    world, mini, selector, pool, micro_batch, most
) -> None:
    """As on a GPU, whose memory decides: same selection, loss to 1e-5."""
    spec = plan(mini, "adaspec", selector=selector, pool=pool)
    optimisation = spec.optimisation.model_copy(update={"micro_batch": micro_batch})
    spec = spec.model_copy(update={"optimisation": optimisation})
    loss, gradient = gradients(world, spec, 7)
    again, other = gradients(world, spec, 7, most=most)
    assert again == pytest.approx(loss, rel=1e-5)
    for a, b in zip(gradient, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-6)


def test_passes_have_no_more_tokens_than_there_is_room_for(world, mini) -> None:
    spec = plan(mini, "adaspec")
    step = read_step(spec, None, world.examples, list(range(9)), 0, Accelerator(cpu=True), 250)
    assert sorted(i for part in step.passes for i in part.positions) == list(range(9))
    assert all(
        part.batch.input_ids.numel() <= 250 or len(part.positions) == 1 for part in step.passes
    )
    assert sum(len(part.weights) for part in step.passes) == step.tokens


def test_activations_are_counted_by_the_token(world) -> None:
    """A linear layer keeps its input; weights do not grow with the text."""
    long = max(world.examples, key=lambda example: len(example.ids))
    short = data.Example(long.ids[: len(long.ids) // 2], 1)
    each = activation_bytes(world.draft.requires_grad_(True), long)
    assert each == pytest.approx(activation_bytes(world.draft, short), rel=0.2)
    hidden, inner = 16, 24
    floats = each / 4
    assert 3 * hidden + 2 * inner < floats < 40 * hidden


def test_the_micro_batch_pool_is_the_mean_over_its_micro_batches(world, mini) -> None:
    spec = plan(mini, "adaspec", pool="micro_batch")
    optimisation = spec.optimisation.model_copy(update={"micro_batch": 3})
    spec = spec.model_copy(update={"optimisation": optimisation})
    loss, _ = gradients(world, spec, 6)
    parts = [plain_loss(world, world.examples[i : i + 3], 0.4, "published")[0] for i in (0, 3)]
    assert loss == pytest.approx(sum(parts).item() / 2, rel=1e-5)


@pytest.mark.parametrize("pool", ["batch", "micro_batch"])
def test_the_reference_weighs_tokens_by_the_pool_of_its_stage(world, mini, pool) -> None:
    """Over micro-batches of 2: the mean of their means as published, or of all tokens alike."""
    stage1 = mini.stage1.model_copy(update={"pool": pool, "micro_batch": 2})
    chosen = mini.model_copy(update={"stage1": stage1})
    spec = next(t for t in recipe.trainings(chosen, 30) if t.name == "reference")
    parts = [(i, i + 2) for i in (0, 2, 4)] if pool == "micro_batch" else [(0, 6)]
    expected = sum(
        plain_loss(world, world.examples[start:stop], 1.0, "published")[0] for start, stop in parts
    ) / len(parts)
    expected.backward()
    twin = [p.grad.clone() for p in world.draft.parameters()]
    loss, gradient = gradients(world, spec, 6)
    assert loss == pytest.approx(expected.item(), rel=1e-5)
    for ours, theirs in zip(gradient, twin, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)


def test_cross_entropy_is_the_mean_over_response_tokens(world, mini) -> None:
    examples = world.examples[:4]
    batch = data.collate(examples)
    labels = batch.input_ids.clone()
    for i, example in enumerate(examples):
        labels[i, : example.prompt_length] = -100
        labels[i, len(example.ids) :] = -100
    expected = world.draft(input_ids=batch.input_ids, labels=labels).loss
    spec = recipe.Training(
        name="target",
        method=None,
        optimisation=Optimisation(lr=1e-3),
        k=None,
        batch=4,
        steps=1,
        seed=0,
    )
    loss = step_loss(world, spec, [0, 1, 2, 3], teacher=None)
    assert loss == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("sick", ["draft", "reference"])
def test_nan_raises_with_step_and_sequence(world, mini, sick) -> None:
    with torch.no_grad():
        getattr(world, sick).get_input_embeddings().weight[world.examples[12].ids[-2]] = torch.nan
    with pytest.raises(AdaspecError, match=r"step 5, training sequence 1\d\."):
        step_loss(world, plan(mini, "adaspec"), [10, 11, 12], number=4)


def test_nan_behind_a_selection_names_the_right_sequence(world, mini, monkeypatch) -> None:
    """The loss is checked on selected rows: the row must be translated back to its sequence."""
    original = divergence.OBJECTIVES["forward_kl"]
    shortest, second, _ = sorted([10, 11, 12], key=lambda i: len(world.examples[i].ids))
    first = world.examples[shortest].predicted  # all rows of it are left out below

    def select(selector: str, k: float, columns: Columns, device: Any) -> torch.Tensor:
        mask = torch.ones(columns.rows, dtype=torch.bool)
        mask[:first] = False
        return mask

    monkeypatch.setattr(training, "select", select)
    monkeypatch.setitem(
        divergence.OBJECTIVES, "forward_kl", lambda logp, logq: original(logp, logq) * torch.nan
    )
    with pytest.raises(AdaspecError, match=f"training sequence {second}"):
        step_loss(world, plan(mini, "adaspec"), [10, 11, 12])


def run_training(world: World, spec: recipe.Training, folder: Path, stop_at: int = 0) -> Any:
    """Train a copy of the draft; raise KeyboardInterrupt at a step, as a kill would."""
    draft = copy.deepcopy(world.draft)
    rows: list[dict[str, Any]] = []

    def on_step(row: dict[str, Any]) -> None:
        rows.append(row)
        if stop_at and row["step"] == stop_at:
            raise KeyboardInterrupt

    budget = training.train(
        spec,
        draft,
        world.teacher,
        world.examples,
        accelerator=Accelerator(cpu=True),
        checkpoints=folder,
        checkpoint_every=2,
        hooks=Hooks(lambda model: {"alpha": 0.0}, 3, on_step),
    )
    return models.weights_hash(draft), rows, budget


@pytest.mark.parametrize("selector", ["top_delta", "random", "all"])
def test_stopped_anywhere_and_resumed_is_the_same_to_the_bit(
    world, mini, tmp_path, selector
) -> None:
    spec = plan(mini, "adaspec", rows=len(world.examples), selector=selector)
    whole, rows, budget = run_training(world, spec, tmp_path / "whole")
    assert spec.steps == 5 == budget.steps
    for stop in range(1, spec.steps + 1):
        folder = tmp_path / f"stopped-{stop}"
        with pytest.raises(KeyboardInterrupt):
            run_training(world, spec, folder, stop_at=stop)
        resumed, more, again = run_training(world, spec, folder)
        assert resumed == whole
        assert more[-1]["loss"] == rows[-1]["loss"]
        assert (again.sequences, again.selected_tokens, again.teacher_forwards) == (
            budget.sequences,
            budget.selected_tokens,
            budget.teacher_forwards,
        )


def test_a_half_written_checkpoint_is_not_resumed_from(world, mini, tmp_path) -> None:
    spec = plan(mini, "adaspec", rows=len(world.examples))
    whole, _, _ = run_training(world, spec, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run_training(world, spec, tmp_path / "torn", stop_at=5)
    half = tmp_path / "torn" / ".00000099.new"
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    resumed, _, _ = run_training(world, spec, tmp_path / "torn")
    assert resumed == whole


def test_old_checkpoints_are_pruned(world, mini, tmp_path) -> None:
    spec = plan(mini, "adaspec", rows=3 * len(world.examples))
    run_training(world, spec, tmp_path)
    assert len(list(tmp_path.iterdir())) == KEEP


def test_budget_counts(world, mini, tmp_path) -> None:
    spec = plan(mini, "adaspec", rows=len(world.examples))
    _, _, budget = run_training(world, spec, tmp_path)
    assert (spec.batch, spec.steps) == (15, 5)
    assert budget.sequences == 75
    assert budget.teacher_forwards == 150  # target and reference
    tokens = sum(example.predicted for example in world.examples)
    assert budget.selected_tokens == pytest.approx(
        0.4 * tokens * 75 / len(world.examples), rel=0.01
    )


@given(rows=st.integers(1, 40), batch=st.integers(1, 60), seed=st.integers(0, 9))
@settings(max_examples=50)
def test_every_epoch_reads_every_row_once(rows: int, batch: int, seed: int) -> None:
    steps = -(-3 * rows // batch)
    stream = [i for s in range(steps) for i in sequence_order(seed, s, batch, rows)]
    assert len(stream) == steps * batch
    for epoch in range(3):
        assert sorted(stream[epoch * rows : (epoch + 1) * rows]) == list(range(rows))


def test_learning_rate_schedules() -> None:
    def rates(**changes: Any) -> list[float]:
        optimisation = Optimisation(lr=1.0, **changes)
        return [training.learning_rate(optimisation, step, 10) for step in range(10)]

    assert rates() == [1.0] * 10
    assert rates(schedule="linear") == pytest.approx([1 - i / 10 for i in range(10)])
    assert rates(schedule="cosine")[5] == pytest.approx(0.5)
    warm = rates(warmup=0.3)
    assert warm[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])


SCRIPT = """
import json, sys
from accelerate import Accelerator
from adaspec import pipeline, recipe, runs
chosen = recipe.load(sys.argv[1])
from pathlib import Path
pipeline.execute(chosen, Path(sys.argv[2]), accelerator=Accelerator(cpu=True))
"""


@pytest.mark.parametrize("micro_batch", [pytest.param(None, marks=pytest.mark.slow), 2])
def test_two_processes_give_the_losses_of_one(content, tmp_path, micro_batch) -> None:
    """Real processes over gloo, batch pool: every loss to 1e-5."""
    changed = copy.deepcopy(content)
    for stage in ("stage1", "stage2"):
        changed[stage]["micro_batch"] = micro_batch
    (tmp_path / "recipe.yaml").write_text(recipe.parse(changed).yaml())
    (tmp_path / "script.py").write_text(SCRIPT)
    losses = {}
    for processes in (1, 2):
        run_dir = tmp_path / f"run-{processes}"
        launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)]
        launch += ["--master-port", "0", "--standalone"]
        command = [*launch, tmp_path / "script.py", tmp_path / "recipe.yaml", run_dir]
        done = subprocess.run(
            [str(part) for part in command],
            capture_output=True,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1", "ADASPEC_HOME": str(tmp_path / "home")},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
        losses[processes] = {(x["stage"], x["step"]): x["loss"] for x in lines if "loss" in x}
    assert losses[1].keys() == losses[2].keys()
    assert len(losses[1]) == 15
    for key, loss in losses[1].items():
        assert losses[2][key] == pytest.approx(loss, rel=1e-5), key


def test_padded_vocabularies_are_sliced_and_renormalised(world, mini) -> None:
    """A draft with more embedding rows than the target: ids beyond the shared ones do not exist."""
    padded = models.open_model(ModelSpec(source=mini.draft.source), [], 0, "draft")
    padded.model.resize_token_embeddings(world.vocabulary + 12, mean_resizing=False)
    with torch.no_grad():
        padded.model.get_input_embeddings().weight[world.vocabulary :] = 5.0
    original = models.open_model(mini.target, [], 0, "target")
    assert models.shared_vocabulary(original, padded) == world.vocabulary
    spec = plan(mini, "adaspec")
    loss, _ = gradients(world, spec, 4)
    world.draft = padded.model
    again, _ = gradients(world, spec, 4)
    assert again == pytest.approx(loss, rel=1e-5)


def test_a_capped_head_is_not_tiled(world) -> None:
    batch = data.collate(world.examples[:2])
    assert rows_of(world.target, batch, world.vocabulary).linear is not None
    world.target.config.final_logit_softcapping = 30.0
    assert rows_of(world.target, batch, world.vocabulary).linear is None


def test_adamw_in_one_pass_is_adamw(world, mini, tmp_path, monkeypatch) -> None:
    """After 10 steps, weights to 1e-5 of their norm."""
    spec = plan(mini, "adaspec", rows=len(world.examples)).model_copy(update={"steps": 10})
    weights = []
    for fused in (True, False):
        monkeypatch.setattr(training, "_fused", lambda model, fused=fused: fused)
        draft = copy.deepcopy(world.draft)
        training.train(
            spec, draft, world.teacher, world.examples, accelerator=Accelerator(cpu=True),
            checkpoints=tmp_path / str(fused), checkpoint_every=1000,
            hooks=Hooks(lambda model: {}, 1, lambda row: None),
        )  # fmt: skip
        weights.append(list(draft.parameters()))
    for a, b in zip(*weights, strict=True):
        assert (a - b).norm() / b.norm() < 1e-5


# Weights


NAMES = ("log_p", "log_q", "agree", "verified", "overlap", "position")


def plain_weighted(
    world: World, spec: recipe.Training, examples: list[data.Example]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Losses and weights from three whole forwards in float64, one token after the other."""
    method = spec.method
    assert method
    assert method.weight
    models = (world.target.double(), world.draft.double(), world.reference.double())
    losses, known = [], {name: [] for name in NAMES}
    scores = []
    for example in examples:
        ids = torch.from_numpy(example.ids)[None]
        logp, logq, logr = (
            model(input_ids=ids).logits[0, :, : world.vocabulary].log_softmax(-1)
            for model in models
        )
        for t in range(example.prompt_length, len(example.ids)):
            p, q, r, x = logp[t - 1].detach(), logq[t - 1], logr[t - 1].detach(), example.ids[t]
            losses.append((p.exp() * (p - q)).sum())
            known["log_p"].append(float(p[x]))
            known["log_q"].append(float(q[x].detach()))
            known["agree"].append(bool(p.argmax() == q.argmax()))
            known["verified"].append(bool(q.argmax() in p.topk(5).indices))
            known["overlap"].append(float(torch.minimum(p, q.detach()).exp().sum()))
            known["position"].append(t - example.prompt_length)
            delta = (p.exp() * (p - q)).sum() - (p.exp() * (p - r)).sum()
            score = delta if method.selector == "top_delta" else r[x] - q[x]
            scores.append(float(score.detach()))
    columns = Columns(len(losses), **{name: np.array(values) for name, values in known.items()})
    score, mask = np.array(scores), np.ones(len(scores), dtype=bool)
    if spec.k is not None:
        kept = sorted(scores)[-count(len(scores), spec.k)]
        mask = score >= kept
    ranked = None if spec.k is None else score
    tokens = Tokens(columns, mask, ranked, method.own_softness, method.gamma)
    return torch.stack(losses), torch.tensor(weigh(method.weight, tokens))


WEIGHED = [
    {"weight": "soft", "selector": "top_delta"},
    {"weight": "soft", "selector": "excess_loss", "softness": 0.5},
    {"weight": "confidence", "selector": "all"},
    {"weight": "expected_length", "selector": "all", "gamma": 3},
    {"weight": "first_error", "selector": "top_delta", "softness": 0.2},
    {"weight": "verified", "selector": "all"},
    {"weight": "rejected", "selector": "all", "gamma": 3},
]


@pytest.mark.parametrize(
    "method", WEIGHED, ids=lambda method: f"{method['weight']}-{method['selector']}"
)
@pytest.mark.parametrize("micro_batch", [None, 2])
def test_losses_and_gradients_are_the_weighted_formula(world, mini, method, micro_batch) -> None:
    """The step in float32, in one pass and in several, against the formula in float64."""
    spec = plan(mini, "adaspec", **method)
    optimisation = spec.optimisation.model_copy(update={"micro_batch": micro_batch})
    spec = spec.model_copy(update={"optimisation": optimisation})
    assert (spec.k is None) == (method["selector"] == "all")
    accelerator = Accelerator(cpu=True)
    step = read_step(spec, world.teacher, world.examples, list(range(5)), 0, accelerator)
    loss, trained = training.accumulate(spec, world.draft, world.teacher, step, accelerator).read()
    ours = [p.grad.double() for p in world.draft.parameters()]
    world.draft.zero_grad()
    losses, weights = plain_weighted(world, spec, world.examples[:5])
    expected = (losses * weights).sum() / len(losses)
    expected.backward()
    assert loss == pytest.approx(float(expected.detach()), rel=1e-4)
    assert trained == int((weights > 0).sum())
    for gradient, parameter in zip(ours, world.draft.parameters(), strict=True):
        assert (gradient - parameter.grad).abs().max() < 1e-4 * parameter.grad.abs().max()


@pytest.mark.parametrize("loss", ["published", "mean_selected"])
def test_zeros_and_ones_train_to_the_selections_weights_bit_for_bit(
    world, mini, loss, tmp_path
) -> None:
    """AdaSPEC's selection by its mask, and by weights of softness 0."""
    rows = len(world.examples)
    ways = [{}, {"weight": "soft", "softness": 0.0}, {"weight": "soft"}]
    specs = [plan(mini, "adaspec", rows=rows, loss=loss, **way) for way in ways]
    selected, zeros, soft = (
        run_training(world, spec, tmp_path / str(i)) for i, spec in enumerate(specs)
    )
    assert zeros[0] == selected[0] != soft[0]
    assert zeros[1][-1]["loss"] == selected[1][-1]["loss"]
    budgets = [budget.selected_tokens for _, _, budget in (selected, zeros, soft)]
    assert budgets[0] == budgets[1] < budgets[2]
