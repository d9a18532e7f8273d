"""What is drawn: each screen of the program and each state that matters, with a sentence."""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from textual.command import CommandPalette
from textual.screen import Screen

from possync_tui.domain.connection import Environment, Phase
from possync_tui.domain.first_look import Port
from possync_tui.domain.rates import Rate
from possync_tui.domain.runs import SyncStats
from possync_tui.sync.events import LogLine
from possync_tui.tui.screens.arming import ArmingDialog
from possync_tui.tui.screens.cell_dialog import CellDialog
from possync_tui.tui.screens.columns_dialog import ColumnsDialog
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.decision_dialog import DecisionDialog
from possync_tui.tui.screens.entry import EntryScreen
from possync_tui.tui.screens.export_dialog import ExportDialog
from possync_tui.tui.screens.first_look import FirstLookScreen
from possync_tui.tui.screens.help import HelpDialog
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.period_dialog import PeriodDialog
from possync_tui.tui.screens.plan_diff import PlanScreen
from possync_tui.tui.screens.realized import RealizedScreen
from possync_tui.tui.screens.review import ReviewScreen
from possync_tui.tui.screens.runs import RunsScreen
from tests.tui import desk_fills
from tests.tui.desk_book import CODES
from tests.tui.fake_engine import NOW, FakeEngine

Prepare = Callable[[FakeEngine], None]
Size = tuple[int, int]

