"""Speculative decoding: a draft proposes, the target verifies, and every decision is kept.

`decoding` is the algorithm, `uniforms` its chances, `trace` what it leaves, `statistics` what
traces say, `speed` what the clock says. Only `decoding` and `speed` load torch.
"""
