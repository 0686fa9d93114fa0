"""A page with nothing but a token heatmap: `streamlit run tests/app/tokens/heatmap_app.py`.

`?rows=`, `?sequences=` and `?hostile=0` choose the text, `?state=` is JSON.
"""

import json
import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parents[3]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from adaspec.views import TokenView  # noqa: E402
from app.tokens.heatmap import token_heatmap  # noqa: E402
from tests.views import view  # noqa: E402

st.set_page_config(layout="wide")
asked = st.query_params
name = st.segmented_control("Text", ["a", "b"], default="a")
shown = view(
    int(asked.get("rows", 400)), int(asked.get("sequences", 2)), asked.get("hostile") != "0", name
)
st.session_state.runs = st.session_state.get("runs", 0) + 1
shown = shown | {"notes": [f"run {st.session_state.runs}"]}  # the same text, sent anew
left = token_heatmap(
    TokenView.model_validate(shown), json.loads(asked.get("state", "{}")), key="heatmap"
)
st.button("Run again")
st.text(f"runs: {st.session_state.runs}")
st.text(f"state: {json.dumps(left, sort_keys=True)}")
