"""What the owner of a machine decides, read from `ADASPEC_...` environment variables."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from adaspec import AdaspecError


def _parts(separator: str) -> BeforeValidator:
    return BeforeValidator(lambda text: text.split(separator) if isinstance(text, str) else text)


Folders = Annotated[tuple[Path, ...], NoDecode, _parts(os.pathsep)]
"""As in PATH: `/data/a:/data/b`."""
Patterns = Annotated[tuple[str, ...], NoDecode, _parts(",")]
"""`HuggingFaceTB/*,gpt2`."""


class Settings(BaseSettings):
    """One attribute for each variable: `running_each` is `ADASPEC_RUNNING_EACH`.

    Attributes:
        home: where runs, uploads and the queue live.
        device: `cpu` leaves GPUs alone; `auto` uses them.
        engine: what runs jobs: processes on this machine, or Ray Jobs at `RAY_ADDRESS`.
        running_each: jobs that one person may have running at a time.
        queued_each: jobs that one person may have waiting.
        supervisor: `auto`: the studio starts it; `elsewhere`: another service does.
        cache: where a target's hidden states are kept for later epochs and runs: on disk, in
            memory, nowhere, or wherever there is space.
        cache_bytes: the most that the hidden states of all runs may take on disk.
        data_folders: folders whose files people may train on, on a studio that others can reach.
        model_folders: folders whose models they may open.
        hub: patterns of the models that they may fetch from the Hub, as `HuggingFaceTB/*`; none:
            all.
        webhook: address that is told by POST when a job has ended.
        passphrase: opens a studio that others can reach; a random one is printed if it is not set.
    """

    model_config = SettingsConfigDict(env_prefix="ADASPEC_", env_ignore_empty=True, frozen=True)

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("adaspec"))
    device: Literal["auto", "cpu"] = "auto"
    engine: Literal["local", "ray"] = "local"
    running_each: int = Field(1, ge=1)
    queued_each: int = Field(3, ge=1)
    supervisor: Literal["auto", "elsewhere"] = "auto"
    cache: Literal["auto", "disk", "memory", "nowhere"] = "auto"
    cache_bytes: int = Field(20 * 10**9, ge=0)
    data_folders: Folders = ()
    model_folders: Folders = ()
    hub: Patterns = ()
    webhook: HttpUrl | None = None
    passphrase: SecretStr | None = None


def settings() -> Settings:
    """The settings as the environment has them now.

    Raises:
        AdaspecError: names the variable and what is wrong with it.
    """
    return _settings(frozenset(os.environ.items()))


@lru_cache(maxsize=8)
def _settings(_environment: frozenset[tuple[str, str]]) -> Settings:
    """Read once: to validate them takes a millisecond, and every viewer's refresh asks for them."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = "ADASPEC_" + str(first["loc"][0]).upper()
        raise AdaspecError(f"{variable}={first['input']}: {first['msg']}.") from None
