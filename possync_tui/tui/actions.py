"""What the user can do, as data: the key bindings, the palette and the help all come from here."""

from enum import StrEnum

from textual.binding import Binding, BindingType

from possync_tui.domain.values import dataclass


class Area(StrEnum):
    """Headings of the help."""

    SYNC = "Sync"
    LOOK = "Look"
    MOVE = "Move"
    PROGRAM = "Program"


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing to do. `place` orders the key bar within its area; 0 keeps it out of there.

    `weight` decides what the key bar leaves out first where it is narrow: the heaviest. `brief` is
    the label where that is tight; `also` is what else the palette finds it by.
    """

    id: str
    keys: str
    action: str
    label: str
    help: str
    area: Area
    place: int = 0
    weight: int = 0
    brief: str = ""
    also: str = ""

    def binding(self) -> Binding:
        return Binding(
            self.keys, self.action, self.label, show=bool(self.place), tooltip=self.help, id=self.id
        )


DEEDS = (
    Deed("sync", "s", "sync_now", "Sync", "Sync now", Area.SYNC, 1, 1),
    Deed(
        "missing",
        "m",
        "toggle_arming",
        "Missing→closed",
        "Arm or disarm missing→closed",
        Area.SYNC,
        2,
        2,
        brief="Missing",
    ),
    Deed("review", "v", "show_review", "Review", "Decide on what is held", Area.SYNC, 5, 4),
    Deed(
        "dry-run",
        "d",
        "show_plan",
        "Diff",
        "What a sync would change",
        Area.SYNC,
        4,
        5,
    ),
    Deed("reconnect", "R", "reconnect", "Reconnect", "A new session, now", Area.SYNC, 7, 13),
    Deed(
        "pause",
        "P",
        "toggle_pause",
        "Pause",
        "Pause reconnecting, and resume",
        Area.SYNC,
        8,
        14,
    ),
    Deed(
        "find-tws",
        "C",
        "find_tws",
        "Find TWS",
        "Find TWS, or try the demo",
        Area.SYNC,
        9,
        12,
    ),
    Deed(
        "pnl",
        "p",
        "show_pnl",
        "P&L",
        "Realized P&L",
        Area.LOOK,
        3,
        3,
    ),
    Deed("runs", "r", "show_runs", "Runs", "Past syncs and what each changed", Area.LOOK, 5, 6),
    Deed("account", "a", "next_account", "Account", "Show the next account", Area.LOOK, 9, 10),
    Deed("mask", "M", "toggle_mask", "Mask accounts", "Hide account numbers", Area.LOOK),
    Deed("cell", "i", "copy_cell", "Copy a cell", "Copy one cell of the row", Area.LOOK),
    Deed(
        "csv",
        "Y",
        "copy_table",
        "Copy as CSV",
        "Copy the table as CSV",
        Area.LOOK,
        also="export csv",
    ),
    Deed("screenshot", "X", "screenshot_file", "Screenshot", "Screenshot as SVG", Area.PROGRAM),
    Deed("help", "question_mark", "show_help", "Help", "Keys and symbols", Area.PROGRAM, 98, -5),
    Deed("quit", "q", "quit", "Quit", "Quit; a running sync ends first", Area.PROGRAM, 99, -5),
    Deed(
        "suspend",
        "ctrl+z",
        "suspend_process",
        "Suspend",
        "Suspend; fg returns here",
        Area.PROGRAM,
    ),
)
"""What works on every screen."""

DASHBOARD_DEEDS = (
    Deed(
        "filter", "slash", "filter", "Filter", "Filter positions; search the log", Area.LOOK, 7, 7
    ),
    Deed("sort", "o", "sort", "Sort", "Sort by the next column", Area.LOOK, 8, 9),
    Deed("sort-turn", "O", "turn_sort", "Turn order", "Sort the other way round", Area.LOOK),
    Deed("group", "b", "group", "Group", "Group by account, currency, type", Area.LOOK, 9, 12),
    Deed("fold", "minus", "fold", "Fold", "Fold or unfold a group", Area.LOOK),
    Deed("fold-all", "B", "fold_all", "Fold all", "Fold or unfold all groups", Area.LOOK),
    Deed("columns", "c", "columns", "Columns", "Choose and order the columns", Area.LOOK),
    Deed("flash", "f", "flash", "Flash", "Light up changed values, or not", Area.LOOK),
    Deed("zoom", "z", "zoom", "Zoom", "The focused pane alone, and back", Area.LOOK, 10, 8),
    Deed("totals", "t", "next_totals", "Totals", "The totals that have no room", Area.LOOK),
    Deed("copy", "y", "copy", "Copy", "Copy the row, or log lines", Area.LOOK, 11, 11),
    Deed("next-pane", "tab", "next_pane(1)", "Next pane", "Go to the next pane", Area.MOVE),
    Deed("last-pane", "shift+tab", "next_pane(-1)", "Pane before", "Go back a pane", Area.MOVE),
    Deed("pane-1", "1", "show_pane(1)", "Positions", "Go to Positions", Area.MOVE),
    Deed("pane-2", "2", "show_pane(2)", "Sync stats", "Go to Sync stats", Area.MOVE),
    Deed("pane-3", "3", "show_pane(3)", "Connection", "Go to Connection", Area.MOVE),
    Deed("pane-4", "4", "show_pane(4)", "Sync log", "Go to Sync log", Area.MOVE),
)
"""What works on the dashboard alone."""

LOG_DEEDS = (
    Deed(
        "log-pause",
        "space",
        "pause",
        "Pause",
        "Hold the log still, or follow it",
        Area.LOOK,
        -9,
        -4,
    ),
    Deed(
        "log-level",
        "l",
        "next_level",
        "Level",
        "Show more log lines, or fewer",
        Area.LOOK,
        -8,
        -4,
    ),
    Deed("log-next", "n", "find(1)", "Next match", "The next line found in the log", Area.LOOK),
    Deed("log-before", "N", "find(-1)", "Match before", "The line found before it", Area.LOOK),
    Deed(
        "log-select", "J,shift+down", "move(1, True)", "Select down", "Select log lines", Area.LOOK
    ),
    Deed(
        "log-select-up",
        "K,shift+up",
        "move(-1, True)",
        "Select up",
        "Select log lines upwards",
        Area.LOOK,
    ),
)
"""What works in the Sync log while it has the keyboard."""

BOTH_METHODS = Deed(
    "both-methods",
    "f",
    "toggle_methods",
    "Both methods",
    "Journal by both cost methods, or by the one in use",
    Area.LOOK,
    -2,
)

ENTRY_DEEDS = (BOTH_METHODS,)
"""An entry's evidence."""

