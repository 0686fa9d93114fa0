"""The Replay page in a real browser: first look, links, own prompts, files; and its views."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from adaspec import AdaspecError, replays, runs, tokens
from adaspec.runs import Run
from adaspec.runs.speed import Speed, Timed
from adaspec.runs.tables import VOCABULARY
from adaspec.speculation.trace import Trace
from adaspec.views import replay_view
from tests.app.replay.test_own import WITHOUT_WORKERS
from tests.app.tokens.test_pages import link_of, select, visit, wait_for_link
from tests.studio import enough, faultless, studio
from tests.views import HOSTILE

expect.set_options(timeout=20_000)  # two busy cores
EXAMPLE = Run(runs.EXAMPLES["example"])
BARE = "01BBBBBBBBBBBBBBBBBBBBBBBB"
HOSTILE_RUN = "01HHHHHHHHHHHHHHHHHHHHHHHH"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two copies of the example: one without replays, one with a hostile vocabulary."""
    home = tmp_path_factory.mktemp("replays")
    for name in (BARE, HOSTILE_RUN):
        run = Run(home / "runs" / name)
        shutil.copytree(EXAMPLE.path, run.path)
        state = json.loads(run.state_file.read_text())
        run.state_file.write_text(json.dumps(state | {"id": name}))
    shutil.rmtree(home / "runs" / BARE / "replays")
    pieces = pq.read_table(run.vocabulary_file).to_pydict()
    strange = [text.encode() for text in [*HOSTILE, "x" * 10_000]] + [b"\xe2\x82", b"\x00\xff"]
    pieces["data"] = [strange[i % len(strange)] for i in range(len(pieces["id"]))]
    pq.write_table(pa.table(pieces, schema=VOCABULARY), run.vocabulary_file)
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    with studio(home) as where:
        yield where


def steps(page: Page) -> int:
    return int(page.get_by_role("slider", name="Step").input_value())


# What the page is given.


def test_a_view_is_the_trace_with_its_words() -> None:
    for draft in replays.drafts(EXAMPLE):
        shown = replay_view.stored(EXAMPLE, draft, 3)
        trace = replays.read(EXAMPLE, draft, 3)
        assert Trace.model_validate(shown["trace"]) == trace
        words = {int(identity): piece["text"] for identity, piece in shown["vocabulary"].items()}
        text = "".join(words[identity] for identity in trace.text)
        prompt = "".join(words[identity] for identity in trace.prompt)
        assert prompt == tokens.examples(EXAMPLE, "generated")["prompt"][3]
        assert text
        for round in trace.rounds:
            for proposal in round.proposals:
                assert {token for token, *_ in proposal.likeliest} <= words.keys()
        json.dumps(shown, allow_nan=False)


def test_a_view_takes_milliseconds() -> None:
    replay_view.stored(EXAMPLE, "adaspec", 0)  # reads the vocabulary
    taken = []
    for seq in range(1, 11):
        began = time.process_time()  # others are at work
        replay_view.stored(EXAMPLE, "stock", seq)
        taken.append(1000 * (time.process_time() - began))
    print(f"median {statistics.median(taken):.2f} ms, at most {max(taken):.2f} ms")
    assert statistics.median(taken) < 20


def test_a_replay_made_anew_is_shown_anew(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE.path, tmp_path / "run")
    run = Run(tmp_path / "run")
    timed = replays.read(run, "adaspec", 0).model_copy(update={"plain_ms": 2.0})
    run.replay("adaspec", 0).write_text(timed.model_dump_json())
    timed = Timed(ms=[2.0], plain_ms=[2.0], draft_ms=0.5, verify_ms=3.0)
    runs.SPEED.write(run.speed_file, Speed(plain_ms=2.0, drafts={"adaspec": {4: timed}}))
    before = replay_view.stored(run, "adaspec", 0)
    assert before["plain"]["ms"] == 2.0
    assert before["costs"] == [(4, 0.5, 3.0)]
    assert replay_view.stored(run, "adaspec", 0) is before
    run.speed_file.write_text("{")
    with pytest.raises(AdaspecError, match=r"speed.json is damaged \(.*\)\. adaspec measure makes"):
        replay_view.stored(run, "adaspec", 0)
    run.speed_file.unlink()
    file = run.replay("adaspec", 0)
    trace = replays.read(run, "adaspec", 0)
    shorter = {"rounds": trace.rounds[:5], "plain_ms": None}
    file.write_text(trace.model_copy(update=shorter).model_dump_json())
    after = replay_view.stored(run, "adaspec", 0)
    assert after["plain"] is None
    assert len(after["trace"]["rounds"]) == 5
    gamma, draft_ms, verify_ms = after["costs"][0]
    whole = [round for round in trace.rounds[:5] if len(round.proposals) == gamma]
    assert min(round.draft_ms for round in whole) <= gamma * draft_ms
    assert verify_ms <= max(round.verify_ms for round in whole)


