"""Streamlit's scripts arrive compressed, as they are, and once; its fonts with all that is written.

All else is left alone.
"""

import gzip
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from streamlit.file_util import get_static_dir

from app.main import app as studio
from app.shell import bundles, theme
from app.shell.bundles import FONTS, Bundles
from tests import fonts

BUNDLES = sorted(Path(get_static_dir(), "static").glob("*/*.*s"), key=lambda x: x.stat().st_size)
LARGEST = BUNDLES[-1]
ADDRESS = "/" + LARGEST.relative_to(get_static_dir()).as_posix()


async def untouched(_: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body"})


@pytest.fixture
def client() -> TestClient:
    return TestClient(Bundles(untouched))


def test_the_studio_compresses() -> None:
    answer = TestClient(studio).get(ADDRESS)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == LARGEST.read_bytes()
    assert int(answer.headers["content-length"]) < LARGEST.stat().st_size / 2


@pytest.mark.parametrize("bundle", [BUNDLES[0], LARGEST], ids=["smallest", "largest"])
def test_a_bundle_arrives_as_it_is(client: TestClient, bundle: Path) -> None:
    answer = client.get("/" + bundle.relative_to(get_static_dir()).as_posix())
    assert answer.content == bundle.read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "accept-encoding"


def test_a_bundle_is_compressed_once(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    bundles.compressed.cache_clear()
    calls = []
    compress = gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda *a, **k: calls.append(a) or compress(*a, **k))
    for _ in range(3):
        assert client.get(ADDRESS).status_code == 200
    assert len(calls) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/static/js/absent.js",
        "/static/js/..%2f..%2findex.js",
        "/static/js/%2e%2e/js/x.js",
        "/tokens/static/js/x.js",
        "/media/x.js",
        "/static/media/x.woff2",
    ],
)
def test_other_paths_are_left_alone(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 418


@pytest.mark.parametrize(
    "headers", [{"accept-encoding": "identity"}, {"range": "bytes=0-9"}], ids=["plain", "part"]
)
def test_who_cannot_take_it_is_left_alone(client: TestClient, headers: dict[str, str]) -> None:
    assert client.get(ADDRESS, headers=headers).status_code == 418


@pytest.mark.parametrize("font", sorted(FONTS.iterdir()), ids=lambda font: font.name.split(".")[0])
def test_a_font_arrives_smaller(client: TestClient, font: Path) -> None:
    theirs = fonts.MEDIA / font.name
    answer = client.get(f"/static/media/{font.name}")
    assert answer.content == font.read_bytes()
    assert len(answer.content) < 0.7 * theirs.stat().st_size
    again = {"if-none-match": answer.headers["etag"]}
    assert client.get(f"/static/media/{font.name}", headers=again).status_code == 304


def test_of_another_streamlits_fonts_none_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "FONTS", FONTS.with_name("0.0.0"))
    client = TestClient(Bundles(untouched))
    assert client.get(f"/static/media/{fonts.icons().name}").status_code == 418


def test_every_icon_is_there() -> None:
    """Where this fails, `make fonts`."""
    whole, ours = (TTFont(folder / fonts.icons().name) for folder in (fonts.MEDIA, FONTS))
    wanted = fonts.ligatures(whole).keys() & fonts.named()
    assert {"home", "expand_more", "hourglass_top"} < wanted
    assert {icon for icon, _ in theme.STATES.values()} < wanted
    assert wanted <= fonts.ligatures(ours).keys()


@pytest.mark.parametrize("name", fonts.TEXT)
def test_every_letter_is_there(name: str) -> None:
    whole, ours = (TTFont(next(folder.glob(f"{name}.*"))) for folder in (fonts.MEDIA, FONTS))
    text = set(map(ord, "AdaSPEC α β γ Δ Σ ∥ ≤ − … × ✓ ↻ é ß ı ł ø ₂ ⁵"))
    assert text & whole.getBestCmap().keys() <= ours.getBestCmap().keys()
    assert [axis.axisTag for axis in ours["fvar"].axes] == ["wght"]
    widths = whole["hmtx"]["a"], ours["hmtx"]["a"]
    assert widths[0] == widths[1]
