"""The files that a browser needs to run a pair: what is served, to whom, and what is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from streamlit import config

from adaspec import ASSETS, AdaspecError, run_models, runs
from adaspec.runs import Run
from app.main import app as studio
from app.shared.engine import engine

EXAMPLE = Run(runs.EXAMPLES["example"])
COPY = "01CCCCCCCCCCCCCCCCCCCCCCCC"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.chdir(ASSETS.parent)  # run folders may be named by a path from here elsewhere
    return TestClient(studio, base_url="http://localhost")


@pytest.fixture
def copied(home: Path) -> Run:
    """The example among the runs of a home, to be changed."""
    run = Run(home / "runs" / COPY)
    shutil.copytree(EXAMPLE.path, run.path)
    return run


def addresses(run: Run, *names: str) -> list[str]:
    there = engine(run, list(names))
    files = [address for each in there.models.values() for address in (each.config, each.weights)]
    return [there.worker, there.tokenizer, *files]


def test_what_a_page_names_arrives_as_it_lies_on_disk_and_for_good(client, copied) -> None:
    folders = {"target": ASSETS / "tiny/target", "adaspec": copied.path / "drafts/adaspec"}
    for address in addresses(copied, "adaspec"):
        answer = client.get(f"/{address}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        first, _, *parts = address.split("/")
        if first == "engine":
            run, model, file = parts
            assert run == COPY
            assert answer.content == (folders[model] / file).read_bytes()


def test_a_model_on_its_way_is_served_too(client) -> None:
    answer = client.get(f"/{addresses(EXAMPLE, 'adaspec@25')[-1]}")
    file = EXAMPLE.path / "snapshots/adaspec/00000025/model.safetensors"
    assert answer.content == file.read_bytes()


def test_an_address_ends_with_what_it_names(client, copied) -> None:
    *_, config_file, weights = addresses(copied, "adaspec")
    file = copied.path / "drafts/adaspec/config.json"
    file.write_text(file.read_text() + "\n")
    assert client.get(f"/{config_file}").status_code == 404
    assert client.get(f"/{weights}").status_code == 200
    assert client.get(f"/{addresses(copied, 'adaspec')[-2]}").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        (COPY, "assets%2Fexample"),
        (COPY, ".."),
        (COPY, "%2e%2e"),
        (COPY, "assets"),
        (COPY, COPY.lower()),
        (COPY, COPY[:10]),
        (COPY, "01NOSUCHRUN"),
        ("/adaspec/", "/nobody/"),
        ("/adaspec/", "/../"),
        ("model.safetensors", "training.json"),
        ("model.safetensors", "..%2Frun.json"),
        ("engine/", "engine/0"),
    ],
)
def test_nothing_else_is_served(client, copied, change) -> None:
    address = addresses(copied, "adaspec")[-1]
    answer = client.get(f"/{address.replace(*change)}")
    page = answer.headers.get("content-type", "").startswith(
        "text/html"
    )  # Streamlit's, for any address
    assert page or answer.status_code in (400, 404)  # Streamlit's page


def test_links_out_of_the_run_are_not_followed(client, copied, tmp_path) -> None:
    address = addresses(copied, "adaspec")[-1]
    file = copied.path / "drafts/adaspec/model.safetensors"
    elsewhere = tmp_path / "weights"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert client.get(f"/{address}").status_code == 404
    with pytest.raises(AdaspecError, match="does not hold the model adaspec"):
        engine(copied, ["adaspec"])


def test_only_names_of_this_machine_get_models(client, monkeypatch) -> None:
    known = config.get_option("server.allowedHosts")
    config.set_option("server.allowedHosts", ["localhost"])
    try:
        address = f"/{addresses(EXAMPLE, 'adaspec')[-1]}"
        assert client.get(address).status_code == 200
        assert client.get(address, headers={"host": "elsewhere.example"}).status_code == 403
    finally:
        config.set_option("server.allowedHosts", known)


def test_larger_pairs_are_for_the_server(client, copied) -> None:
    address = addresses(copied, "adaspec")[-1]
    state = json.loads(copied.state_file.read_text())
    state["facts"]["target parameters"] = run_models.LARGEST + 1_000_000
    copied.state_file.write_text(json.dumps(state))
    with pytest.raises(AdaspecError, match="6 million parameters; browsers run up to 5 million"):
        engine(copied, ["adaspec"])
    assert client.get(f"/{address}").status_code == 404
