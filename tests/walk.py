"""What everybody can use: what of a page does not fit its window, and what cannot be reached.

Each look returns its findings as texts; none is good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from playwright.sync_api import Browser, Page

from app.shell import link as links
from tests.axe import obstacles
from tests.studio import settle

RUN = "?run=english"
PATHS = {  # name -> address below the studio's
    name: {"home": "", "train": name}.get(name, f"{name}{RUN}") for name in links.PAGES
} | {
    "compare-chosen": f"compare{RUN}&drafts=adaspec,distillspec",
    "tokens-own": f"tokens{RUN}&of=Your+own+text",
    "replay-own": f"replay{RUN}&of=own",
    "replay-try": f"replay{RUN}&of=try",
    "replay-race": f"replay{RUN}&against=stock&clock=99",
    "replay-presented": f"replay{RUN}&present=yes",
}


class Screen(NamedTuple):
    """What a page is looked at on. A zoom of 2 halves width and height in CSS's pixels."""

    width: int
    height: int
    zoom: float = 1
    touch: bool = False


SCREENS = {
    "phone": Screen(390, 844, touch=True),
    "projector": Screen(1024, 768),
    "laptop": Screen(1440, 900),
    "hall": Screen(1920, 1080),
    "hall-at-200": Screen(1920, 1080, zoom=2),
}
TABS = 40  # presses between two looks at what they have reached
MOST_TABS = 3000

# What all looks share: elements through shadow roots, and which of them a viewer sees. Streamlit's
# menu of a narrow window waits beside it, and the tools of a table are there for a mouse.
_SHARED = r"""
const all = (root) => [...root.querySelectorAll('*')].flatMap(
  (element) => [element, ...(element.shadowRoot ? all(element.shadowRoot) : [])]);
const up = (element) => element.parentElement ?? element.getRootNode().host ?? null;
const line = (element) => element ? [element, ...line(up(element))] : [];
const aside = '[data-testid=stSidebar][data-collapsed=true], [data-testid=stElementToolbar]';
const seen = (element) => element.getClientRects().length > 0
  && element.checkVisibility({visibilityProperty: true, opacityProperty: true})
  && !line(element).some((around) => around.matches(aside));
const named = (element) => {
  const text = element.getAttribute('aria-label') ?? element.textContent ?? '';
  const classes = (element.getAttribute('class') ?? '').replace(/st-emotion\S+/g, '').trim();
  return `${element.localName}.${classes} “${text.trim().slice(0, 40)}”`;
};
const modal = () => all(document.body).filter((element) => element.matches('dialog:modal')).at(-1);
const controls = () => all(modal() ?? document.body).filter(
  (element) => seen(element) && !element.disabled && element.matches(
    'a[href], button, input:not([type=hidden]), select, textarea, summary, ' +
    '[role=button], [role=tab], [role=slider], [role=combobox], [tabindex="0"]'));
"""

_WIDER = f"""() => {{ {_SHARED}
const text = (element) => {{ // may be wider than what it is in
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect();
}};
const ending = (element) => Math.max(element.getBoundingClientRect().right,
  element.childElementCount ? 0 : text(element).right);
const out = (element) => {{
  const {{ left, width, height }} = element.getBoundingClientRect();
  const right = ending(element);
  return width > 1 && height > 1 && (right > innerWidth + 1 || (right > 0 && left < -1));
}};
const page = 'html, body, .stApp, [data-testid=stAppViewContainer], [data-testid=stMain]';
const cuts = (element) => {{ // and says so, or can be scrolled
  const {{ overflowX, textOverflow }} = getComputedStyle(element);
  return ['auto', 'scroll'].includes(overflowX)
    || (overflowX !== 'visible' && textOverflow !== 'clip');
}};
const held = (element) => line(up(element)).some(
  (around) => !around.matches(page) && !out(around) && cuts(around));
const says = (element) => element.matches('input, select, svg, canvas, img') ||
  [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
return all(document.body)
  .filter((element) => says(element) && seen(element) && out(element) && !held(element))
  .map((element) => `${{named(element)}} ends at ${{Math.round(ending(element))}}`);
}}"""

_SPELT_OUT = f"""() => {{ {_SHARED}
const wide = (element) => {{
  const range = document.createRange();
  range.selectNodeContents(element);
  return range.getBoundingClientRect().width > 1.5 * parseFloat(getComputedStyle(element).fontSize);
}};
return all(document.body).filter((element) => !element.childElementCount && seen(element)
  && getComputedStyle(element).fontFamily.includes('Material Symbols') && wide(element)).map(named);
}}"""

