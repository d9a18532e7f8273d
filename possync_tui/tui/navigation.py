"""Which screen lies over the dashboard, and how one gets there and back.

A screen is loaded when it is first shown: the dashboard does not wait for those behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from possync_tui.tui.screens.base import DeskScreen
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.shell import Shell

if TYPE_CHECKING:
    from possync_tui.tui.screens.review import ReviewScreen


class Navigation(Shell):
    """Screens lie on each other in the order in which they were looked at, each kind once."""

    def get_default_screen(self) -> DashboardScreen:
        screen = DashboardScreen(self.desk)
        # As Textual will say of it: said once all is in it, all would be styled a second time.
        for room, points in zip(
            self.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True
        ):
            fitting = [point for point in points or () if point[0] <= room]
            screen.add_class(max(fitting)[1], update=False)
        return screen

    def action_go_to_pane(self, number: int) -> None:
        """A pane of the dashboard, from wherever one is."""
        self._back_to_dashboard().action_show_pane(number)

    def on_desk_screen_position_asked(self, message: DeskScreen.PositionAsked) -> None:
        dashboard = self._back_to_dashboard()
        dashboard.action_show_pane(1)
        dashboard.positions.go_to(message.key)

    def _back_to_dashboard(self) -> DashboardScreen:
        while len(self.screen_stack) > 1:
            # Not awaited: it may be a click on that very screen, which waits for this to end.
            self.pop_screen()
        dashboard = self.screen
        assert isinstance(dashboard, DashboardScreen), "it lies under every other screen"
        return dashboard

    def action_find_tws(self) -> None:
        if not self.desk.offers("find_tws"):
            told = "The demo brings a simulated TWS along. To connect to yours, quit and start "
            self.notify(f"{told}possync-tui without “demo”.", markup=False)
            return
        from possync_tui.tui.screens.first_look import FirstLookScreen

        self._open(FirstLookScreen(self.desk))

    def action_show_plan(self) -> None:
        from possync_tui.tui.screens.plan_diff import PlanScreen

        self._open(PlanScreen(self.desk))

    def action_show_pnl(self) -> None:
        from possync_tui.tui.screens.realized import RealizedScreen

        self._open(RealizedScreen(self.desk))

    def action_show_runs(self) -> None:
        from possync_tui.tui.screens.runs import RunsScreen

        self._open(RunsScreen(self.desk))

    def action_show_review(self) -> None:
        from possync_tui.tui.screens.review import ReviewScreen

        self._open(ReviewScreen(self.desk))

    def on_dashboard_screen_life_asked(self, message: DashboardScreen.LifeAsked) -> None:
        from possync_tui.tui.screens.life import LifeScreen

        self._open(LifeScreen(self.desk, message.view))

    def action_show_help(self) -> None:
        from possync_tui.tui.screens.help import HelpDialog

        if not isinstance(self.screen, HelpDialog):
            self.push_screen(HelpDialog(self.screen, self.desk.keymap))

    def _open(self, screen: DeskScreen) -> None:
        """Show a screen over the one that is looked at; escape comes back to that."""
        while not isinstance(self.screen, DeskScreen):
            # A question that is left open is no place to come back to.
            self.pop_screen()
        if type(self.screen) is type(screen) and not screen.has_subject:
            return
        for other in self.desk_screens:
            if type(other) is type(screen):
                self._take_out(other)
        self.push_screen(screen)

    def _take_out(self, screen: DeskScreen) -> None:
        """Close a screen wherever it lies, so that going round and round piles nothing up."""
        if screen is self.screen:
            self.pop_screen()
            return
        # Textual closes the one on top only.
        self._screen_stack.remove(screen)
        screen.remove()

    def action_leave_screen(self) -> None:
        """Back to the screen before; the dashboard lies under them all."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def on_review_screen_evidence_asked(self, message: ReviewScreen.EvidenceAsked) -> None:
        if len(message.views) > 1:
            dashboard = self._back_to_dashboard()
            dashboard.action_show_pane(1)
            dashboard.positions.show_only("missing")
            return
        from possync_tui.tui.screens.life import LifeScreen

        self._open(LifeScreen(self.desk, message.views[0]))
