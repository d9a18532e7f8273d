"""The command palette: every action, and every position by its name."""

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.dom import DOMNode

from possync_tui.domain.values import dataclass
from possync_tui.tui.actions import DEEDS
from possync_tui.tui.format import clean
from possync_tui.tui.key_names import key_name
from possync_tui.tui.keys_here import pane_keys
from possync_tui.tui.screens.base import DeskScreen


@dataclass(frozen=True, slots=True)
class Command:
    """An action in words. `node` is where it runs."""

    name: str
    key: str
    action: str
    node: DOMNode
    also: str = ""
    """What else it is found by."""


class PossyncCommands(Provider):
    """Names go in as finished text: the palette would read a symbol as markup."""

    def _commands(self) -> Iterator[Command]:
        """What the focused pane can do, then its screen, then the program."""
        desk_screens = self._desk_screens()
        if not desk_screens:
            return
        desk = desk_screens[0].desk
        for here in pane_keys(self.screen):
            yield Command(here.label, key_name(here.keys), here.action, here.node)
        if isinstance(self.screen, DeskScreen):
            for deed in self.screen.own_deeds:
                yield Command(deed.help, desk.key_of(deed.id), deed.action, self.screen, deed.also)
            yield from self._of_panes(self.screen)
        for deed in DEEDS:
            if desk.offers(deed.action):
                yield Command(deed.help, desk.key_of(deed.id), deed.action, self.app, deed.also)

    @staticmethod
    def _of_panes(screen: DeskScreen) -> Iterator[Command]:
        """What the panes without the keyboard can do."""
        for pane in screen.panes_with_deeds:
            for deed in () if pane.has_focus else screen.pane_deeds:
                yield Command(deed.help, screen.desk.key_of(deed.id), deed.action, pane, deed.also)

    async def discover(self) -> Hits:
        """All actions, before anything is typed."""
        for command in self._commands():
            name = Content(command.name)
            run = partial(self._run, command)
            yield DiscoveryHit(name, run, text=command.name, help=f"key {command.key}")

    async def search(self, query: str) -> Hits:
        """Actions and positions that fit what was typed."""
        matcher = self.matcher(query)
        for command in self._commands():
            score = max(matcher.match(name) for name in (command.name, command.also))
            if score > 0:
                text, run = command.name, partial(self._run, command)
                yield Hit(score, Content(text), run, text=text, help=f"key {command.key}")
        for dashboard in self._desk_screens()[:1]:
            for view in dashboard.desk.picture.positions:
                name = clean(view.description or view.symbol)
                if (score := matcher.match(name)) > 0:
                    go = partial(dashboard.post_message, DeskScreen.PositionAsked(view.key))
                    yield Hit(score, Content(f"Go to {name}"), go, text=name)

    def _desk_screens(self) -> list[DeskScreen]:
        """The dashboard first; a dialog may be what is asked over."""
        return [screen for screen in self.app.screen_stack if isinstance(screen, DeskScreen)]

    async def _run(self, command: Command) -> None:
        await self.app.run_action(command.action, default_namespace=command.node)
