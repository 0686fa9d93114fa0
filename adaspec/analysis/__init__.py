"""What finished runs say when they are held against each other. Loads no torch.

`drafts` are what is compared, `identity` says whether runs may be, `fairness` at what cost,
`measures` by what. `comparison` sets drafts of one target side by side; `seeds` finds the runs of
one recipe, `methods` what was changed between its drafts, and `ablation` sets them side by side.
`serving` has acceptance by servers' rules, `planner` what that makes of speed there, `engines` what
to set, and `server_log` what a server says of it.
"""