_LISTEN = f"""() => {{ {_SHARED}
  window.walked = new Set();
  const roots = all(document.body).map((element) => element.shadowRoot).filter(Boolean);
  for (const root of [document, ...roots])
    root.addEventListener('focusin', ({{ target }}) => window.walked.add(target), true);
}}"""

# Of a control of several parts one is walked, and arrow keys lead to the others.
_UNWALKED = f"""() => {{ {_SHARED}
const {{ walked }} = window;
const parted = '[role=tablist], [role=listbox], [role=group], .ladder, .stSelectbox, ' +
  '.stMultiSelect, .stNumberInput, .stDataFrame, .scroll';
const shared = (element) => {{
  if (element.closest('[role=radiogroup]')) return true;
  if (element.type === 'radio')
    return [...walked].some(({{ type, name }}) => type === 'radio' && name === element.name);
  const around = element.closest(parted);
  return element.tabIndex < 0 && around && [...walked].some((other) => around.contains(other));
}};
return controls().filter((element) => !walked.has(element) && !shared(element)).map(named);
}}"""

_COVERED = f"""() => {{ {_SHARED}
const at = (x, y, root = document) => {{
  const hit = root.elementFromPoint(x, y);
  const inner = hit?.shadowRoot && at(x, y, hit.shadowRoot);
  return inner ?? hit;
}};
const own = (element) => element?.closest('[data-testid=stElementContainer]');
const faults = [];
for (const element of controls()) {{
  // A region is scrolled anywhere, and of a slider's two handles each takes the pointer itself.
  if (element.matches('[role=region]')) continue;
  if (getComputedStyle(element).pointerEvents === 'none') continue;
  element.focus({{preventScroll: true}}); // a link to skip the menu is there only then
  element.scrollIntoView({{block: 'center', inline: 'center', behavior: 'instant'}});
  const {{ left, top, width, height }} = element.getClientRects()[0];
  const family = line(at(left + width / 2, top + height / 2));
  const label = element.labels?.[0];
  if (own(element) && own(element) === own(family[0])) continue; // a widget of Streamlit's
  if (!family.includes(element) && !family.includes(label) && !element.contains(family[0]))
    faults.push(`${{named(element)}} is under ${{family[0] ? named(family[0]) : 'nothing'}}`);
}}
return faults;
}}"""


@contextmanager
def opened(chromium: Browser, address: str, screen: Screen, theme: str) -> Iterator[Page]:
    """A page as it is first seen on a screen."""
    context = chromium.new_context(
        viewport={
            "width": round(screen.width / screen.zoom),
            "height": round(screen.height / screen.zoom),
        },
        device_scale_factor=screen.zoom,
        has_touch=screen.touch,
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",  # nothing plays
    )
    page = context.new_page()
    page.goto(address)
    if page.locator(".stApp, #root").count():
        settle(page)
    if "&of=" in address:  # a model answers
        page.wait_for_selector(".token, .chip", state="attached", timeout=60_000)
    yield page
    context.close()


def too_wide(page: Page) -> list[str]:
    """What sticks out of the window to a side, and is in nothing that scrolls or cuts it."""
    found: list[str] = page.evaluate(_WIDER)
    return found


def spelt_out(page: Page) -> list[str]:
    """Icons that are their own names, since the font has no such icon (`tests/fonts.py`)."""
    found: list[str] = page.evaluate(_SPELT_OUT)
    return found


def beyond_keys(page: Page) -> list[str]:
    """Controls that Tab does not reach."""
    page.evaluate(_LISTEN)
    reached = -1
    for _ in range(MOST_TABS // TABS):
        for _ in range(TABS):
            page.keyboard.press("Tab")
        now = page.evaluate("window.walked.size")
        if now == reached:
            break
        reached = now
    found: list[str] = page.evaluate(_UNWALKED)
    return found


def beyond_touch(page: Page) -> list[str]:
    """Controls whose middle is under something else, wherever the page is scrolled to."""
    found: list[str] = page.evaluate(_COVERED)
    return found


def in_the_way(page: Page) -> list[str]:
    """What axe finds, targets of less than 24 pixels (WCAG 2.5.8) among it."""
    return obstacles(page, target_size=True)


LOOKS = (too_wide, spelt_out, in_the_way, beyond_touch, beyond_keys)
