"""What a viewer's browser needs to run a pair by itself: the engine's worker and the models' files.

The files are served beside Streamlit, under addresses that hold a hash of what they say, so that a
browser asks once. A model is found by its run's id and its own name, never by a path; what is
served is what `run_models.for_browsers` gives.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from adaspec import AdaspecError, files, run_models, runs
from adaspec.recipe import TARGET
from adaspec.run_models import CONFIG, FILES, TOKENIZER, WEIGHTS
from adaspec.runs import Run
from adaspec.runs.contract import read_bytes, stamp
from adaspec.views import Engine, ModelFiles
from app.shell import scripts


def engine(run: Run, names: list[str]) -> Engine:
    """What a browser needs for the target and other models of a run.

    Raises:
        AdaspecError: a sentence, why browsers do not run them.
    """
    folders = run_models.for_browsers(run)
    if lacking := [name for name in (TARGET, *names) if name not in folders]:
        raise AdaspecError(f"This run does not hold the model {lacking[0]}.")
    facts = runs.read_state(run).facts
    assert facts  # else there are no folders

    def address(name: str, file: str) -> str:
        mark = _mark(folders[name] / file)
        return f"engine/{mark}/{quote(run.id, safe='')}/{quote(name, safe='')}/{file}"

    worker = scripts.address("engine")
    models = {
        name: ModelFiles(config=address(name, CONFIG), weights=address(name, WEIGHTS))
        for name in dict.fromkeys((TARGET, *names))
    }
    return Engine(
        id=scripts.mark("".join([worker, *(files.weights for files in models.values())]).encode()),
        worker=worker,
        tokenizer=address(TARGET, TOKENIZER),
        models=models,
        vocabulary=facts.shared_vocabulary,
        eos=run_models.end_of_text(run, folders[TARGET]),
    )


def routes() -> list[Route]:
    """The files of models."""
    return [Route("/engine/{mark}/{run}/{model}/{file}", _serve_file)]


def _serve_file(request: Request) -> Response:
    """A file of a model; whoever may look at the run may read it."""
    if not is_host_allowed(request.headers.get("host")):  # Streamlit asks that of its sockets alone
        return PlainTextResponse("This is not a name of the studio.", 403)
    mark, identity, model, name = (
        request.path_params[part] for part in ("mark", "run", "model", "file")
    )
    run = _run(identity)
    if run is None or name not in FILES:
        return scripts.missing()
    try:
        file = run_models.for_browsers(run)[model] / name
        if _mark(file) != mark:
            return scripts.missing()
    except (AdaspecError, KeyError):
        return scripts.missing()
    return FileResponse(file, headers=scripts.HEADERS)


def _run(identity: str) -> Run | None:
    """The run of exactly this id."""
    if folder := runs.EXAMPLES.get(identity):
        return Run(folder)
    folder = runs.runs_folder() / identity
    plain = identity == folder.name and not identity.startswith(".")
    return Run(folder) if plain and files.is_file(folder / "run.json") else None


def _mark(file: Path) -> str:
    """A hash of what a file says."""
    return _file_mark(file, *stamp(file))


@lru_cache(maxsize=1024)
def _file_mark(file: Path, *_stamp: int) -> str:
    return scripts.mark(read_bytes(file))
