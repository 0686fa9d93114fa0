"""The replay player in a real browser: opened from disk and served, held against its trace."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

from adaspec import runs
from adaspec.models import load_weights
from adaspec.recipe import Decoding
from adaspec.runs import Run
from adaspec.speculation.decoding import speculate
from adaspec.speculation.trace import Round, Trace, emitted
from adaspec.views import replay_view
from adaspec.views.replay_view import STATE, standalone
from tests.app.replay.player_app import PIECES, trace, view
from tests.axe import obstacles
from tests.studio import enough, serve_script
from tests.views import ATTACK, HOSTILE, LONG, WORDS

Open = Callable[..., Page]
EXAMPLE = Run(runs.EXAMPLES["example"])
LENGTHS = range(1, 17)

# All that the player shows of a step.
SHOWN = """async player => {
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    return {
    score: [...player.querySelectorAll('.score dl > div:not([hidden])')].map(
        one => [...one.querySelector('dd').children].map(part => part.textContent)),
    counts: [...player.querySelectorAll('.count')].map(one => one.textContent),
    chips: [...player.querySelectorAll('.ladder [data-chip]')].filter(
        one => one.offsetParent && getComputedStyle(one).opacity !== '0').map(
        one => [one.dataset.chip, [...one.classList]]),
    words: [...player.querySelectorAll('.text [data-chip]')].filter(
        one => getComputedStyle(one).visibility === 'visible').map(one => one.dataset.chip),
    bars: [...player.querySelectorAll('.lane i')].map(
        one => Number(/[(](.*)[)]/.exec(one.style.transform)[1])),
    told: player.querySelector('.told').textContent,
    why: player.querySelector('.why')?.dataset.chip ?? null};
}"""


# Every chip's card, by asking about one after the other.
CARDS = """player => Object.fromEntries([...player.querySelectorAll('.ladder .chip')].map(chip => {
    chip.click();
    const card = player.querySelector('.why');
    const rows = table => [...card.querySelectorAll(`${table} tbody tr`)].map(row => ({
        cells: [...row.querySelectorAll('td')].map(one => one.textContent),
        style: row.querySelector('.pair').getAttribute('style'),
        this: row.classList.contains('this')}));
    return [card.dataset.chip, {
        text: card.textContent,
        verdict: card.querySelector('.verdict').textContent,
        line: card.querySelector('.die .line')?.getAttribute('style'),
        pointer: card.querySelector('.pointer')?.getAttribute('style'),
        bars: rows('.bars:not(.drawn)'),
        drawn: rows('.drawn')}];
}))"""


# A plain twin: the steps of a trace, and what has been counted after each.


def steps_of(decoded: Round) -> list[tuple[str, int]]:
    """(what, place): every proposal, the check, every decision, the target's own token."""
    proposals = [("propose", i) for i in range(len(decoded.proposals))]
    tested = decoded.accepted + decoded.rejected
    decided = [("decide", i) for i in range(tested)]
    added = [("add", len(decoded.proposals))] if decoded.last else []
    return [*proposals, ("check", 0), *decided, *added]


def twin(made: Trace, until: int) -> dict[str, Any]:
    """What is to be seen after so many steps."""
    tokens = passes = accepted = tested = step = 0
    ms, done = 0.0, (0, 0.0)  # tokens and milliseconds of the whole rounds
    looks: dict[str, str] = {}
    words: list[str] = []
    for number, decoded in enumerate(made.rounds):
        began, drafted = ms, 0
        for what, i in steps_of(decoded):
            if step == until:
                break
            step += 1
            identity = f"{number}.{i}"
            if what == "propose":
                drafted += 1
                looks[identity] = "proposed"
                ms = began + decoded.draft_ms * drafted / len(decoded.proposals)
            elif what == "check":
                passes += 1
                ms = began + decoded.draft_ms + decoded.verify_ms
                looks |= {f"{number}.{i}": "checking" for i in range(len(decoded.proposals))}
            elif what == "decide":
                tested += 1
                kept = decoded.proposals[i].accepted
                accepted += bool(kept)
                tokens += bool(kept)
                looks[identity] = "accepted" if kept else "rejected"
                words += [identity] if kept else []
                if not kept:
                    after = range(i + 1, len(decoded.proposals))
                    looks |= {f"{number}.{i}": "untested" for i in after}
            else:
                assert decoded.last
                tokens += 1
                looks[identity] = decoded.last.kind
                words.append(identity)
        else:
            done = tokens, ms
    return {
        "tokens": tokens,
        "passes": passes,
        "accepted": accepted,
        "tested": tested,
        "ms": ms,
        "done": done,
        "looks": looks,
        "words": words,
    }


