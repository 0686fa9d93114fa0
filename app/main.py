"""The studio's entry: `streamlit run app/main.py`. Settings of every page, and the pages there are.

Adding a page is adding a row to `PAGES`.
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # streamlit puts app/ there; pages import the package `app`
    sys.path.insert(0, str(ROOT))

if __name__ == "__main__":  # streamlit runs the file for a viewer
    from app import access

    IMAGES = ROOT / "assets/images"
    PAGES = [
        st.Page(ROOT / "pages/runs.py", title="Runs", url_path="runs", icon=":material/list:"),
        st.Page(
            ROOT / "pages/train.py",
            title="Train",
            url_path="train",
            icon=":material/model_training:",
        ),
    ]
    st.set_page_config(page_title="AdaSPEC Studio", page_icon=IMAGES / "icon.svg", layout="wide")
    st.logo(IMAGES / "logo.svg", size="large")
    st.html(ROOT / "app/style.css")
    page = st.navigation(PAGES, position="top")
    access.controls()
    page.run()
else:  # the server imports it once
    from app import background

    app = st.App(__file__, lifespan=background.lifespan)
