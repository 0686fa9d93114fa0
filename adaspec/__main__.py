"""`python -m adaspec`, for launchers such as `accelerate launch -m adaspec`."""

from adaspec.cli import main

main()
