"""The studio, served from the installed package."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from adaspec import ROOT, terminal


def serve(
    port: Annotated[
        int, typer.Option(min=1, max=65_535, help="The port that the studio listens on.")
    ] = 8501,
) -> None:
    """Serve the studio at http://localhost:8501, until stopped."""
    if not find_spec("streamlit"):
        terminal.fail('The studio needs Streamlit: pip install "adaspec[serve]"')
    # Its folder is on the path of this one process, so that no other sees packages `app`, `pages`.
    command = ["-m", "streamlit", "run", str(ROOT / "app/main.py"), "--server.port", str(port)]
    os.execv(sys.executable, [sys.executable, *command])
