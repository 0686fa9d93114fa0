"""Training in the background: a queue, the supervisor that runs it, and engines that run jobs.

`queue` is one SQLite file of this machine, written by whoever submits or cancels and by the
supervisor. `supervisor` is one process that claims jobs, has an `engine` launch an attempt at each,
watches it and records how it ended. `worker` is the attempt: it knows neither the queue nor the
engine, and talks to the supervisor only through the files of `mailbox`, so that it can run on
another machine that shares the folder. Importing this package loads no torch.
"""