def total(made: Trace) -> int:
    return sum(len(steps_of(decoded)) for decoded in made.rounds)


def agrees(page: Page, shown: dict[str, Any], step: int) -> None:
    """Everything on the page is what the trace says of this step."""
    made = Trace.model_validate(shown["trace"])
    seen = page.locator(".replay").evaluate(SHOWN)
    wanted = twin(made, step)
    tokens, passes, tested = wanted["tokens"], wanted["passes"], wanted["tested"]
    all_of = len(made.text)
    score = [
        [f"{tokens / passes:.2f}" if tokens else "–", f"{tokens} in {passes}"],
        [
            f"{100 * wanted['accepted'] / tested:.0f} %" if tested else "–",
            f"{wanted['accepted']} of {tested}",
        ],
        [f"{wanted['ms']:.1f}", "ms"],
    ]
    assert seen["score"][0] == score[0]
    assert seen["score"][1][1] == score[1][1]
    if tested:
        percent = float(seen["score"][1][0].removesuffix(" %"))
        assert abs(percent - 100 * wanted["accepted"] / tested) <= 0.5
    assert abs(float(seen["score"][2][0]) - wanted["ms"]) <= 0.051
    plain = shown["plain"]
    theirs = min(all_of, int(wanted["ms"] / plain["ms"] + 1e-9)) if plain else passes
    assert seen["counts"] == [f"{tokens} of {all_of}", f"{theirs} of {all_of}"]
    race = [tokens, min(all_of, wanted["ms"] / plain["ms"]) if plain else passes]
    assert seen["bars"] == pytest.approx([length / all_of for length in race], abs=1e-6)
    if plain and wanted["done"][0]:
        done, ms = wanted["done"]
        assert abs(float(seen["score"][3][0].removesuffix("×")) - plain["ms"] * done / ms) <= 0.0051
        slower = plain["ms"] * done < ms
        assert ("slower" in seen["score"][3][1]) == slower
    looks = {identity: set(classes) for identity, classes in seen["chips"]}
    assert looks.keys() == wanted["looks"].keys()
    for identity, look in wanted["looks"].items():
        assert look in looks[identity]
    assert seen["words"] == wanted["words"]


