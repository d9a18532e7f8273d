"""The command palette: every action, and every position by its name."""

from collections.abc import Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from possync_tui.tui.actions import DEEDS
from possync_tui.tui.format import clean
from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.screens.dashboard import DashboardScreen


class PossyncCommands(Provider):
    """Names go in as finished text: the palette would read a symbol as markup."""

    def _deeds(self) -> Iterator[tuple[str, str, str]]:
        """What each one says, its key, and its action."""
        desk_screens = [s for s in self.app.screen_stack if isinstance(s, DeskScreen)]
        if not desk_screens:
            return
        desk = desk_screens[0].desk
        for deed in DEEDS:
            yield deed.help, f"key {desk.key_of(deed.id)}", f"app.{deed.action}"
        if isinstance(self.screen, DeskScreen):
            for deed in self.screen.own_deeds:
                yield deed.help, f"key {desk.key_of(deed.id)}", f"screen.{deed.action}"

    async def discover(self) -> Hits:
        """All actions, before anything is typed."""
        for name, key, action in self._deeds():
            yield DiscoveryHit(Content(name), partial(self._run, action), text=name, help=key)

    async def search(self, query: str) -> Hits:
        """Actions and positions that fit what was typed."""
        matcher = self.matcher(query)
        for name, key, action in self._deeds():
            if (score := matcher.match(name)) > 0:
                yield Hit(score, Content(name), partial(self._run, action), text=name, help=key)
        if not isinstance(self.screen, DashboardScreen):
            return
        positions = self.screen.positions
        for view in self.screen.desk.picture.positions:
            name = clean(view.description or view.symbol)
            if (score := matcher.match(name)) > 0:
                go = partial(positions.go_to, view.key)
                yield Hit(score, Content(f"Go to {name}"), go, text=name)

    async def _run(self, action: str) -> None:
        await self.screen.run_action(action)
