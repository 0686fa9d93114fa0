"""CUDA graphs: a step that is launched once, instead of each of its thousand kernels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Step = Callable[..., tuple[Tensor, ...]]
"""A function of tensors, with no other effect than that a cache remembers what it read."""
Capture = Callable[[Step, Sequence[Tensor]], Step]
"""Makes a step fast, with an example of its inputs; all that follow have the same shapes."""

log = logging.getLogger("adaspec")


def graphed(
    name: str, step: Step, capture: Capture, example: Sequence[Tensor], another: Sequence[Tensor]
) -> Step:
    """The step as a CUDA graph, or plainly where it cannot be one, with a line in the log.

    The graph is made with one example and must say of another what the plain step says. Its outputs
    are overwritten when it runs again: whoever keeps one clones it.

    Args:
        name: for the log.
        capture: `cuda_graph`.
        example, another: of its inputs.
    """
    try:
        replay = capture(step, example)
        expected = step(*another)
        same = all(_same(*pair) for pair in zip(replay(*another), expected, strict=True))
        problem = "" if same else "its graph does not say the same"
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # what cannot be captured fails in many ways
        problem = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if problem:
        log.warning("%s runs without a CUDA graph, which is slower: %s", name, problem)
        return step
    return replay


def cuda_graph(step: Step, example: Sequence[Tensor]) -> Step:
    """Record the step on the current device.

    Raises:
        RuntimeError: it waits for the device, or does something else that no graph can.
    """
    inputs = [tensor.clone() for tensor in example]
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # libraries set themselves up at the first call
        step(*inputs)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # Other threads may use the device meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        outputs = step(*inputs)

    def replay(*tensors: Tensor) -> tuple[Tensor, ...]:
        for buffer, tensor in zip(inputs, tensors, strict=True):
            buffer.copy_(tensor)
        graph.replay()
        return outputs

    return replay


def _same(ours: Tensor, expected: Tensor) -> bool:
    if expected.is_floating_point():
        return torch.allclose(ours, expected, rtol=1e-3, atol=1e-4, equal_nan=True)
    return torch.equal(ours, expected)
