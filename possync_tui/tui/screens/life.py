"""One position's life: what happened to it, what it realized, and the lots that are open."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from possync_tui.domain.performance import EntryRow, chain_of, linked
from possync_tui.domain.position import Status
from possync_tui.domain.views import JournalView, LotView, PositionView
from possync_tui.ledger.port import EntryQuery
from possync_tui.tui.actions import LIFE_DEEDS, bindings
from possync_tui.tui.columns import Align, Cell, Column
from possync_tui.tui.desk import Desk, Reading
from possync_tui.tui.entry_cells import EntryTable
from possync_tui.tui.evidence_tables import lot_commission, lot_opened, lot_source
from possync_tui.tui.format import (
    clean,
    count,
    counted,
    marked,
    minute,
    money,
    number,
    price,
    stamp,
)
from possync_tui.tui.holdings import Holding, pnl_tone
from possync_tui.tui.journal_text import journal_lines
from possync_tui.tui.screens.base import SideScreen
from possync_tui.tui.screens.entry import EntryScreen, Scroller
from possync_tui.tui.screens.table_screen import labelled
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.pane import PaneTitle
from possync_tui.tui.widgets.pane_tabs import PaneTabs
from possync_tui.tui.widgets.plain_table import PlainTable
from possync_tui.tui.widgets.remeasured import Passage

JOURNAL_READ = 500
_A_UNIT = {"STK": "a share", "OPT": "a contract", "FOP": "a contract", "FUT": "a contract"}


def lot_columns() -> tuple[Column[LotView], ...]:
    """The columns of open lots."""
    return (
        Column("opened", "Opened", lambda lot: Cell(lot_opened(lot, minute), Tone.DIM)),
        Column(
            "quantity",
            "Qty",
            lambda lot: Cell(number(lot.quantity), Tone.STRONG),
            Align.POINT,
        ),
        Column("price", "Price", lambda lot: Cell(price(lot.price)), Align.POINT),
        Column("cost", "Cost", lambda lot: Cell(money(lot.cost)), Align.POINT),
        Column(
            "commission",
            "Commission",
            lot_commission,
            Align.POINT,
            rank=2,
        ),
        Column("source", "Known from", lot_source, rank=1, least=12, most=40),
    )


class LifeScreen(SideScreen):
    """Facts on top; under them the story, the entries and the lots, one at a time."""

    about = (
        "All that the ledger knows of one position: what happened to it, what it realized, and "
        "the lots that are open. Enter on what it realized shows the fills behind it."
    )
    has_subject = True
    own_deeds = LIFE_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(LIFE_DEEDS)

    def __init__(self, desk: Desk, view: PositionView) -> None:
        super().__init__(desk)
        self.view = view
        self.name_shown = clean(view.description or view.symbol) or f"contract {view.con_id}"
        self.heading = PaneTitle(self.name_shown)
        self.summary = Passage("", id="life-facts", markup=False)
        keys = tuple(desk.key_of(f"part-{number}") for number in (1, 2, 3))
        self.tabs = PaneTabs(("Story", "Realized", "Open lots"), keys, current=0)
        self.story = Passage(say(("Reading…", Tone.DIM)), markup=False, classes="entry-text")
        self.entries = EntryTable(desk, id="life-entries", one_position=True)
        self.lots = PlainTable(
            lot_columns(), id="life-lots", key=lambda lot: lot.place, placeholder="Reading…"
        )
        self.parts: tuple[Widget, ...] = (Scroller(self.story), self.entries, self.lots)
        self.shows_both_methods = False
        self._part = 0
        self._journal: tuple[JournalView, ...] | None = None
        self._facts_shown = Content("")
        self._reading = Reading(desk.start_work, self._read, "reading the position's life")

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.heading, self.summary, self.tabs, *self.parts, id="life")

    @property
    def place(self) -> str:
        return "A position's life"

    def on_mount(self) -> None:
        self.heading.is_lit = True
        self.heading.subtitle = say(("the life of a position", Tone.DIM))
        self.tabs.set_lit(True)
        self.action_show_part(0)
        self._show_facts()
        self._reading.ask()

    # --- facts -------------------------------------------------------------------------------

    def _show_facts(self) -> None:
        facts = self._facts()
        if facts != self._facts_shown or facts.spans != self._facts_shown.spans:
            self._facts_shown = facts
            self.summary.update(facts)

    def _facts(self) -> Content:
        view, shown = self.view, self.desk.shown
        currency = clean(view.currency)
        held = say(
            (number(view.quantity), Tone.STRONG),
            f" {clean(view.sec_type)} at {price(view.average_price)} {currency}",
            (f"  cost {money(view.average_cost)} {_A_UNIT.get(view.sec_type, 'a unit')}", Tone.DIM),
        )
        status = ("status", self._status())
        facts: list[tuple[str, Content | str]] = [
            ("holds", held),
            ("worth", self._worth()),
            ("realized", say((marked(view.realized_pnl), pnl_tone(view.realized_pnl)))),
            ("account", f"{shown.account(view.account)} · contract {view.con_id}"),
        ]
        # Where it is low the last ones have no room: what is wrong has to be told.
        facts.insert(0 if view.status == Status.MISSING else 3, status)
        return labelled(*facts, room=self.size.width - 6)

    def _worth(self) -> Content:
        desk = self.desk
        live = Holding(self.view, desk.engine.marks.get(self.view.key))
        live = live.at(desk.clock.now(), is_live=desk.is_live)
        if live.value is None and live.last is None:
            return say(("no price known", Tone.DIM))
        aged = "" if live.shown_age == "now" else f"  {live.shown_age} old"
        return say(
            f"{money(live.value)} at {price(live.last)}, unrealized ",
            (marked(live.unrealized), Tone.STALE if live.is_stale else pnl_tone(live.unrealized)),
            (aged, Tone.STALE if live.is_stale else Tone.DIM),
        )

    def _status(self) -> Content:
        view = self.view
        is_missing = view.status == Status.MISSING
        status = say((clean(view.status), Tone.WARNING if is_missing else Tone.GAIN))
        # What was held before the first sync was opened at a time that nobody told us.
        status = say(status, f", known since {stamp(view.opened_at)}" if not is_missing else "")
        if view.missing_since is not None:
            since = stamp(view.missing_since)
            review = self.desk.key_of("review")
            status = say(
                status, f" since {since}: the broker does not list it — {review} to review"
            )
        if view.closed_at is not None:
            status = say(status, f", closed {stamp(view.closed_at)}")
        return status

    def tick_panes(self) -> None:
        self._show_facts()

    def show_ledger(self) -> None:
        super().show_ledger()
        self.start_reading()

    def restyle(self) -> None:
        super().restyle()
        self._show_facts()
        self._show_story()

    def on_resize(self) -> None:
        self._show_facts()
        self._show_story()

    # --- reading -----------------------------------------------------------------------------

    async def _read(self) -> None:
        view, reads = self.view, self.desk.engine.reads
        try:
            told = await reads.journal(
                key=view.key, limit=JOURNAL_READ, both_methods=self.shows_both_methods
            )
            query = EntryQuery(account_id=view.account_id, symbol=view.symbol)
            entries = [entry for entry in await reads.entries(query) if entry.con_id == view.con_id]
            lots = [
                lot
                for lot in await reads.lots(account_id=view.account_id)
                if lot.position_id == view.id
            ]
        except Exception:
            self.story.update(
                say(("It could not be read; the Sync log says why. Esc goes back.", Tone.WARNING))
            )
            raise
        if not self.is_attached:
            return
        self._take_view()
        self._journal = tuple(told)
        self.entries.placeholder = "Nothing was realized in this life yet."
        self.entries.show(linked(entries))
        self.lots.placeholder = self._no_lots()
        # Places begin anew with each life: here they are only what the cursor holds on to.
        self.lots.set_rows(replace(lot, place=place) for place, lot in enumerate(lots))
        standing = sum(1 for row in self.entries.rows if row.stands)
        self.tabs.rename(
            (f"Story {count(len(told))}", f"Realized {standing}", f"Open lots {len(lots)}")
        )
        self._show_facts()
        self._show_story()

    def _take_view(self) -> None:
        """The row as it was last read: quantity and status move on while the screen is open."""
        for view in self.desk.picture.positions:
            if view.id == self.view.id:
                self.view = view

    def _no_lots(self) -> str:
        if self.view.status == Status.CLOSED:
            return "No lot is open: the position is closed."
        return "No lots are known."

    def _show_story(self) -> None:
        told = self._journal
        if told is None:
            return
        if not told:
            self.story.update(say(("The journal has no lines about this position.", Tone.DIM)))
            return
        first = "The newest " if len(told) == JOURNAL_READ else ""
        head = f"{first}{counted(len(told), 'line')} of the journal, the oldest first"
        room = max(40, self.size.width - 8)
        oldest_first: Sequence[JournalView] = sorted(told, key=lambda line: line.id)
        name = clean(self.view.description)
        shown = journal_lines(self.desk.shown, oldest_first, room, name=name)
        self.story.update(lines(say((head, Tone.DIM)), *shown))

    # --- parts -------------------------------------------------------------------------------

    def action_show_part(self, index: int) -> None:
        """Show the story, the entries or the lots, and give it the keyboard."""
        self._part = index
        self.tabs.show(index)
        for place, part in enumerate(self.parts):
            part.set_class(place != index, "-behind")
        self.parts[index].focus()

    def action_toggle_methods(self) -> None:
        """The story with realized amounts by both cost methods, or by the one in use."""
        if self._journal is not None and not self.entries.rows:
            said = "Nothing was realized here: there is no amount to tell by either method."
            self.notify(said, markup=False, timeout=4)
            return
        self.shows_both_methods = not self.shows_both_methods
        self._reading.ask()
        self.action_show_part(0)

    def action_next_part(self, by: int) -> None:
        self.action_show_part((self._part + by) % len(self.parts))

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        self.action_show_part(event.index)

    def on_line_table_selected(self, event: LineTable.Selected) -> None:
        row = self.entries.cursor_row
        if event.table is self.entries and row is not None:
            rows: Sequence[EntryRow] = self.entries.rows
            self.app.push_screen(EntryScreen(self.desk, row, chain_of(row, rows)))