PORTS = (
    Port("127.0.0.1", 7497, "TWS, paper", False, None),
    Port("127.0.0.1", 7496, "TWS, live", True, None),
    Port("127.0.0.1", 4002, "IB Gateway, paper", True, 176),
    Port("127.0.0.1", 4001, "IB Gateway, live", False, None),
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A screen in a state: the keys that lead there, and what there is to see."""

    name: str
    title: str
    sentence: str
    shows: type[Screen[Any]]
    keys: tuple[str, ...] = ()
    types: str = ""
    """Typed after the keys, as into a prompt."""
    then: tuple[str, ...] = ()
    prepare: Prepare | None = None
    size: Size | None = None
    """Where it is about a size; else the one that is asked for."""
    theme: str | None = None
    has_colour: bool = True
    first_minute: bool = False


# --- states --------------------------------------------------------------------------------------


DELAYED = 29612193
"""A contract without market data: its value comes every three minutes."""
RATES = {"USD": "1", "EUR": "1.0842", "GBP": "1.2736", "JPY": "0.00664"}
LOG = (
    (-700, logging.INFO, "sync", "interval  25 seen  ?1  17 ms"),
    (-612, logging.INFO, "change", "AAPL 500 → 400"),
    (-612, logging.INFO, "change", "AAPL closed 100 @ 231.5  ▲ 3,734.95  exact"),
    (-612, logging.INFO, "sync", "trade  25 seen  ~1 ?1  21 ms"),
    (-430, logging.WARNING, "tws", "2103: a market data farm is gone: usfarm"),
    (-425, logging.INFO, "tws", "2104: usfarm is back"),
    (-400, logging.INFO, "sync", "interval  25 seen  ?1  16 ms"),
    (-222, logging.ERROR, "sync", "interval  failed: no end marker within 30 s"),
    (-221, logging.INFO, "session", "connected as client 17"),
    (-220, logging.INFO, "sync", "session  25 seen  ?1  18 ms"),
    (-90, logging.INFO, "change", "VOD 4000 → 4500"),
    (-90, logging.INFO, "sync", "position  25 seen  ~1 ?1  19 ms"),
    (-12, logging.INFO, "sync", "interval  25 seen  ~3 ?1  18 ms"),
)


def busy_day(engine: FakeEngine) -> None:
    """What every picture shows: rates, and an entry that was repaired down to its fills."""
    engine.live_rates = {
        (account, currency): Rate(account, currency, "USD", Decimal(rate), NOW)
        for account in CODES
        for currency, rate in RATES.items()
    }
    engine.live_marks = {
        key: mark if key.con_id == DELAYED else replace(mark, source="pnl")
        for key, mark in engine.live_marks.items()
    }
    reads = engine.reads
    reads.entry_rows = [*reads.entry_rows, *desk_fills.repaired(900, NOW - timedelta(hours=2))]
    reads.fill_rows[902] = desk_fills.fills()
    reads.taken_rows[902] = desk_fills.lots()
    reads.journal_rows = desk_fills.long_journal()


def log_lines() -> Iterable[LogLine]:
    """Twelve minutes of a quiet afternoon."""
    for seconds, level, kind, text in LOG:
        yield LogLine(NOW + timedelta(seconds=seconds), level, kind, text)


def lost(engine: FakeEngine) -> None:
    """TWS was closed an hour ago; what is on screen is from then."""
    hour = timedelta(minutes=58)
    engine.go_offline(Phase.RECONNECTING)
    engine.connect(since=NOW - hour, attempt=61)
    engine.stats = replace(engine.stats, last_sync_time=NOW - hour)
    engine.live_marks = {
        key: replace(mark, at=NOW - hour) for key, mark in engine.live_marks.items()
    }
    engine.live_rates = {
        pair: replace(rate, at=NOW - hour) for pair, rate in engine.live_rates.items()
    }
    reads = engine.reads
    reads.account_rows = [replace(row, last_synced_at=NOW - hour) for row in reads.account_rows]


def live_and_armed(engine: FakeEngine) -> None:
    engine.environment = Environment.LIVE
    engine.arm(True)


def nothing_yet(engine: FakeEngine) -> None:
    """Nothing was ever synced, and nothing answers at the port of the settings."""
    engine.environment = None
    engine.stats = SyncStats()
    reads = engine.reads
    reads.position_rows, reads.account_rows, reads.hold_rows, reads.run_rows = [], [], [], []
    reads.entry_rows = []
    engine.go_offline(Phase.RECONNECTING)


# --- the pictures --------------------------------------------------------------------------------

PICTURES = (
    Picture(
        "dashboard",
        "Dashboard",
        "Positions with live values, how syncing goes, the connection, and what happened; the "
        "first line answers whether all is well.",
        DashboardScreen,
    ),
    Picture(
        "dashboard-narrow",
        "Dashboard at 80 × 24",
        "The lower panes stand behind tabs, and columns that have no room wait.",
        DashboardScreen,
        size=(80, 24),
    ),
    Picture(
        "missing",
        "A missing position",
        "TWS does not list TSLA any more and no closing fill is known: it is kept, marked, and "
        "explained where it stands.",
        DashboardScreen,
        keys=("slash",),
        types="missing",
        then=("enter",),
    ),
    Picture(
        "groups",
        "Positions, zoomed and grouped",
        "By currency with subtotals (`b`), alone on the screen (`z`).",
        DashboardScreen,
        keys=("b", "b", "z"),
    ),
    Picture(
        "sync-stats",
        "Sync stats, zoomed",
        "Every counter, the success rate, durations and the next sync.",
        DashboardScreen,
        keys=("2", "z"),
    ),
    Picture(
        "connection",
        "Connection, zoomed",
        "State, round trip, server, farms, attempts, and the last error with what to do.",
        DashboardScreen,
        keys=("3", "z"),
    ),
    Picture(
        "log",
        "Sync log, searched",
        "Zoomed, with what is searched for lit; `l` filters by level, `y` copies.",
        DashboardScreen,
        keys=("4", "z", "slash"),
        types="usfarm",
        then=("enter",),
    ),
    Picture(
        "disconnected",
        "Disconnected",
        "TWS is gone for an hour: values are marked as old, and the connection says what to do.",
        DashboardScreen,
        keys=("3",),
        prepare=lost,
    ),
    Picture(
        "live-and-armed",
        "Real money, closing armed",
        "A live account is unmistakable, and so is missing→closed while it is armed.",
        DashboardScreen,
        prepare=live_and_armed,
    ),
    Picture(
        "arming",
        "Arming missing→closed",
        "It says what would close, and asks.",
        ArmingDialog,
        keys=("m",),
    ),
    Picture(
        "columns",
        "Columns",
        "Which columns the positions have.",
        ColumnsDialog,
        keys=("c",),
    ),
    Picture(
        "life",
        "A position's life",
        "From the journal, the oldest line first, each with its evidence.",
        LifeScreen,
        keys=("enter",),
    ),
    Picture(
        "lots",
        "A position's open lots",
        "What it was bought for, by the lot.",
        LifeScreen,
        keys=("enter", "3"),
    ),
    Picture(
        "realized-pnl",
        "Realized P&L",
        "Entries of a stretch of time with their quality, statistics, and the running total.",
        RealizedScreen,
        keys=("p",),
    ),
    Picture(
        "period",
        "From–to",
        "Days of your choice.",
        PeriodDialog,
        keys=("p", "7"),
    ),
    Picture(
        "export",
        "Export",
        "What is shown, as CSV.",
        ExportDialog,
        keys=("p", "e"),
    ),
    Picture(
        "copy-cell",
        "Copy one cell",
        "Each with all its digits.",
        CellDialog,
        keys=("i",),
    ),
    Picture(
        "entry",
        "A realized entry",
        "Its sum, its lots and fills, what became of it, and its lines of the journal.",
        EntryScreen,
        keys=("p", "enter"),
    ),
    Picture(
        "diff",
        "What a sync would change",
        "Asked of the broker and written nowhere: each line with its evidence.",
        PlanScreen,
        keys=("d", "j"),
    ),
    Picture(
        "runs",
        "Sync runs",
        "How each went and how long it took; below, what the one under the cursor changed.",
        RunsScreen,
        keys=("r",),
    ),
    Picture(
        "run-failed",
        "A sync that failed",
        "It wrote nothing, and says why.",
        RunsScreen,
        keys=("r", *("j" * 17)),
    ),
    Picture(
        "review",
        "Review",
        "What is held for your word, why, and what accepting or keeping it would do.",
        ReviewScreen,
        keys=("v", "j"),
    ),
    Picture(
        "decision",
        "A decision",
        "It says what it will do, and takes a note for the journal.",
        DecisionDialog,
        keys=("v", "j", "A"),
    ),
    Picture(
        "help",
        "Help",
        "About the place where it is asked for, with its keys and the symbols.",
        HelpDialog,
        keys=("question_mark",),
    ),
    Picture(
        "palette",
        "Command palette",
        "Every action by name, and every position by symbol.",
        CommandPalette,
        keys=("ctrl+p",),
        types="aapl",
    ),
    Picture(
        "first-minute",
        "The first minute",
        "Which of the usual ports answers, what to tick in TWS, and the demo meanwhile.",
        FirstLookScreen,
        prepare=nothing_yet,
        first_minute=True,
    ),
    Picture(
        "too-small",
        "A window that is too small",
        "A sentence instead of a mess.",
        DashboardScreen,
        size=(56, 12),
    ),
    Picture(
        "day",
        "The light theme",
        "`possync-day`.",
        DashboardScreen,
        theme="possync-day",
    ),
    Picture(
        "blue-orange",
        "The theme for colour-blind eyes",
        "`possync-blue-orange`: gain and loss differ in lightness and sign, too.",
        DashboardScreen,
        theme="possync-blue-orange",
    ),
    Picture(
        "no-colour",
        "With NO_COLOR",
        "Signs and words say all that colours do.",
        DashboardScreen,
        has_colour=False,
    ),
)
