"""Checkpoints of a training: the newest to resume from, and the best weights so far."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from safetensors.torch import load_file, load_model, save_file, save_model
from torch import Tensor

from adaspec.recipe import Optimisation
from adaspec.runs import BEST, CHECKPOINT, Best, Budget, Checkpoint, atomic_folder

BEST_FOLDER = "best"
KEEP = 2
"""Checkpoints kept per stage: the newest, and one more in case the disk loses it."""


class BestWeights:
    """The weights with the highest acceptance so far, in a folder of their own.

    What is kept depends on the steps alone, so that a resumed training keeps the same weights: a
    point that is passed a second time is not better than itself.
    """

    def __init__(
        self, folder: Path, optimisation: Optimisation, spacing: int, accelerator: Accelerator
    ) -> None:
        self.folder, self.optimisation = folder, optimisation
        self.spacing, self.accelerator = spacing, accelerator
        self.alpha, self.step = -1.0, 0
        if optimisation.validates and (folder / "best.json").is_file():
            best = BEST.read(folder / "best.json")
            self.alpha, self.step = best.alpha, best.step

    def update(self, model: Any, row: dict[str, float | int] | dict[str, float], step: int) -> None:
        """Keep the weights if this point of the curve is the best; called in the main process."""
        if not self.optimisation.validates or row["alpha"] <= self.alpha:
            return
        self.alpha, self.step = row["alpha"], step
        with atomic_folder(self.folder, replace=True) as new:
            save_model(model, str(new / "model.safetensors"))
            BEST.write(new / "best.json", Best(alpha=self.alpha, step=step))

    def should_stop(self, step: int) -> bool:
        """Whether the last `patience` points of the curve were no better."""
        patience = self.optimisation.patience
        if patience is None:
            return False
        stop = [step - self.step >= patience * self.spacing]
        if self.accelerator.num_processes > 1:  # only the main process measures the points
            broadcast_object_list(stop)
        return stop[0]

    def restore(self, model: Any) -> int | None:
        """Load the best weights into the model, if those are kept; returns their step."""
        if self.optimisation.keep == "last":
            return None
        self.accelerator.wait_for_everyone()
        load_model(model, self.folder / "model.safetensors", device=str(model.device))
        return BEST.read(self.folder / "best.json").step


def save(folder: Path, model: Any, optimiser: Any, budget: Budget) -> None:
    with atomic_folder(folder / f"{budget.steps:08d}", replace=True) as new:
        save_model(model, str(new / "model.safetensors"))
        state = {
            f"{i}.{name}": tensor
            for i, values in optimiser.state_dict()["state"].items()
            for name, tensor in values.items()
        }
        save_file(state, new / "optimiser.safetensors")
        CHECKPOINT.write(new / "budget.json", Checkpoint(budget=budget))
    for old in sorted(folder.glob("[0-9]*"))[:-KEEP]:
        shutil.rmtree(old)


def resume(folder: Path, model: Any, optimiser: Any) -> Budget:
    """Load the newest checkpoint; an empty budget if there is none."""
    checkpoints = sorted(path for path in folder.glob("[0-9]*") if path.is_dir())
    if not checkpoints:
        return Budget()
    newest = checkpoints[-1]
    load_model(model, newest / "model.safetensors", device=str(model.device))
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in load_file(newest / "optimiser.safetensors").items():
        i, name = key.split(".", 1)
        state.setdefault(int(i), {})[name] = tensor
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    return CHECKPOINT.read(newest / "budget.json").budget
