"""Settings: command options override the environment, which overrides a `.env` file.

Every value keeps where it came from, so that a wrong one can be named with its place.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from possync_tui.domain.text import printable
from possync_tui.settings import env_file as env_files
from possync_tui.settings import plain
from possync_tui.settings.values import PREFIXES as PREFIXES
from possync_tui.settings.values import Given as Given
from possync_tui.settings.values import IbkrSettings as IbkrSettings
from possync_tui.settings.values import PositionSyncSettings as PositionSyncSettings
from possync_tui.settings.values import PossyncSettings as PossyncSettings
from possync_tui.settings.values import Settings as Settings
from possync_tui.settings.values import SettingsError as SettingsError
from possync_tui.settings.values import is_ours

if TYPE_CHECKING:
    from possync_tui.settings.models import Described

DEFAULT_THEME = "possync"


def described() -> "Iterator[Described]":
    """Every setting, in order. A default that depends on the user's system is empty."""
    from possync_tui.settings import models

    return models.described()


def load(
    options: Mapping[str, Given] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    env_file: Path | None = None,
) -> Settings:
    """Read, merge and check everything. Raises `SettingsError`.

    An empty value stands for the default. `env_file` has to exist; without one, `./.env` or the
    one in the per-user config folder is read if it has a setting of ours.
    """
    chosen, from_file = env_files.read(env_file)
    variables = os.environ if environ is None else environ
    from_environment = {
        key: Given(text, "environment variable") for key, text in variables.items() if is_ours(key)
    }
    merged: dict[str, Given] = {}
    for layer in (from_file, from_environment, options or {}):
        for key, given in layer.items():
            _check_known(key, given)
            merged[key.upper()] = given
    given_values = {key: given for key, given in merged.items() if given.text.strip()}
    groups = plain.read(given_values)
    if groups is None:
        from possync_tui.settings import models

        groups = models.read(given_values)
    return Settings(*groups, chosen, frozenset(given_values))


def _check_known(key: str, given: Given) -> None:
    known = plain.READERS.keys()
    if key.upper() in known:
        return
    import difflib

    shown = key if len(key) <= 60 else key[:57] + "..."
    nearest = difflib.get_close_matches(shown.upper(), known, n=1, cutoff=0.0)[0]
    # The value stays out of the message: it may be a secret of another program.
    raise SettingsError(
        f"{printable(shown)} ({given.origin}) is not a setting; did you mean {nearest}?"
    )