# Pages.


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The page with nothing but a player, served; its address."""
    with serve_script("tests/app/replay/player_app.py") as address:
        yield address


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages with which nothing may go wrong."""
    complaints: list[str] = []
    pages: list[Page] = []

    def open_one(address: str, **more: Any) -> Page:
        more = {"reduced_motion": "reduce"} | more  # what slides in is there at once
        page = chromium.new_page(
            viewport={"width": more.pop("width", 1440), "height": 1200}, **more
        )
        page.on(
            "console", lambda message: message.type == "error" and complaints.append(message.text)
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        pages.append(page)
        page.wait_for_selector(".replay .ladder")
        return page

    yield open_one
    for page in pages:
        assert page.evaluate("window.hacked") is None
        page.close()
    assert [complaint for complaint in complaints if "404 (Not Found)" not in complaint] == []


@pytest.fixture
def exported(opened: Callable[..., Page], tmp_path: Path) -> Open:
    def open_one(state: dict[str, Any] | None = None, shown: dict[str, Any] | None = None, **more):
        file = tmp_path / "replay.html"
        file.write_text(standalone(shown or view(), state or {"step": 0}), encoding="utf-8")
        return opened(file.as_uri(), **more)

    return open_one


@pytest.fixture
def served(opened: Callable[..., Page], server: str) -> Open:
    def open_one(state: dict[str, Any] | None = None, query: str = "", **more: Any) -> Page:
        asked = quote(json.dumps({"step": 0} if state is None else state))
        page = opened(f"{server}/?state={asked}&{query}", **more)
        expect(page.get_by_text("runs: 1")).to_be_visible(timeout=20_000)
        return page

    return open_one


def scrub(page: Page, step: int) -> None:
    page.get_by_role("slider", name="Step").fill(str(step))


def chip(page: Page, identity: str) -> Any:
    return page.locator(f".ladder [data-chip='{identity}']")


def left(page: Page) -> dict[str, Any]:
    return json.loads(page.get_by_text("state: ").inner_text().removeprefix("state: "))


@cache
def stored() -> dict[str, Any]:
    return replay_view.stored(EXAMPLE, "adaspec", 0)


# What is shown.


@pytest.mark.parametrize("which", ["stored", "sampled", "greedy", "untimed"])
def test_the_player_counts_what_the_trace_says(exported: Open, which: str):
    shown = {
        "stored": stored,
        "sampled": view,
        "greedy": lambda: view(greedy=True),
        "untimed": lambda: view(plain_ms=None),
    }[which]()
    page = exported(shown=shown)
    made = Trace.model_validate(shown["trace"])
    end = total(made)
    assert shown["steps"] == end
    agrees(page, shown, 0)
    for step in (1, 7, end // 2, end // 2 + 3, end):
        scrub(page, step)
        agrees(page, shown, step)
    at_end = page.locator(".replay").evaluate(SHOWN)
    accepted = sum(decoded.accepted for decoded in made.rounds)
    assert at_end["score"][0][1] == f"{len(made.text)} in {len(made.rounds)}"
    assert at_end["score"][1][1].startswith(f"{accepted} of ")
    assert f"{len(made.text)} tokens in {len(made.rounds)} passes" in at_end["told"]


def test_every_step_forward_and_back_again(exported: Open):
    """By keys; going back leads through the very same sights."""
    shown = view(tokens=14)
    page = exported(shown=shown)
    end = total(Trace.model_validate(shown["trace"]))
    page.locator(".ladder").focus()

    def sight() -> list[str]:
        looks = (
            "one => [one.textContent, [...one.querySelectorAll('[class]')].map(x => x.className)]"
        )
        return page.locator(".replay").evaluate(looks)

    seen = [sight()]
    for _ in range(end):
        page.keyboard.press("ArrowRight")
        seen.append(sight())
    page.keyboard.press("ArrowRight")  # there is no more
    assert sight() == seen[-1]
    for step in reversed(range(end)):
        page.keyboard.press("ArrowLeft")
        assert sight() == seen[step]
    page.keyboard.press("End")
    assert sight() == seen[-1]
    page.keyboard.press("Home")
    assert sight() == seen[0]


def test_round_by_round(exported: Open):
    shown = view()
    made = Trace.model_validate(shown["trace"])
    ends = [sum(len(steps_of(decoded)) for decoded in made.rounds[: n + 1]) for n in range(4)]
    page = exported(shown=shown)
    page.locator(".ladder").focus()
    for end in ends:
        page.keyboard.press("Shift+ArrowRight")
        assert page.get_by_role("slider", name="Step").input_value() == str(end)
    agrees(page, shown, ends[-1])
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.get_by_role("slider", name="Step").input_value() == str(ends[-2])
    page.get_by_role("button", name="A round back").click()
    assert page.get_by_role("slider", name="Step").input_value() == str(ends[-3])
    page.get_by_role("button", name="To the end").click()
    agrees(page, shown, shown["steps"])


def number_in(text: str) -> float:
    return float(re.findall(r"[\d.]+", text.replace("< 0.1", "0.05"))[0])


def test_why_is_what_the_trace_says(exported: Open):
    shown = stored()
    made = Trace.model_validate(shown["trace"])
    page = exported({"step": shown["steps"]}, shown=shown)
    cards = page.locator(".replay").evaluate(CARDS)
    seen = set()
    for number, decoded in enumerate(made.rounds):
        for i, proposal in enumerate(decoded.proposals):
            card = cards[f"{number}.{i}"]
            for row, (token, p, q) in zip(card["bars"], proposal.likeliest[:7], strict=False):
                shares = [number_in(cell) for cell in row["cells"][1:]]
                assert shares == pytest.approx([100 * p, 100 * q], abs=0.51)
                values = [float(x) for x in re.findall(r"--\w+:([^;]+)", row["style"])]
                assert values == pytest.approx([p, q, min(p, q)])
                assert row["this"] == (token == proposal.token)
            if proposal.accepted is None:
                assert "Never tested" in card["text"]
                seen.add("untested")
                continue
            chance = min(1, proposal.p / proposal.q)
            assert float(card["line"].partition(":")[2]) == pytest.approx(chance)
            assert number_in(card["pointer"]) == pytest.approx(100 * proposal.u, abs=0.006)
            verdict = "accepted" if proposal.accepted else "rejected"
            assert card["verdict"].endswith(verdict)
            if chance < 1 and proposal.u >= 0.01:
                assert f"The die showed {proposal.u:.2f}: {verdict}" in card["text"]
            seen.add(verdict)
        if decoded.last:
            card = cards[f"{number}.{len(decoded.proposals)}"]
            shares = [number_in(row["cells"][-1]) for row in card["drawn"]]
            drawn = [100 * p for _, p in decoded.last.drawn_from]
            assert shares == pytest.approx(drawn, abs=0.51)
            assert f"u = {decoded.last.u:.3f}" in card["text"]
            seen.add(decoded.last.kind)
    assert seen == {"accepted", "rejected", "untested", "residual", "bonus"}


def test_why_in_greedy_decoding_throws_no_die(exported: Open):
    shown = view(greedy=True)
    page = exported({"step": shown["steps"]}, shown=shown)
    sentences = {
        "accepted": "it is the target's likeliest too",
        "rejected": "its likeliest is",
        "residual": "writes its own likeliest token",
        "bonus": "it adds one more token",
    }
    for kind, sentence in sentences.items():
        page.locator(f".ladder .chip.{kind}").first.click()
        expect(page.locator(".why")).to_contain_text(sentence)
        expect(page.locator(".why")).to_contain_text("no die")
    assert page.locator(".die").count() == 0


def test_the_card_follows_until_a_token_is_asked_about(exported: Open):
    page = exported()
    expect(page.locator(".why")).to_have_count(0)
    scrub(page, 6)
    expect(page.locator(".why")).to_have_attribute("data-chip", "0.0")
    chip(page, "0.0").click()
    page.keyboard.press("End")
    expect(page.locator(".why")).to_have_attribute("data-chip", "0.0")
    page.keyboard.press("Escape")
    last = trace(seed=1).rounds[-1]
    number = len(trace(seed=1).rounds) - 1
    expect(page.locator(".why")).to_have_attribute("data-chip", f"{number}.{len(last.proposals)}")
    page.locator(".text [data-chip]").first.click()
    expect(page.locator(".why")).to_have_attribute("data-chip", re.compile(r"^0\."))


@pytest.mark.parametrize(
    ("factor", "due", "message"),
    [
        (2.0, 1.0, "2.00 times as fast."),
        (0.5, 1.0, "slower. Drafting and checking cost more than the passes they saved; one guess"),
        (0.5, 0.1, "the machine was busy while this was recorded."),
    ],
)
def test_the_end_says_whether_it_paid(exported: Open, factor: float, due: float, message: str):
    """And where it did not, whether the costs or the clock are to blame."""
    shown = stored()
    made = Trace.model_validate(shown["trace"])
    plain = {"ms": factor * made.ms / len(made.text), "how": "made up"}
    each = due * made.ms / len(made.rounds)
    costs = [(4, each / 8, each / 2)]
    page = exported({"step": shown["steps"]}, shown=shown | {"plain": plain, "costs": costs})
    expect(page.locator(".told")).to_contain_text(message)
    expect(page.locator(".score")).to_contain_text("saved" if factor > 1 else "slower")


def test_surprises_are_flagged(exported: Open):
    shown = view(tokens=400, name="aaa")
    made = Trace.model_validate(shown["trace"])
    page = exported({"step": shown["steps"]}, shown=shown)
    wanted: dict[str, list[str]] = {"lucky": [], "unlucky": []}
    for number, decoded in enumerate(made.rounds):
        for i, proposal in enumerate(decoded.proposals):
            chance = min(1, proposal.p / proposal.q)
            if proposal.accepted and chance <= 0.2:
                wanted["lucky"].append(f"{number}.{i}")
            if proposal.accepted is False and chance >= 0.8:
                wanted["unlucky"].append(f"{number}.{i}")
    for luck, chips in wanted.items():
        assert chips
        ids = "all => all.map(one => one.dataset.chip)"
        assert page.locator(f".ladder .{luck}").evaluate_all(ids) == chips
    page.locator(".ladder .lucky").first.hover()
    title = page.locator(".ladder .lucky").first.get_attribute("title")
    assert "at most 20 %" in title
    assert "min(1, p/q)" in title


@pytest.mark.parametrize("step", [120, 40, 152])
def test_what_happens_is_in_view(exported: Open, step: int):
    """At once, and after a jump; also beside tokens of 10,000 characters."""
    for page in (exported({"step": step}), exported({"step": 0})):
        scrub(page, step)
        expect(page.locator(".ladder .current")).to_be_in_viewport()
        expect(page.locator(".text .word:not(.hidden)").last).to_be_in_viewport(ratio=0.001)


# What if.


def expected_passes(keep: list[float], gamma: int) -> float:
    """From the end: rounds that are still to come where one begins at a place."""
    end = len(keep)
    to_come = [0.0] * (end + 1)
    for position in reversed(range(end)):
        ways, sure = 0.0, 1.0
        for more in range(min(gamma, end - 1 - position)):
            ways += sure * (1 - keep[position + more]) * to_come[position + more + 1]
            sure *= keep[position + more]
        reached = min(end, position + min(gamma, end - 1 - position) + 1)
        to_come[position] = 1 + ways + sure * to_come[reached]
    return to_come[0]


def what_if(page: Page) -> dict[str, list[float]]:
    rows = page.locator(".whatif tbody tr").all()
    return {
        row.locator("th").inner_text(): [
            number_in(cell) for cell in row.locator("td").all_inner_texts()
        ]
        for row in rows
    }


@pytest.mark.parametrize("which", ["stored", "sampled"])
def test_what_if_is_the_expectation(exported: Open, which: str):
    shown = stored() if which == "stored" else view(tokens=200)
    made = Trace.model_validate(shown["trace"])
    page = exported(shown=shown)
    keep = [entry.keep or 0.0 for entry in emitted(made)]
    wanted = [expected_passes(keep, gamma) for gamma in LENGTHS]
    table = what_if(page)
    assert table["target passes"] == pytest.approx(wanted, abs=0.051)
    assert table["tokens a pass"] == pytest.approx([len(keep) / x for x in wanted], abs=0.0051)
    costs = {gamma: (draft, verify) for gamma, draft, verify in shown["costs"]}
    for gamma, (draft, verify) in costs.items():
        ms = wanted[gamma - 1] * (gamma * draft + verify)
        assert table["ms"][gamma - 1] == pytest.approx(ms, abs=0.51)
        ratio = shown["plain"]["ms"] * len(keep) / ms
        assert table["speed-up"][gamma - 1] == pytest.approx(ratio, abs=0.0051)
    expect(page.locator(".whatif")).to_contain_text("Expected, given this text")


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_what_if_is_exact_in_greedy_decoding(exported: Open, small_models: Path):
    """Against decodings at those very draft lengths."""
    target, draft = (load_weights(small_models / name, "cpu") for name in ("target", "stock"))

    def decode(gamma: int) -> Trace:
        settings = Decoding(gamma=gamma, temperature=0, max_new_tokens=50)
        return speculate(target, draft, [5, 6, 7], settings, vocabulary=300, eos=None)

    rounds = {gamma: len(decode(gamma).rounds) for gamma in (1, 2, 3, 4, 8, 16)}
    assert len(set(rounds.values())) > 1
    pieces = [piece._replace(id=i) for i, piece in enumerate(PIECES * 20)]
    made = decode(4)
    shown = replay_view.view(made, pieces, "x", "greedy", "stock", [])
    page = exported(shown=shown)
    passes = what_if(page)["target passes"]
    assert {gamma: passes[gamma - 1] for gamma in rounds} == rounds
    expect(page.locator(".whatif")).to_contain_text("Exact")
    expect(page.locator(".whatif")).to_contain_text(f"{len(made.rounds)} passes")


# Playing.


def test_it_plays_to_the_end_and_pauses(exported: Open):
    shown = view()
    page = exported(shown=shown)
    page.locator(".ladder").focus()
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    enough(lambda: int(page.get_by_role("slider", name="Step").input_value()) > 3, 20)
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    step = int(page.get_by_role("slider", name="Step").input_value())
    agrees(page, shown, step)
    page.get_by_label("Speed").select_option("100")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".told")).to_contain_text("The end.")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    agrees(page, shown, shown["steps"])


