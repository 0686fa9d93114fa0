"""Who may do what, by where the studio listens and what they have shown."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from adaspec.jobs import queue
from app.shell import access, guesses
from tests.studio import studio

PASSPHRASE = "open sesame"


@pytest.fixture(autouse=True)
def fresh(home: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("ADASPEC_PASSPHRASE", raising=False)
    guesses._wrong.clear()
    monkeypatch.setattr(access, "address", lambda: "192.0.2.1")  # AppTest has none
    before = config.get_option("server.address")
    yield
    config.set_option("server.address", before)


def listening(address: str | None) -> None:
    config.set_option("server.address", address)


def script() -> None:
    import streamlit as st

    from app.shell import access

    access.controls()
    who = access.person()
    st.session_state["seen"] = (who.name, who.may_start, who.is_admin)


def opened() -> AppTest:
    page = AppTest.from_function(script, default_timeout=20).run()
    assert not page.exception
    return page


def seen(page: AppTest) -> tuple[str, bool, bool]:
    return page.session_state["seen"]


def sign_in(page: AppTest, name: str, guess: str) -> AppTest:
    page.text_input[0].set_value(name)
    page.text_input[1].set_value(guess)
    next(button for button in page.button if button.label == "Sign in").click()
    page.run()
    assert not page.exception
    return page


@pytest.mark.parametrize("address", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_belongs_to_whoever_sits_at_it(address: str) -> None:
    listening(address)
    page = opened()
    assert seen(page) == (queue.me(), True, True)
    assert not page.button
    assert not page.text_input


def test_where_people_log_in_others_come_by_a_proxy(monkeypatch: Any) -> None:
    listening("localhost")
    assert access.is_private()
    log_in(monkeypatch)
    assert not access.is_private()


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.7", None, ""])
def test_others_may_look_and_no_more(address: str | None, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    listening(address)
    assert seen(opened()) == ("", False, False)


def test_a_passphrase_is_asked_for_behind_a_proxy_too(monkeypatch: Any) -> None:
    listening("localhost")
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    assert seen(opened()) == ("", False, False)


def test_the_passphrase_lets_in_until_one_signs_out(monkeypatch: Any) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    listening("0.0.0.0")
    page = sign_in(opened(), " Ada <b>*x*</b> ", PASSPHRASE)
    assert seen(page) == ("Ada <b>*x*</b>", True, True)
    assert seen(page.run()) == ("Ada <b>*x*</b>", True, True)
    assert not page.text_input
    assert seen(opened()) == ("", False, False)  # another session
    page.button[0].click().run()
    assert seen(page) == ("", False, False)


@pytest.mark.parametrize("guess", ["", "open sesam", "open sesame ", "öffne dich"])
def test_a_wrong_passphrase_changes_nothing(guess: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    listening("0.0.0.0")
    page = opened()
    sign_in(page, "Ada", guess)
    assert "not the passphrase" in page.error[0].value
    assert seen(page) == ("", False, False)


def test_whoever_guesses_waits_and_not_even_the_right_one_is_looked_at(monkeypatch: Any) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    monkeypatch.setattr(guesses, "FIRST", 30.0)
    listening("0.0.0.0")
    page = opened()
    sign_in(page, "Ada", "a guess")
    began = time.monotonic()
    sign_in(page, "Ada", PASSPHRASE)
    assert time.monotonic() - began < 10  # it is told at once
    assert "wait 30 s" in page.error[0].value
    assert seen(page) == ("", False, False)
    monkeypatch.setattr(access, "address", lambda: "192.0.2.2")
    assert seen(sign_in(opened(), "Ada", PASSPHRASE)) == ("Ada", True, True)  # somebody else


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\u202eb"])
def test_a_name_is_a_name(name: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    listening("0.0.0.0")
    page = sign_in(opened(), name, PASSPHRASE)
    assert "1 to 100" in page.error[0].value
    assert seen(page) == ("", False, False)


def test_without_one_a_random_passphrase_is_said_once_on_stderr(capsys: Any) -> None:
    access._random_passphrase.cache_clear()
    listening("0.0.0.0")
    access.announce()
    printed = capsys.readouterr()
    assert printed.out == ""
    match = re.fullmatch(r"WARNING: Anyone who reaches .* the passphrase: (\S{20,})\n", printed.err)
    assert match
    assert seen(sign_in(opened(), "Ada", match[1])) == ("Ada", True, True)


def test_a_passphrase_that_was_chosen_is_never_said(capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    listening("0.0.0.0")
    access.announce()
    printed = capsys.readouterr().err
    assert "the passphrase: ADASPEC_PASSPHRASE" in printed
    assert PASSPHRASE not in printed
    monkeypatch.delenv("ADASPEC_PASSPHRASE")
    listening("localhost")
    access.announce()
    assert capsys.readouterr().err == ""


def log_in(monkeypatch: Any, **user: Any) -> None:
    """As Streamlit shows a login with a provider."""
    monkeypatch.setattr(access, "has_login", lambda: True)
    monkeypatch.setattr("streamlit.user", {"is_logged_in": bool(user), **user})


@pytest.mark.parametrize("address", ["localhost", "0.0.0.0"])
def test_a_login_names_people_and_the_passphrase_makes_admins(
    address: str, monkeypatch: Any
) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    listening(address)
    log_in(monkeypatch)
    page = opened()
    assert seen(page) == ("", False, False)
    assert [button.label for button in page.button] == ["Log in"]
    log_in(monkeypatch, email="ada@example.org", name="Ada")
    page = opened()
    assert seen(page) == ("ada@example.org", True, False)
    page.text_input[0].set_value(PASSPHRASE)
    page.button[0].click().run()
    assert seen(page) == ("ada@example.org", True, True)
    log_in(monkeypatch)  # logged out in another tab
    assert seen(page.run()) == ("", False, False)


def test_a_login_without_its_library_is_said_at_the_start(capsys: Any, monkeypatch: Any) -> None:
    listening("localhost")
    log_in(monkeypatch)
    for module, times in ((None, 1), ("there", 0)):
        monkeypatch.setattr(access, "find_spec", lambda _, module=module: module)
        access.announce()
        printed = capsys.readouterr().err
        assert printed.count("pip install 'streamlit[auth]'") == times
        assert "administer it with the passphrase: " in printed


def test_login_is_on_where_the_secrets_have_it(monkeypatch: Any) -> None:
    assert not access.has_login()
    monkeypatch.setattr("streamlit.secrets", Secrets({"auth": {"client_id": "x"}}))
    assert access.has_login()
    monkeypatch.setattr("streamlit.secrets", Secrets({"other": "x"}))
    assert not access.has_login()


class Secrets(dict):
    def load_if_toml_exists(self) -> bool:
        return True


def test_a_long_name_never_gets_in(monkeypatch: Any) -> None:
    monkeypatch.setenv("ADASPEC_PASSPHRASE", PASSPHRASE)
    listening("0.0.0.0")
    assert len(seen(sign_in(opened(), "x" * 1000, PASSPHRASE))[0]) <= queue.LONGEST_OWNER


@pytest.mark.parametrize(
    ("host", "opens"),
    [("127.0.0.1", True), ("localhost", True), ("evil.example", False), ("localhost.evil", False)],
)
def test_a_private_studio_is_reached_by_this_machines_names(
    served: str, host: str, opens: bool
) -> None:
    """A page elsewhere may make its own name lead here; the browser then sends that name."""
    port = served.rpartition(":")[2]
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://{host}:{port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(port)), timeout=20) as connection:
        connection.sendall(request.encode())
        status = connection.recv(64).split(b"\r\n")[0]
    assert (b" 101 " in status) == opens, status


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with studio(tmp_path_factory.mktemp("home")) as address:
        yield address
