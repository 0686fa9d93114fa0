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
    from adaspec import AdaspecError
    from app.shell import access, link, words

    IMAGES = ROOT / "assets/images"
    BEHIND = ("ablation",)  # not in the bar: reached from Runs and Compare
    PAGES = [
        st.Page(
            link.page(name),
            title=name.capitalize(),
            url_path=name,
            icon=f":material/{icon}:",
            visibility="hidden" if name in BEHIND else "visible",
        )
        for name, icon in {
            "runs": "list",
            "train": "model_training",
            "tokens": "grain",
            "filter": "tune",
            "replay": "play_circle",
            "compare": "compare_arrows",
            "ablation": "science",
        }.items()
    ]
    st.set_page_config(page_title="AdaSPEC Studio", page_icon=IMAGES / "icon.svg", layout="wide")
    st.logo(IMAGES / "logo.svg", size="large")
    st.html(ROOT / "app/shell/style.css")
    page = st.navigation(PAGES, position="top")
    access.controls()
    link.arrive(page.url_path)
    try:
        page.run()
    except AdaspecError as error:  # a damaged run, say: in a line, and other pages go on
        st.error(words.plain(str(error)), icon=":material/broken_image:")
else:  # the server imports it once
    from starlette.middleware import Middleware

    from app.shell import access, background
    from app.shell.compression import Compression

    access.guard_host()
    app = st.App(__file__, lifespan=background.lifespan, middleware=[Middleware(Compression)])
