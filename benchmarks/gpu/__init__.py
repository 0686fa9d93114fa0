"""What a GPU is to be right and fast at: `python -m benchmarks.gpu`."""
