"""`python -m tests.fonts`: writes assets/fonts, Streamlit's fonts without what no page here writes.

The icons are those that Streamlit's own scripts or ours may name. The letters are Latin, Greek and
signs: others, which a viewer's text may have, are the system's, as Chinese is in the whole font.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from fontTools import subset
from fontTools.ttLib import TTFont
from streamlit.file_util import get_static_dir

from app.shell.bundles import FONTS
from tests.studio import ROOT

MEDIA = Path(get_static_dir(), "static/media")
TEXT = (
    "SourceSansVF-Upright",
    "SourceSansVF-Italic",
    "SourceCodeVF-Upright",
    "SourceCodeVF-Italic",
)
LETTERS = "0-17F, 2B0-2FF, 300-30C, 391-3C9, 2000-2BFF, FFFD"  # of Unicode
ICONIC = re.compile("material/|[mM]aterialIcon")  # in a script of theirs that names any
WORD = re.compile(r"""["'`]([a-z0-9_]+)["'`]|material/([a-z0-9_]+)""")


def icons() -> Path:
    """Streamlit's font of icons: a name in it is a ligature of its letters."""
    return next(MEDIA.glob("MaterialSymbols-Rounded.*.woff2"))


def ligatures(font: TTFont) -> dict[str, str]:
    """Name of each icon -> its glyph."""
    letters = {glyph: chr(code) for code, glyph in font.getBestCmap().items()}
    tables = [table for lookup in font["GSUB"].table.LookupList.Lookup for table in lookup.SubTable]
    tables = [getattr(table, "ExtSubTable", table) for table in tables]
    return {
        "".join(letters[glyph] for glyph in (first, *ligature.Component)): ligature.LigGlyph
        for table in tables
        for first, ligatures in table.ligatures.items()
        for ligature in ligatures
    }


def named() -> set[str]:
    """All words that may be an icon's name."""
    theirs = [script.read_text() for script in Path(get_static_dir(), "static/js").glob("*.js")]
    ours = [file.read_text() for room in ("app", "pages") for file in (ROOT / room).rglob("*.py")]
    texts = [*filter(ICONIC.search, theirs), *ours]
    found = {quoted or icon for text in texts for quoted, icon in WORD.findall(text)}
    python = (script.read_text() for script in Path(st.__file__).parent.rglob("*.py"))
    return found | {icon for text in python for icon in re.findall(r"material/([a-z0-9_]+)", text)}


def write(source: Path, folder: Path, wanted: Mapping[str, object], features: list[str]) -> None:
    """A font with these glyphs alone."""
    options = subset.Options(flavor="woff2", layout_closure=False, notdef_outline=True)
    options.layout_features += features
    options.name_IDs = [0, 13, 14]  # copyright and licence; the name is reserved for the whole font
    font = TTFont(source, recalcTimestamp=False)
    subsetter = subset.Subsetter(options)
    subsetter.populate(**wanted)
    subsetter.subset(font)
    subset.save_font(font, str(folder / source.name), options)


def write_all(folder: Path) -> None:
    """All that the studio serves in place of Streamlit's."""
    folder.mkdir(parents=True)
    glyphs = ligatures(TTFont(icons()))
    used = sorted(glyphs.keys() & named())
    wanted = {"glyphs": [glyphs[name] for name in used], "text": "".join(used)}
    write(icons(), folder, wanted, ["*"])
    unicodes = subset.parse_unicodes(LETTERS)
    for name in TEXT:
        write(next(MEDIA.glob(f"{name}.*")), folder, {"unicodes": unicodes}, ["tnum"])


if __name__ == "__main__":
    shutil.rmtree(FONTS.parent, ignore_errors=True)
    write_all(FONTS)
