"""What `adaspec.json` in the folder of an exported draft says: all facts of its card, for programs.

`adaspec.export` finds them out. Loads no torch.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from adaspec.recipe import Speculation, Training
from adaspec.runs import Budget, DraftReport
from adaspec.runs.contract import AtLeastOne, Contract, Count, Name, Part
from adaspec.runs.report import TokenCounts

Precision = Literal["f32", "f16"]
"""Of the matrices in a GGUF file."""


class MeasuredOn(Part):
    """What the draft was measured on.

    Attributes:
        text: where the held-out rows come from, in words.
        max_new_tokens: of the target's own text.
        prompts, tokens, speculation, device: as in the run's report.
    """

    text: str
    max_new_tokens: AtLeastOne
    prompts: Count
    tokens: TokenCounts
    speculation: Speculation
    device: str


class Before(Part):
    """A training that the draft stands on, and what it cost."""

    name: Name
    budget: Budget


class TargetModel(Part):
    """The target.

    Attributes:
        source: a Hub id, a model that comes with AdaSPEC Studio, or a folder's or file's name.
        fine_tuned: whether the run's stage 0 trained it.
        weights: their hash.
    """

    source: str
    fine_tuned: bool
    weights: str
    vocab_size: AtLeastOne


class StockModel(Part):
    """The draft before any distillation, or, of a draft trained elsewhere, itself.

    Attributes:
        made_of: whose weights it has; None where they were random.
        weights: their hash.
    """

    source: str
    made_of: str | None
    weights: str


class Data(Part):
    """The training rows: the hash of their token ids, where they come from, how many they are."""

    hash: str
    train: str
    rows: Count


class Serving(Part):
    """What decides whether an engine can serve the draft.

    Attributes:
        transformers: the least version that opens the folder as it was written.
        head_sizes: of the target's attention heads and the draft's; None where a model has none.
    """

    transformers: str
    head_sizes: tuple[int | None, int | None]


class Origin(Part):
    """The run that the draft was exported from."""

    id: str
    recipe: str
    recipe_hash: str


class SameLogits(Part):
    """How much text gave the same logits to the bit."""

    texts: Count
    tokens: Count


class SameAcceptance(Part):
    """The acceptance measured again.

    Attributes:
        alpha: exact acceptance of what was exported.
        tables: the same of the run's token tables.
        apart: mean difference of a token's overlap between the two.
        tolerance: how large it may be.
    """

    prompts: Count
    tokens: Count
    alpha: float
    tables: float
    apart: float
    tolerance: float


class SameText(Part):
    """How much text greedy speculative decoding made, all of it the target's own."""

    prompts: Count
    tokens: Count
    passes: Count
    gamma: AtLeastOne


class Verified(Part):
    """What was checked on the exported folder, in numbers."""

    logits: SameLogits
    acceptance: SameAcceptance
    greedy: SameText


class Gguf(Part):
    """A model as a GGUF file, read back.

    Attributes:
        precision: of its matrices; vectors are float32.
        logits: how much text gave the logits of the run's model, rounded like the file, to the bit.
        apart: the most that rounding moves a logit, over that text.
        alpha: exact acceptance of the rounded draft by the target that is not; None of a target.
    """

    precision: Precision
    logits: SameLogits
    apart: float
    alpha: float | None


class Export(Part):
    """The content of `adaspec.json`.

    Attributes:
        draft: its name in the run.
        training: what made it; None for a draft that was there before.
        measured: its row of the run's report, whose fields `definitions` explain.
        gamma: the draft length that it was measured at.
        before: trainings it stands on, in their order.
        weights: the draft's hash.
        vocab_size: rows of its output embedding, padding included.
        shared_vocabulary: token ids that target and draft have in common.
        serving: None in exports of versions before 4.
        gguf: name of a file -> what was checked of it.
        files: file -> its SHA-256.
        trained_with: package -> version; the device and the precision, too.
        exported_with: package -> version.
    """

    version: Literal[5] = 5
    draft: Name
    training: Training | None
    measured: DraftReport
    definitions: dict[str, str]
    measured_on: MeasuredOn
    gamma: AtLeastOne
    before: list[Before]
    target: TargetModel
    stock: StockModel
    weights: str
    vocab_size: AtLeastOne
    shared_vocabulary: AtLeastOne
    serving: Serving | None = None
    gguf: dict[str, Gguf] = Field(default_factory=dict)
    files: dict[str, str]
    data: Data
    run: Origin
    trained_with: dict[str, str]
    exported_with: dict[str, str]
    verified: Verified


EXPORT: Contract[Export] = Contract(Export, 5)