LIFE_DEEDS = (
    Deed("part-1", "1", "show_part(0)", "Story", "What happened, from the journal", Area.MOVE, -5),
    Deed("part-2", "2", "show_part(1)", "Realized", "What it realized", Area.MOVE, -4),
    Deed("part-3", "3", "show_part(2)", "Lots", "Its open lots", Area.MOVE, -3),
    Deed("next-part", "tab", "next_part(1)", "Next part", "The next part", Area.MOVE),
    Deed("last-part", "shift+tab", "next_part(-1)", "Part before", "The part before", Area.MOVE),
    BOTH_METHODS,
)
"""A position's life."""

REVIEW_DEEDS = (
    Deed("accept", "A", "decide(True)", "Accept", "Accept what is held", Area.SYNC, -9, -3),
    Deed("keep", "K", "decide(False)", "Keep", "Keep things as they are", Area.SYNC, -8, -3),
    Deed(
        "accept-all",
        "E",
        "decide_all(True)",
        "Accept all",
        "Accept all of the accounts shown",
        Area.SYNC,
        -7,
        3,
    ),
    Deed(
        "keep-all",
        "U",
        "decide_all(False)",
        "Keep all",
        "Keep all of the accounts shown",
        Area.SYNC,
        -6,
        3,
    ),
    Deed(
        "evidence", "enter", "evidence", "Evidence", "The position's life so far", Area.LOOK, -5, 2
    ),
)
"""What is held. Capitals: a decision is not made by a slip of the finger."""

DECISION_DEEDS = (
    Deed("transfer", "ctrl+t", "transfer", "It is a transfer", "Book it as a transfer", Area.SYNC),
)
"""Where a missing position is accepted; a note is typed there, so a letter alone is no key."""

FIRST_LOOK_DEEDS = (
    Deed("connect", "enter", "connect", "Connect", "Connect to this port", Area.SYNC, -9, -3),
    Deed("demo", "D", "demo", "Demo", "A simulated TWS instead", Area.SYNC, -8, -3),
    Deed("probe", "u", "probe", "Look again", "Ask the ports again", Area.SYNC, -7, -3),
)
"""What works where TWS is looked for."""

REALIZED_DEEDS = (
    Deed("fills", "enter", "open_entry", "Fills", "The fills behind an entry", Area.LOOK, -9),
    Deed(
        "currency",
        "c",
        "next_currency",
        "Currency",
        "The next currency; then all",
        Area.LOOK,
        -8,
    ),
    Deed("chart", "b", "turn_chart", "Chart", "Running total, bars, or both", Area.LOOK, -7),
    Deed("undone", "x", "toggle_undone", "Undone", "What was reversed, and by what", Area.LOOK, -6),
    Deed(
        "export",
        "e",
        "export",
        "Export",
        "Write what is shown as CSV",
        Area.LOOK,
        -5,
        also="export csv",
    ),
    Deed("pnl-sort", "o", "sort", "Sort", "Sort by the next column", Area.LOOK),
    Deed("pnl-turn", "O", "turn_sort", "Turn order", "Sort the other way round", Area.LOOK),
    Deed("span-next", "t", "next_span(1)", "Longer", "The next stretch of time", Area.MOVE),
    Deed("span-last", "T", "next_span(-1)", "Shorter", "The stretch before it", Area.MOVE),
    Deed(
        "earlier",
        "left_square_bracket,left",
        "step(-1)",
        "Earlier",
        "The day, week, month, … before",
        Area.MOVE,
    ),
    Deed(
        "later",
        "right_square_bracket,right",
        "step(1)",
        "Later",
        "The day, week, month, … after",
        Area.MOVE,
    ),
    *(
        Deed(f"span-{number}", str(number), f"span({number})", name, f"Look at {what}", Area.MOVE)
        for number, name, what in (
            (1, "Day", "today"),
            (2, "Week", "this week"),
            (3, "Month", "this month"),
            (4, "Quarter", "this quarter"),
            (5, "Year", "this year"),
            (6, "All", "all there is"),
            (7, "From–to", "days of your choice"),
        )
    ),
)
"""What works on the screen of realized P&L alone."""

PLACES = {
    deed.id: deed
    for deeds in (
        DEEDS,
        DASHBOARD_DEEDS,
        LOG_DEEDS,
        ENTRY_DEEDS,
        LIFE_DEEDS,
        REVIEW_DEEDS,
        DECISION_DEEDS,
        FIRST_LOOK_DEEDS,
        REALIZED_DEEDS,
    )
    for deed in deeds
}


def bindings(deeds: tuple[Deed, ...]) -> list[BindingType]:
    return [deed.binding() for deed in deeds]
