"""Speculative decoding: a draft proposes, the target verifies, and every decision is kept.

`decoding` is the algorithm, on the caches of `reading` and as the CUDA graphs of `graphs`, with the
chances of `uniforms`; `trace` is what it leaves, `record` writes it, `statistics` counts it and
`document` shows it to people. `speed` is what the clock says, `null_test` whether any of it is to
be believed.
`uniforms`, `trace`, `statistics`, `document` and `speed` load no torch.
"""
