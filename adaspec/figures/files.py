"""Figures as files: SVG, PNG and HTML that need no network, in the colours of a theme."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

from adaspec import AdaspecError
from adaspec.figures.style import INK, Figure

Format = Literal["svg", "png", "html"]
Specification = dict[str, Any]
FORMATS: tuple[Format, ...] = ("svg", "png", "html")
_GLOBAL = "window.vegaEmbed = vegaEmbed;"
_SCALE = 2  # pixels of a PNG for each of the figure's


class Theme(NamedTuple):
    """What stands in for the colours of a page."""

    ink: str
    ground: str


THEMES = {"light": Theme("#1B2330", "#FFFFFF"), "dark": Theme("#E8ECF2", "#12161C")}


def specification(chart: Figure, theme: str | None = None) -> Specification:
    """A figure as Vega-Lite.

    Args:
        theme: one of `THEMES`; without one, text and axes have the colour of the text around the
            figure, and the ground is transparent.
    """
    spec: Specification = chart.to_dict(validate=False)
    if theme is None:
        return spec
    ink, ground = THEMES[theme]
    spec = json.loads(json.dumps(spec).replace(f'"{INK}"', f'"{ink}"'))
    spec["config"]["background"] = ground
    return spec | {"padding": 16}


def drawn(spec: Specification, form: Format) -> bytes:
    """A figure, in the colours of a theme, as the content of a file."""
    import vl_convert  # as a file is asked for: it starts a JavaScript engine

    if form == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=_SCALE))
    if form == "svg":
        return str(vl_convert.vegalite_to_svg(spec)).encode()
    return str(vl_convert.vegalite_to_html(spec, bundle=True, renderer="svg")).encode()


@cache
def bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one script, which leaves them in the global `vegaEmbed`."""
    import vl_convert

    return str(vl_convert.javascript_bundle(_GLOBAL)).replace("</script", "<\\/script")


def save(chart: Figure, path: Path | str, theme: str = "light") -> None:
    """Write a figure to a file whose ending says how: .svg, .png or .html.

    Raises:
        AdaspecError: there is no such format.
    """
    path = Path(path)
    form = next((each for each in FORMATS if path.suffix.lower() == f".{each}"), None)
    if form is None:
        endings = ", ".join(f".{each}" for each in FORMATS)
        raise AdaspecError(f"{path.name}: a figure's file ends in one of {endings}.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(drawn(specification(chart, theme), form))


def write(charts: Mapping[str, Figure], folder: Path | str, theme: str = "light") -> list[Path]:
    """Write every figure in every format; the files."""
    paths = [Path(folder) / f"{name}.{form}" for name in charts for form in FORMATS]
    for path in paths:
        save(charts[path.stem], path, theme)
    return paths


def archive(specifications: Mapping[str, Specification]) -> bytes:
    """What `write` would write, as a ZIP file.

    Args:
        specifications: of figures in the colours of a theme.
    """
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, spec in specifications.items():
            for form in FORMATS:
                file.writestr(f"{name}.{form}", drawn(spec, form))
    return content.getvalue()
