"""The run folder: what a run leaves on disk, read and written through one door.

`folder` knows the paths and `contract` the door; the other rooms have a kind of file each, with its
model. The token tables, whose Arrow takes half a second to load, stand apart in `tables`.
"""

from adaspec.runs.budget import (
    BEST,
    CHECKPOINT,
    TRAINED,
    Best,
    Budget,
    Checkpoint,
    Trained,
    read_trained,
)
from adaspec.runs.contract import Contract, Unreadable
from adaspec.runs.filling import atomic_folder
from adaspec.runs.folder import EXAMPLE, Run, home, runs_folder
from adaspec.runs.journal import (
    EVENTS,
    METRICS,
    Event,
    Finished,
    Metrics,
    MetricsReader,
    StageBegan,
    Started,
    Step,
    log_event,
    log_step,
    read_events,
    read_metrics,
)
from adaspec.runs.lifecycle import LONGEST_NAME, create, delete, only_writer, rename, sweep
from adaspec.runs.listing import all_runs, find, newest, read_recipe
from adaspec.runs.process import Process
from adaspec.runs.report import CHECKS, REPORT, Checks, DraftReport, NullTest, Report, read_report
from adaspec.runs.speed import SPEED, Speed, read_speed
from adaspec.runs.state import (
    STATE,
    Facts,
    Progress,
    RunState,
    Stage,
    State,
    progress,
    read_state,
    write_state,
)
from adaspec.runs.writing import append_line, atomic_file, write_atomic

__all__ = [
    "BEST",
    "CHECKPOINT",
    "CHECKS",
    "EVENTS",
    "EXAMPLE",
    "LONGEST_NAME",
    "METRICS",
    "REPORT",
    "SPEED",
    "STATE",
    "TRAINED",
    "Best",
    "Budget",
    "Checkpoint",
    "Checks",
    "Contract",
    "DraftReport",
    "Event",
    "Facts",
    "Finished",
    "Metrics",
    "MetricsReader",
    "NullTest",
    "Process",
    "Progress",
    "Report",
    "Run",
    "RunState",
    "Speed",
    "Stage",
    "StageBegan",
    "Started",
    "State",
    "Step",
    "Trained",
    "Unreadable",
    "all_runs",
    "append_line",
    "atomic_file",
    "atomic_folder",
    "create",
    "delete",
    "find",
    "home",
    "log_event",
    "log_step",
    "newest",
    "only_writer",
    "progress",
    "read_events",
    "read_metrics",
    "read_recipe",
    "read_report",
    "read_speed",
    "read_state",
    "read_trained",
    "rename",
    "runs_folder",
    "sweep",
    "write_atomic",
    "write_state",
]
