"""The Planner page: its numbers are the command's, its link is the view, and logs are held up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from adaspec import cli, runs
from adaspec.analysis import engines, planner
from adaspec.analysis.planner import OWN
from adaspec.analysis.server_log import Held
from adaspec.runs import Run
from app.shared import reading
from tests.adaspec.analysis.test_server_log import COUNTERS, LLAMA_OLD
from tests.studio import ROOT

EXAMPLE = Run(runs.EXAMPLES["example"])
COSTS = "1:20:2:24@4, 32:30:4:70@4, 128:60:90:300@4"


def opened(**link: str) -> AppTest:
    reading.look_again()
    page = AppTest.from_file(ROOT / "app/main.py", default_timeout=60)
    page.switch_page(str(ROOT / "pages/planner.py"))
    for name, value in ({"run": "example"} | link).items():
        page.query_params[name] = value
    return sound(page.run())


def sound(page: AppTest) -> AppTest:
    assert not page.exception
    return page


def words_on(page: AppTest) -> str:
    kinds = ("markdown", "caption", "info", "warning", "error")
    return "\n".join(element.value for kind in kinds for element in getattr(page, kind)).replace(
        "\\", ""
    )


def link_of(page: AppTest) -> dict[str, Any]:
    return {
        name: values if isinstance(values, str) else values[0]
        for name, values in page.query_params.items()
    }


def pasted(page: AppTest, log: str) -> AppTest:
    return sound(page.text_area(key="planner-log").set_value(log).run())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ADASPEC_HOME", str(tmp_path_factory.mktemp("home")))
        yield opened(draft="adaspec", costs=COSTS)


def test_it_says_and_shows_what_the_library_plans(page: AppTest) -> None:
    plan = planner.plan(EXAMPLE, "adaspec", costs=COSTS)
    for batch in plan.batches:
        assert batch.says in words_on(page)
    assert "At batch 128 no acceptance pays here" in words_on(page)
    shown = page.dataframe[0].value
    for batch in plan.batches:
        name = f"batch {batch.costs.batch}"
        assert list(shown[f"{name}: speed-up"]) == [point.speedup for point in batch.curve]
    assert list(shown["EAL"]) == [position.length for position in plan.positions]
    assert page.info[0].value == engines.ENGINES["vLLM"].caution(plan.acceptance)
    assert page.code[0].value == engines.ENGINES["vLLM"].settings(plan.gamma)
    assert link_of(page) == {"run": "example", "draft": "adaspec", "costs": COSTS}


def test_a_choice_is_in_the_link_and_a_link_is_the_choice(page: AppTest) -> None:
    sound(page.selectbox(key="link-acceptance").set_value(OWN).run())
    sound(page.number_input(key="link-alpha").set_value(0.55).run())
    sound(page.selectbox(key="link-engine").set_value("llama.cpp").run())
    sound(page.number_input(key="link-gamma").set_value(7).run())
    link = link_of(page)
    assert link.items() >= {"acceptance": OWN, "alpha": "0.55", "gamma": "7"}.items()
    other = opened(**link)
    assert link_of(other) == link
    assert words_on(other) == words_on(page)
    assert "--spec-draft-n-max 7" in other.code[0].value
    assert planner.plan(EXAMPLE, alpha=0.55, costs=COSTS).batches[0].says in words_on(other)


def test_a_log_is_held_against_it(page: AppTest) -> None:
    pasted(page, COUNTERS)
    assert "vLLM has 2.65 tokens a pass at γ = 3 (α = " in words_on(page)
    assert page.dataframe[1].value["tokens a pass"][0] == pytest.approx(2.65)
    pasted(page, LLAMA_OLD)
    assert "llama.cpp has" in words_on(page)
    pasted(page, "hello")
    assert page.error[0].value.startswith("Nothing about a draft was found")


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ({"costs": "1:2"}, "'1:2' says no costs: give BATCH:PLAIN:DRAFT:VERIFY@γ"),
        ({"acceptance": "nope"}, "There is no acceptance 'nope' here."),
        ({"acceptance": OWN, "alpha": "7"}, "alpha=7 in the link is not a number from 0 to 1."),
        ({"gamma": "0"}, "gamma=0 in the link is not a number from 1 to 64."),
    ],
)
def test_a_link_that_says_nonsense_is_complained_of(
    home: Path, link: dict[str, str], complaint: str
) -> None:
    assert complaint in words_on(opened(**link))


def test_programs_get_the_plan_or_what_is_said_of_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text(COUNTERS, encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["adaspec", "plan", "example", "--json"])
    cli.main()
    assert planner.Plan.model_validate_json(capsys.readouterr().out) == planner.plan(EXAMPLE)
    monkeypatch.setattr("sys.argv", ["adaspec", "plan", "example", "--json", "--log", str(log)])
    cli.main()
    held = Held.model_validate_json(capsys.readouterr().out)
    assert held.log.accepted == 165
    assert held.gamma == 3


def test_the_command_says_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.write_text(COUNTERS, encoding="utf-8")
    command = f"adaspec plan example --draft adaspec --gamma 3 --log {log} --costs".split()
    monkeypatch.setattr("sys.argv", [*command, COSTS])
    cli.main()
    said = " ".join(capsys.readouterr().out.split())
    plan = planner.plan(EXAMPLE, "adaspec", costs=COSTS)
    for batch in plan.batches:
        assert batch.says in said
    assert "vLLM has 2.65 tokens a pass at γ = 3" in said
    for engine in engines.ENGINES.values():
        assert " ".join(engine.settings(3).split()) in said