# The page.


def test_the_first_minute(page: Page, address: str):
    """Nothing is set, and the newest run that has replays plays its first rounds."""
    visit(page, f"{address}/replay")
    assert link_of(page) == {"run": HOSTILE_RUN}
    visit(page, f"{address}/replay?run=example")
    expect(page.locator(".replay h2")).to_contain_text("tiny · prompt #0 · adaspec")
    expect(page.locator(".replay .caption")).to_contain_text("guesses the next 4 tokens")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    enough(lambda: page.wait_for_timeout(100) or steps(page) > 0, 20)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="To the end").click()
    trace = replays.read(EXAMPLE, "adaspec", 0)
    expect(page.locator(".told")).to_contain_text(
        f"{len(trace.text)} tokens in {len(trace.rounds)} passes of the target"
    )
    wait_for_link(page, run="example", step=str(replay_view.stored(EXAMPLE, "adaspec", 0)["steps"]))


def test_a_link_is_the_view(page: Page, address: str, chromium: Browser):
    visit(page, f"{address}/replay?run=example&step=0")
    select(page, "Draft q", "stock")
    page.get_by_role("combobox", name="Prompt").click()
    page.get_by_role("option", name=re.compile("^#3 ")).click()
    expect(page.locator(".replay h2")).to_contain_text("prompt #3 · stock")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Step").fill("40")
    page.get_by_label("Speed").select_option("5")
    page.locator(".ladder .chip.rejected").first.click()
    wait_for_link(page, run="example", draft="stock", example="3", step="40", speed="5")
    link = link_of(page)
    assert re.fullmatch(r"\d+\.\d+", link["token"])
    with faultless(chromium) as other:
        visit(other, page.url)
        assert link_of(other) == link
        looks = (
            "one => [one.textContent, [...one.querySelectorAll('[class]')].map(x => x.className)]"
        )
        for part in (".ladder", ".text", ".score", ".answer", ".whatif"):
            there, here = (at.locator(part).evaluate(looks) for at in (other, page))
            assert there == here
    select(page, "Draft q", "adaspec")
    expect(page.locator(".replay h2")).to_contain_text("prompt #3 · adaspec")
    assert not {"step", "token"} & link_of(page).keys()  # of the other replay


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("run=01NOSUCHRUN", "There is no run '01NOSUCHRUN' here"),
        ("run=example&draft=nobody", "There is no draft q 'nobody' here"),
        ("run=example&example=99", "There is no prompt '99' here"),
        ("run=example&step=9999", "step=9999 in the link is not a number from 0 to"),
        ("run=example&speed=7", "There is no speed '7'"),
        ("run=example&token=999.0", "There is no token '999.0' here"),
        ("run=example&token=<b>", "There is no token '<b>' here"),
    ],
)
def test_a_wrong_link_says_so_and_shows_the_nearest(page: Page, address: str, wrong: str, message):
    visit(page, f"{address}/replay?{wrong}")
    expect(page.get_by_test_id("stAlert").filter(has_text=message).first).to_be_visible()
    expect(page.locator(".replay .ladder")).to_be_visible()


def test_a_run_without_replays_says_what_makes_them(page: Page, address: str):
    visit(page, f"{address}/replay?run={BARE}")
    expect(page.get_by_test_id("stAlert")).to_contain_text(f"adaspec measure {BARE} makes them")
    expect(page.locator(".replay")).to_have_count(0)


def test_hostile_text_is_text(page: Page, address: str):
    visit(page, f"{address}/replay?run={HOSTILE_RUN}&step=50")
    expect(page.locator(".ladder .chip").first).to_be_visible()
    for chip in page.locator(".ladder .chip:visible").all()[:12]:
        chip.evaluate("one => one.click()")
        expect(page.locator(".why")).to_be_visible()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".replay :is(script, img)").count() == 0


