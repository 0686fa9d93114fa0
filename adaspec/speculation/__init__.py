"""Speculative decoding: a draft proposes, the target verifies, and every decision is kept.

`decoding` is the algorithm, on the caches of `reading` and as the CUDA graphs of `graphs`, with the
chances of `uniforms`; `trace` is what it leaves, `record` writes it, `statistics` and `telling` say
what is in it. `speed` is what the clock says, `null_test` whether any of it is to be believed.
`uniforms`, `trace`, `statistics`, `telling` and `speed` load no torch.
"""
