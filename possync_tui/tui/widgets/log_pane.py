"""The Sync log with a line to search it by."""

from textual.widgets import Input

from possync_tui.tui.desk import Desk
from possync_tui.tui.widgets.pane import Pane
from possync_tui.tui.widgets.prompt import Prompt
from possync_tui.tui.widgets.sync_log import SyncLogPane


class LogPane(Pane):
    """Searches while you type; enter goes back to the lines, escape ends the search."""

    def __init__(self, desk: Desk) -> None:
        self.lines = SyncLogPane(desk.shown, desk.keymap)
        go_on = f"{desk.key_of('log-next')} and {desk.key_of('log-before')}"
        self.prompt = Prompt(f"search the log; {go_on} go on", self.focus_pane, id="log-search")
        super().__init__("Sync log", desk.key_of("pane-4"), self.prompt, self.lines, id="sync-log")

    def focus_pane(self) -> None:
        self.lines.focus()

    def ask_search(self) -> None:
        self.prompt.ask()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.lines.search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_pane()

    def on_sync_log_pane_search_ended(self) -> None:
        self.prompt.empty()

    def on_sync_log_pane_changed(self) -> None:
        self.subtitle = self.lines.state_text()