def test_a_prompt_of_ones_own_by_the_server(page: Page, address: str, chromium: Browser):
    page.add_init_script(WITHOUT_WORKERS)
    asked = "of=own&temperature=0&gamma=3&max_new_tokens=24&seed=5"
    visit(page, f"{address}/replay?run=example&{asked}&step=0")
    expect(page.get_by_text("Decoded in")).to_be_visible(timeout=60_000)
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("Mia has 7 <script>window.hacked=1</script> shells. How many has she?\n")
    page.get_by_role("button", name="Decode").click()
    expect(page.locator(".text")).to_contain_text("window.hacked=1</script> shells.")
    expect(page.locator(".replay h2")).to_contain_text("γ = 3 · greedy · seed 5")
    took = float(re.search(r"[\d.]+", page.get_by_text("Decoded in").inner_text())[0])
    print(f"warm: {took} s")
    assert took < 3
    page.get_by_role("button", name="To the end").click()
    expect(page.locator(".told")).to_contain_text("24 tokens in")
    summary = page.locator(".told").inner_text().partition(";")[0]
    wait_for_link(page, of="own", gamma="3", temperature="0", seed="5", step=str(steps(page)))
    assert link_of(page)["max_new_tokens"] == "24"
    assert "shells" in link_of(page)["prompt"]
    with faultless(chromium) as other:  # greedy: the same tokens; the clock is another
        other.add_init_script(WITHOUT_WORKERS)
        visit(other, page.url)
        expect(other.locator(".told")).to_contain_text(summary)
        words = "all => all.map(one => one.textContent)"
        there, here = (x.locator(".text .word").evaluate_all(words) for x in (other, page))
        assert there == here
    prompt.fill("")
    page.get_by_role("button", name="Decode").click()
    expect(page.get_by_test_id("stAlert")).to_contain_text("nothing to predict")


# Another way than recorded.


def test_a_recorded_prompt_with_another_draft_length(page: Page, address: str):
    """A column of the what-if decodes it, a slider too; with the recorded settings it is the
    recording. Its text has the recording's tokens.
    """
    prompt, words = page.locator(".text .word.prompt"), "all => all.map(one => one.textContent)"
    visit(page, f"{address}/replay?run=example&example=3&step=20")
    page.get_by_role("button", name="γ = 7 instead").click()
    expect(page.locator(".own .replay h2")).to_contain_text("prompt #3 · adaspecγ = 7")
    wait_for_link(page, run="example", example="3", gamma="7")
    expect(page.get_by_text("Decoded anew: γ = 7, temperature 1.")).to_be_visible()
    page.get_by_role("button", name="γ = 2 instead").click()
    expect(page.locator(".own .replay h2")).to_contain_text("γ = 2")
    anew = prompt.evaluate_all(words)
    page.get_by_role("button", name="Race, γ, temperature").click()
    temperature = page.get_by_role("slider", name="Temperature")
    expect(temperature).to_have_value("1")
    expect(page.get_by_role("slider", name="γ")).to_have_value("2")
    temperature.press("ArrowRight")
    expect(page.locator(".own .replay h2")).to_contain_text("γ = 2 · temperature 1.1")
    wait_for_link(page, run="example", example="3", gamma="2", temperature="1.1")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="As recorded").click()
    expect(page.locator(".own")).to_have_count(0)
    expect(page.locator(".replay h2")).to_contain_text("γ = 4 · temperature 1 · seed 3")
    assert prompt.evaluate_all(words) == anew
    assert not {"gamma", "temperature"} & link_of(page).keys()


def test_two_drafts_race(page: Page, address: str, chromium: Browser):
    visit(page, f"{address}/replay?run=example&example=1")
    page.get_by_role("button", name="Race, γ, temperature").click()
    select(page, "Race against", "stock")
    page.keyboard.press("Escape")
    expect(page.locator(".duel h2")).to_contain_text("prompt #1 · adaspec against stock")
    page.get_by_role("button", name="Pause").click()
    clock = page.get_by_role("slider", name="Clock")
    clock.fill("30")
    expect(page.locator(".told")).to_contain_text(re.compile("ahead after 30|Level after 30"))
    counts = page.locator(".duel .count").all_inner_texts()
    assert all(int(count.split()[0]) > 0 for count in counts)
    wait_for_link(page, run="example", example="1", against="stock", clock="30")
    with faultless(chromium) as other:
        visit(other, page.url)
        expect(other.locator(".duel .count")).to_have_text(counts)
    clock.press("End")
    ends = {
        draft: (len(trace.text), len(trace.rounds))
        for draft in ("adaspec", "stock")
        for trace in [replays.read(EXAMPLE, draft, 1)]
    }
    for draft, (tokens_made, passes) in ends.items():
        said = f"{draft}: {tokens_made} tokens in {passes} passes"
        expect(page.locator(".told")).to_contain_text(said)
    expect(page.locator(".told")).to_contain_text("times as fast, token for token")
    expect(page.get_by_role("link", name="Compare").last).to_have_attribute(
        "href", "compare?run=example&drafts=adaspec%2Cstock"
    )
    select(page, "Draft q", "stock")  # nobody races against himself
    expect(page.locator(".replay h2")).to_contain_text("prompt #1 · stock")
    expect(page.locator(".duel")).to_have_count(0)