def test_the_first_rounds_play_by_themselves_but_not_for_everybody(exported: Open):
    shown = view()
    made = Trace.model_validate(shown["trace"])
    page = exported({"step": None, "speed": 20}, shown=shown, reduced_motion="no-preference")
    end = sum(len(steps_of(decoded)) for decoded in made.rounds[:3])
    expect(page.get_by_role("slider", name="Step")).to_have_value(str(end))
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.wait_for_timeout(400)  # what slides in arrives
    agrees(page, shown, end)
    still = exported({"step": None, "speed": 20}, shown=shown)
    still.wait_for_timeout(500)
    agrees(still, shown, 0)


# State.


def test_the_server_hears_of_it_when_it_has_rested(served: Open):
    page = served()
    assert left(page) == STATE | {"step": 0}
    page.get_by_role("button", name="Play").click()
    page.get_by_label("Speed").select_option("20")
    page.wait_for_timeout(900)
    expect(page.get_by_text("runs: 1")).to_be_visible()  # while it plays
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("runs: 2")).to_be_visible()
    step = int(page.get_by_role("slider", name="Step").input_value())
    assert left(page) == {"step": step, "speed": 20, "token": None, "present": False}
    chip(page, "0.0").click()
    expect(page.get_by_text('"token": "0.0"')).to_be_visible()
    state = left(page)
    again = served(state)
    assert left(again) == state
    parts = "'.ladder, .text, .score, .answer'"
    shown = f"player => [...player.querySelectorAll({parts})].map(one => one.textContent)"
    assert again.locator(".replay").evaluate(shown) == page.locator(".replay").evaluate(shown)
    element = chip(page, "0.0").element_handle()
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("runs: 4")).to_be_visible()
    assert element.evaluate("one => one.isConnected")
    assert int(page.get_by_role("slider", name="Step").input_value()) == step
    page.get_by_role("radio", name="bb").click()
    expect(page.locator(".replay h2")).to_contain_text("tiny · <b>prompt</b> bb")
    expect(page.locator(".replay")).to_have_count(1)
    expect(page.get_by_role("slider", name="Step")).to_have_value("0")
    page.locator(".ladder").press("r")  # Streamlit's own key
    page.wait_for_timeout(700)
    assert not element.evaluate("one => one.isConnected")


