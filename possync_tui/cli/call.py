"""One call of the program: what was asked, the settings, and where answers go."""

from argparse import Namespace
from dataclasses import dataclass

from possync_tui.cli.render import Output
from possync_tui.settings import Settings


@dataclass(frozen=True, slots=True)
class Call:
    """Handed to every command that needs settings."""

    arguments: Namespace
    settings: Settings
    out: Output

    @property
    def form(self) -> str:
        return self.out.form
