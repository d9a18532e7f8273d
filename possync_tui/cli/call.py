"""One call of the program: what was asked, the settings, and where answers go."""

from typing import TYPE_CHECKING

from possync_tui.cli.render import Output
from possync_tui.domain.values import dataclass
from possync_tui.settings import Settings

if TYPE_CHECKING:
    from argparse import Namespace


@dataclass(frozen=True, slots=True)
class Call:
    """Handed to every command that needs settings."""

    arguments: "Namespace"
    settings: Settings
    out: Output

    @property
    def form(self) -> str:
        return self.out.form
