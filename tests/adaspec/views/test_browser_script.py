"""What Python hands to the browser: bundles that Streamlit takes, and pages from disk."""

from __future__ import annotations

import re

import pytest

from adaspec.views import browser_script
from tests.studio import ROOT

# A component has a style; the engine's worker has none, and no page shows it.
BUILT = sorted(path.stem for path in (ROOT / "browser/dist").glob("*.css"))


@pytest.mark.parametrize("component", BUILT)
def test_a_bundle_is_a_module_and_no_path(component: str):
    script, style = browser_script.script(component), browser_script.style(component)
    assert script.rstrip().endswith("export default component.default;")
    assert "\n" in script.strip()  # Streamlit takes a single line for a path
    assert "\n" in style.strip()


def test_a_page_asks_nobody_and_ends_no_script_early():
    page = browser_script.page("replay_player", "<b>", {"view": "</script><script>alert(1)"})
    assert "<title>&lt;b&gt;</title>" in page
    assert page.count("</script>") == 3  # the data, a library and the component
    assert not re.search(r"""\b(src|href)=|@import|https?://(?!www\.w3\.org)""", page)
