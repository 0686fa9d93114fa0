"""A wheel without the checkout: what it puts into an environment, and what works from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from email.parser import BytesParser
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tests.studio import ROOT, enough, free_port, serves


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(ROOT))
    [file] = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and this one's packages, but with nothing of the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder)
    [packages] = folder.glob("lib/python*/site-packages")
    here = Path(distribution("torch").locate_file(""))
    (packages / "others.pth").write_text(f"{here}\n")  # whose own .pth files then count for nothing
    there = str(folder / "bin/python")
    pip("--python", there, "install", "--no-index", "--no-deps", "--ignore-installed", str(wheel))
    return folder


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=bare(), check=False)
    assert done.returncode == 0, done.stderr


def bare(**variables: str) -> dict[str, str]:
    """This environment without what would lead to the checkout, or to other wheels."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return {name: value for name, value in kept.items() if not name.startswith("PIP_")} | variables


def adaspec(installed: Path, tmp_path: Path, *arguments: str) -> str:
    done = subprocess.run(
        [installed / "bin/adaspec", *arguments],
        cwd=tmp_path,
        env=bare(ADASPEC_HOME=str(tmp_path / "home")),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_adds_one_package_and_all_that_git_has_of_the_others(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"adaspec", "adaspec-0.1.0.dist-info"}
    folders = ["adaspec", "app", "assets", "browser/dist", "browser/page.html", "pages"]
    ours = ["git", "ls-files", "--cached", "--others", "--exclude-standard", *folders]
    listed = subprocess.run(ours, cwd=ROOT, capture_output=True, text=True, check=True)
    inside = [
        name.removeprefix("adaspec/bundled/")
        for name in names
        if name.startswith("adaspec/") and not name.endswith("/.streamlit/config.toml")
    ]
    assert sorted(inside) == sorted(listed.stdout.splitlines())


def test_its_requirements_are_what_make_app_installs(wheel: Path) -> None:
    """A package that is pinned and not required would be missing from every other install."""
    [metadata] = [name for name in ZipFile(wheel).namelist() if name.endswith("/METADATA")]
    required = map(
        Requirement,
        BytesParser().parsebytes(ZipFile(wheel).read(metadata)).get_all("Requires-Dist"),
    )
    bounds = {requirement.name: requirement.specifier for requirement in required}
    extras = pins("requirements-ray.txt") | pins("requirements-trackio.txt")
    pinned = pins("requirements.txt") | extras
    assert bounds.keys() == pinned.keys()
    for name, version in pinned.items():
        assert version in bounds[name], name


def pins(file: str) -> dict[str, str]:
    lines = (ROOT / file).read_text().splitlines()
    requirements = [Requirement(line) for line in lines if line and line[0] != "#"]
    return {
        requirement.name: next(iter(requirement.specifier)).version for requirement in requirements
    }


def test_the_command_line_has_recipes_models_and_example(installed: Path, tmp_path: Path) -> None:
    assert "smollm2-gsm8k" in adaspec(installed, tmp_path, "recipes")
    assert "distillspec = reference" in adaspec(installed, tmp_path, "report", "example")


def test_it_decodes_with_the_models_that_it_brought(installed: Path, tmp_path: Path) -> None:
    asked = ["replay", "example", "--prompt", "Ada has 12 apples.", "--max-new-tokens", "4"]
    assert json.loads(adaspec(installed, tmp_path, *asked, "--json"))


def test_the_studio_is_in_it(installed: Path, tmp_path: Path) -> None:
    port = free_port()
    studio = subprocess.Popen(
        [installed / "bin/adaspec", "app", "--port", str(port)],
        cwd=tmp_path,
        env=bare(ADASPEC_HOME=str(tmp_path / "home"), ADASPEC_SUPERVISOR="elsewhere"),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        enough(lambda: serves(f"http://127.0.0.1:{port}/_stcore/health"))
    finally:
        studio.terminate()
    printed, _ = studio.communicate(timeout=20)
    assert (
        f"http://localhost:{port}" in printed
    )  # by the wheel's config.toml: nobody else is let in


def test_a_checkout_that_is_not_installed_knows_its_version() -> None:
    """It is asked for when a run's facts are written: without it every run died there."""
    command = [sys.executable, "-S", "-c", "import adaspec; print(adaspec.__version__)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == distribution("adaspec").version
