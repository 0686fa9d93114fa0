"""A script of ours arrives at its address, smaller where the browser takes that, and for good."""

import pytest
from starlette.testclient import TestClient

from adaspec.views.browser_script import script
from app.main import app as studio
from app.shell import scripts


@pytest.fixture
def client() -> TestClient:
    return TestClient(studio, base_url="http://localhost")


@pytest.mark.parametrize("name", scripts.NAMES)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_script_arrives_as_it_is(client: TestClient, name: str, encoding: str) -> None:
    answer = client.get(f"/{scripts.address(name)}", headers={"accept-encoding": encoding})
    assert answer.text == script(name)
    assert answer.headers.get("content-encoding", "identity") == encoding
    assert answer.headers["vary"].startswith("accept-encoding")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    if encoding == "gzip":
        assert int(answer.headers["content-length"]) < len(script(name)) / 2


@pytest.mark.parametrize(
    "change",
    [("engine.js", "token_own.js"), ("scripts/", "scripts/0"), ("engine.js", "..%2fengine.js")],
)
def test_nothing_else_is_served(client: TestClient, change: tuple[str, str]) -> None:
    answer = client.get(f"/{scripts.address('engine').replace(*change)}")
    page = answer.headers.get("content-type", "").startswith("text/html")  # Streamlit's
    assert page or answer.status_code in (400, 404)
