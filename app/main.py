"""The studio's entry: `streamlit run app/main.py`. Settings of every page, and the pages there are.

Adding a page is adding a row to `link.PAGES`.
"""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # streamlit puts app/ there; pages import the package `app`
    sys.path.insert(0, str(ROOT))

if __name__ == "__main__":  # streamlit runs the file for a viewer
    from adaspec import AdaspecError
    from app.shared.copy_link import copy_link
    from app.shell import access, link, pace, words

    IMAGES = ROOT / "assets/images"
    PAGES = [
        st.Page(
            link.page(name),
            title=name.capitalize(),
            url_path=name,
            icon=f":material/{icon}:",
        )
        for name, icon in link.PAGES.items()
    ]
    st.set_page_config(page_icon=IMAGES / "icon.svg", layout="wide")  # else the page's own icon
    page = st.navigation(PAGES, position="top")
    st.set_page_config(page_title=f"{page.title} · AdaSPEC Studio")
    st.logo(IMAGES / "logo.svg", size="large")
    with st.container(key="shell"):
        st.html(ROOT / "app/shell/style.css")
        link.keep_place()
        copy_link()
    access.controls()
    link.arrive(page.url_path)
    try:
        with pace.fair():
            page.run()
    except AdaspecError as error:  # a damaged run, say: in a line, and other pages go on
        st.error(words.plain(str(error)), icon=":material/broken_image:")
else:  # the server imports it once
    from collections.abc import AsyncIterator
    from contextlib import asynccontextmanager
    from threading import Thread

    from starlette.middleware import Middleware

    from app.classroom import front as classroom
    from app.classroom import hall
    from app.home import front
    from app.learn import lossless
    from app.shared import engine
    from app.shell import access, background, scripts
    from app.shell.bundles import Bundles
    from app.shell.pace import Pace

    access.guard_host()
    # Seconds that a thread may keep Python to itself while others wait. Beside one that computes, a
    # page takes two thirds of what it takes with the usual ten times as many.
    sys.setswitchinterval(0.0005)
    Thread(target=front.prepare, daemon=True).start()  # so that the first viewer does not wait

    @asynccontextmanager
    async def lifespan(app: st.App) -> AsyncIterator[None]:
        async with background.lifespan(app), hall.lifespan():
            yield

    app = st.App(
        __file__,
        lifespan=lifespan,
        middleware=[Middleware(Bundles), Middleware(Pace)],
        routes=[
            *front.routes(),
            *scripts.routes(),
            *engine.routes(),
            *lossless.routes(),
            *classroom.routes(),
        ],
    )