# Every text, and everywhere.


def test_hostile_tokens_are_text(exported: Open, served: Open):
    shown = view()
    for page in (exported(), served()):
        scrub(page, shown["steps"])
        first = len(WORDS) + 4
        position = {entry.token: i for i, entry in reversed([*enumerate(emitted(trace(seed=1)))])}
        words = page.locator(".text [data-chip]")
        for offset, text in enumerate([*HOSTILE, LONG]):
            word = words.nth(position[first + offset])
            if text.isprintable() and text.strip():
                assert word.inner_text() == text
            assert word.inner_text()
            word.evaluate("one => one.click()")
            assert page.locator(".why .title").inner_text() == word.inner_text().strip("\n")
        expect(words.nth(position[first])).to_have_text(ATTACK)
        expect(page.locator(".replay h2")).to_contain_text("<b>prompt</b>")
        assert page.locator(".replay :is(script, img)").count() == 0
        words.nth(position[len(WORDS) + 1]).click()
        expect(page.locator(".why header")).to_contain_text("part of €")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_the_export_asks_nobody(exported: Open):
    asked: list[str] = []
    page = exported()
    page.on("request", lambda request: asked.append(request.url))
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector(".replay .ladder")
    page.get_by_label("Speed").select_option("100")
    page.get_by_role("button", name="Play").click()
    expect(page.locator(".told")).to_contain_text("The end.")
    agrees(page, view(), view()["steps"])
    assert [url for url in asked if not url.startswith("file:")] == []
    policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy.startswith("default-src 'none';")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("where", ["served", "exported"])
def test_nothing_stands_in_anybodys_way(request: Any, theme: str, where: str):
    page = request.getfixturevalue(where)({"step": 120}, color_scheme=theme, width=1024)
    page.get_by_label("Keys").click()
    assert obstacles(page, None if where == "exported" else ".stBidiComponent") == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1024
