"""Figures' files in a process of their own, for a server.

`python -m adaspec.figures archive` reads figures' specifications by name from stdin, as JSON, and
writes the ZIP file to stdout; `bundle` writes the script. What draws them is a JavaScript engine
that lets no other thread of its process run meanwhile: for seconds.
"""

from __future__ import annotations

import json
import sys

from adaspec.environment import behind_pages
from adaspec.figures.files import archive, bundle

if __name__ == "__main__":
    behind_pages()
    made = bundle().encode() if sys.argv[1] == "bundle" else archive(json.load(sys.stdin))
    sys.stdout.buffer.write(made)
