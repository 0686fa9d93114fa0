"""Compiles the kernel for a GPU that need not be there: `python -m tests.compiling`.

In a process of its own, because the interpreter that the other tests use replaces the compiler.
"""

from __future__ import annotations

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from adaspec import kernels
from adaspec.divergence import FUSED

H100 = GPUTarget("cuda", 90, 32)


def machine_code(first: str, last: str | None, gradient: str | None, bias: bool) -> bytes:
    """The kernel for 50,304 words, as `kernels.measure_logits` would launch it."""
    pointers = {"a": "*fp32", "b": "*fp32", "values": "*fp32"}
    constants = {"FIRST": first, "LAST": last, "WIDTH": 50304, "BLOCK": kernels.BLOCK}
    constants["SECOND_LOOP"] = not {first, last} <= kernels.FIRST_LOOP
    for name, kind in (
        ("bias_a", "*fp32" if bias else None),
        ("bias_b", "*fp32" if bias else None),
        ("gradient", gradient),
        ("weights", gradient and "*fp32"),
    ):
        if kind is None:
            constants[name] = None
        else:
            pointers[name] = kind
    kinds = pointers | {"share": "fp32", "vocabulary": "i32"}
    names = kernels._row.arg_names
    source = ASTSource(
        kernels._row,
        {name: kinds.get(name, "constexpr") for name in names},
        constants,
        {(names.index(name),): [["tt.divisibility", 16]] for name in pointers},
    )
    return triton.compile(source, target=H100, options={"num_warps": kernels.WARPS}).asm["cubin"]


if __name__ == "__main__":
    variants = [
        ("forward_kl", None, None, False),
        ("overlap", None, None, True),
        ("forward_kl", "total_variation", "*fp32", False),
        *((name, None, "*bf16", True) for name in FUSED.values() if name != "overlap"),
    ]
    for variant in variants:
        print(*variant, machine_code(*variant)[:4])
