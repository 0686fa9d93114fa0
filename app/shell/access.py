"""Who is looking, and what they may do.

If only this machine can reach the studio, everyone is its owner. Otherwise everyone may look;
starting jobs takes the passphrase, or a login where `[auth]` in `.streamlit/secrets.toml`
sets one up. The passphrase is `ADASPEC_PASSPHRASE`, or a random one that the server prints when it
starts. Its holders are the administrators.
"""

from __future__ import annotations

import hmac
import secrets
import sys
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from math import ceil

import streamlit as st
from streamlit import config

from adaspec import AdaspecError, allowed
from adaspec.jobs import queue
from adaspec.recipe import Recipe
from adaspec.settings import settings
from app.shell import guesses, words

HERE = ("localhost", "127.0.0.1", "::1")
NAME, HOLDS_PASSPHRASE = "access-name", "access-holds-passphrase"  # in the session's state


@dataclass(frozen=True)
class Person:
    """A viewer.

    Attributes:
        name: the owner of their jobs; empty if they gave none.
        may_start: submit jobs, and cancel, rename and delete their own.
        is_admin: also other people's, and the order of the queue.
    """

    name: str
    may_start: bool
    is_admin: bool


def person() -> Person:
    """Whoever is looking at the page that is being drawn."""
    holds = bool(st.session_state.get(HOLDS_PASSPHRASE))
    if has_login():
        name = _login()
        return Person(name, may_start=bool(name), is_admin=bool(name) and holds)
    if is_private():
        return Person(queue.me(), may_start=True, is_admin=True)
    return Person(st.session_state.get(NAME, ""), may_start=holds, is_admin=holds)


def controls() -> None:
    """The fields to sign in, at the right, if signing in is needed."""
    if is_private():
        return
    with st.container(horizontal=True, horizontal_alignment="right"):
        fields = _login_controls if has_login() else _passphrase_controls
        fields(person())


def announce() -> None:
    """Say once, on the server's standard error, that others can reach it and what they need."""
    if is_private():
        return
    if has_login() and not find_spec("authlib"):
        _say("[auth] is set but nobody can log in: .venv/bin/pip install 'streamlit[auth]'")
    known = "ADASPEC_PASSPHRASE" if settings().passphrase else _passphrase()
    need = "start jobs by logging in, and administer it with" if has_login() else "start jobs with"
    _say(
        "Anyone who reaches this address can look at the studio. They can "
        f"{need} the passphrase: {known}"
    )


def _say(warning: str) -> None:
    print(f"WARNING: {warning}", file=sys.stderr, flush=True)


def faults(recipe: Recipe) -> dict[str, str]:
    """What a recipe reads that is not for everybody: path of a field -> why not."""
    return {} if is_private() else allowed.faults(recipe)


def admitted(recipe: Recipe) -> Recipe:
    """The recipe as this studio may run it.

    Raises:
        AdaspecError: it reads what is not for everybody.
    """
    if is_private():
        return recipe
    for path, reason in allowed.faults(recipe).items():
        raise AdaspecError(f"{path}: {reason}")
    return allowed.confined(recipe)


def has_login() -> bool:
    """Whether people log in with an OpenID Connect provider."""
    return st.secrets.load_if_toml_exists() and "auth" in st.secrets


def is_private() -> bool:
    """Whether only this machine can reach the studio.

    Where there is a passphrase or a login, others can: there is a proxy in front.
    """
    here = st.get_option("server.address") in HERE
    return here and settings().passphrase is None and not has_login()


def _login() -> str:
    """The e-mail address, or another identifier from the provider; empty before the login."""
    if not st.user.get("is_logged_in"):
        return ""
    return str(st.user.get("email") or st.user.get("name") or st.user.get("sub") or "")


def _passphrase() -> str:
    chosen = settings().passphrase
    return chosen.get_secret_value() if chosen else _random_passphrase()


@cache
def _random_passphrase() -> str:
    return secrets.token_urlsafe(18)


def _fault(guess: str) -> str:
    """What is wrong with a guess at the passphrase; empty if it is right."""
    right = hmac.compare_digest(guess.encode("utf-8", "replace"), _passphrase().encode())
    if seconds := guesses.take(address(), right=right):
        return f"Too many wrong guesses from your address: wait {ceil(seconds)} s."
    return "" if right else "That is not the passphrase."


def address() -> str:
    """Where the viewer is, as far as the connection says.

    Behind a proxy it is what the proxy says (X-Forwarded-For), which the server believes of this
    machine and of `FORWARDED_ALLOW_IPS`; else the proxy's own.
    """
    return called(st.context.ip_address)


def called(host: str | None) -> str:
    """What a connection's other end is called: this machine has one name."""
    return "here" if not host or host in HERE else host


def guard_host() -> None:
    """Only names of this machine reach a private studio: a page elsewhere whose own name is made to
    lead here is refused. The owner's `server.allowedHosts` stands.
    """
    if is_private() and not st.get_option("server.allowedHosts"):
        config.set_option("server.allowedHosts", list(HERE))


def _login_controls(viewer: Person) -> None:
    if not viewer.name:
        if st.button("Log in", icon=":material/login:"):
            st.login()
        return
    with st.popover(words.plain(viewer.name), icon=":material/person:"):
        if not viewer.is_admin:
            with st.form("access", border=False):
                guess = st.text_input(
                    "Passphrase of the administrators",
                    type="password",
                    autocomplete="current-password",
                )
                if st.form_submit_button("Become an administrator") and _accepted(guess):
                    st.session_state[HOLDS_PASSPHRASE] = True
                    st.rerun()
        if st.button("Log out", icon=":material/logout:"):
            st.logout()


def _passphrase_controls(viewer: Person) -> None:
    if viewer.may_start:
        with st.popover(words.plain(viewer.name), icon=":material/person:"):
            if st.button("Sign out", icon=":material/logout:"):
                del st.session_state[NAME], st.session_state[HOLDS_PASSPHRASE]
                st.rerun()
        return
    with st.popover("Sign in", icon=":material/login:"), st.form("access", border=False):
        name = st.text_input("Your name", max_chars=queue.LONGEST_OWNER).strip()
        guess = st.text_input(
            "Passphrase",
            type="password",
            autocomplete="current-password",
            help="The server prints it when it starts: ask whoever runs it.",
        )
        if st.form_submit_button("Sign in"):
            if not queue.is_owner(name):
                st.error(f"Give a name of 1 to {queue.LONGEST_OWNER} letters.")
            elif _accepted(guess):
                st.session_state[NAME], st.session_state[HOLDS_PASSPHRASE] = name, True
                st.rerun()


def _accepted(guess: str) -> bool:
    fault = _fault(guess)
    if fault:
        st.error(fault)
    return not fault