def test_files_to_take_away(page: Page, address: str, chromium: Browser, tmp_path: Path):
    visit(page, f"{address}/replay?run=example&draft=stock&example=2&step=30")
    trace = replays.read(EXAMPLE, "stock", 2)

    def download(name: str) -> bytes:
        with page.expect_download() as got:
            page.get_by_role("button", name=name, exact=True).click()
        return Path(got.value.path()).read_bytes()

    answer = json.loads(download("JSON"))
    assert Trace.model_validate(answer["trace"]) == trace
    assert answer["text"] == "".join(answer["tokens"][str(identity)] for identity in trace.text)
    assert answer["summary"]["target_passes"] == len(trace.rounds)
    assert answer["summary"]["accepted"] == sum(round.accepted for round in trace.rounds)
    assert {"p", "q", "u", "keep", "alpha.tested"} <= answer["definitions"].keys()
    file = tmp_path / "replay.html"
    file.write_bytes(download("Page"))
    alone = chromium.new_page()
    alone.route(re.compile("^http"), lambda route: pytest.fail("it asks the network"))
    alone.goto(file.as_uri())
    expect(alone.get_by_role("slider", name="Step")).to_have_value("30")
    alone.get_by_role("button", name="To the end").click()
    expect(alone.locator(".told")).to_contain_text(f"{len(trace.text)} tokens in")
    alone.close()


# Before an audience.

RACE, PASSES, ANSWER = ".replay .race", ".replay .round.current", ".replay .why"
SCREENS = {"1024x768": (1024, 768), "1080p at 150 %": (1280, 720), "1080p at 200 %": (960, 540)}


def within(page: Page, selector: str, height: float) -> bool:
    box = page.locator(selector).bounding_box()
    assert box
    return box["y"] >= 0 and box["y"] + min(box["height"], height) <= page.viewport_size["height"]


@pytest.mark.parametrize("screen", SCREENS)
def test_race_passes_and_answer_are_seen_at_once(page: Page, address: str, screen: str) -> None:
    width, height = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})
    visit(page, f"{address}/replay?run=example&step=99")
    for decided in ("rejected", "accepted", "residual"):
        page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
        page.locator(f".ladder .chip.{decided}").last.click()
        if height < 700:  # the page's fields are above it, one scroll away
            page.locator(".replay .controls").evaluate("part => part.scrollIntoView()")
            page.mouse.move(width / 2, height / 2)
            page.mouse.wheel(0, -70)  # the page's head covers what is at the very top
            page.wait_for_timeout(300)
        for part in (RACE, PASSES, ANSWER):
            assert within(page, part, 190), (decided, part)


@pytest.mark.parametrize("screen", [*SCREENS, "1080p"])
def test_a_link_opens_it_before_an_audience(page: Page, address: str, screen: str) -> None:
    width, height = SCREENS.get(screen, (1920, 1080))
    page.set_viewport_size({"width": width, "height": height})
    visit(page, f"{address}/replay?run=example&step=99&present=yes")
    for part in (RACE, ".replay .ladder", ".replay .answer"):
        assert within(page, part, height), part
    # Nothing but the replay is there, and its type grows with the screen.
    covers = page.get_by_role("dialog").bounding_box()
    assert covers == {"x": 0, "y": 0, "width": width, "height": height}
    size = page.locator(".replay .told").evaluate(
        "part => parseFloat(getComputedStyle(part).fontSize) * part.currentCSSZoom"
    )
    assert size >= 16 * max(1, min(width / 1100, height / 640))


def test_a_clicker_works_at_once_and_escape_leaves(page: Page, address: str) -> None:
    visit(page, f"{address}/replay?run=example&step=9&present=yes")
    step = page.get_by_role("slider", name="Step")
    for key, expected in (
        ("PageDown", "10"), ("PageDown", "11"), ("PageUp", "10"), ("ArrowRight", "11"),
        ("ArrowDown", "12"), ("ArrowLeft", "11"), ("ArrowUp", "10"),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(step).to_have_value(expected)
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    wait_for_link(page, present="yes")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Prompt")).to_be_visible()
    enough(lambda: page.wait_for_timeout(100) or "present" not in link_of(page))
    page.get_by_role("button", name="Present").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    wait_for_link(page, present="yes")
    page.get_by_role("button", name="Leave the presentation").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
