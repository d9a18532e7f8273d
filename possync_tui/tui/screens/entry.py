"""One realized entry, down to the fills and the prices that it rests on."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget

from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.performance import EntryRow
from possync_tui.domain.position import CostMethod, EntryKind, Quality
from possync_tui.domain.views import EntryView, FillView, JournalView, LotView
from possync_tui.tui.actions import ENTRY_DEEDS, bindings
from possync_tui.tui.desk import Desk, Reading
from possync_tui.tui.entry_cells import (
    how,
    is_conversion,
    is_of_fill,
    links_cell,
    name_of,
    price_words,
    quality_cell,
    quality_sentence,
)
from possync_tui.tui.evidence_tables import fill_table, taken_lots
from possync_tui.tui.format import (
    clean,
    counted,
    fit,
    marked,
    money,
    number,
    price,
    signed,
    stamp,
    wrap,
)
from possync_tui.tui.holdings import pnl_tone
from possync_tui.tui.journal_text import journal_lines
from possync_tui.tui.screens.base import SideScreen
from possync_tui.tui.screens.table_screen import labelled
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.pane import PaneTitle
from possync_tui.tui.widgets.remeasured import Passage

JOURNAL_READ = 500
NO_FILLS = {
    EntryKind.FILL.value: "The fills are not at hand.",
    EntryKind.USER.value: "No fill: it was booked by your word.",
    EntryKind.EXPIRED.value: "No fill: the contract expired.",
    EntryKind.REVERSAL.value: "A reversal has no fills of its own: it takes back another entry.",
}


class Scroller(VerticalScroll):
    """Text that the keys of a table scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
        Binding("ctrl+f,ctrl+d", "page_down", show=False),
        Binding("ctrl+u", "page_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]


class EntryScreen(SideScreen):
    """Figures, lots, fills, what became of it, and the journal, under each other."""

    about = (
        "One realized amount and what it rests on: the fills that closed it, the lots that it "
        "took and how good that is, beside the broker's own figure. What was undone stays, with "
        "what replaced it. {both-methods} shows the journal by both cost methods."
    )
    own_deeds = ENTRY_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ENTRY_DEEDS)

    def __init__(self, desk: Desk, row: EntryRow, chain: Sequence[EntryRow] = ()) -> None:
        super().__init__(desk)
        self.row = row
        self.chain = tuple(chain)
        self.heading = PaneTitle(name_of(row.entry))
        self.text = Passage("", markup=False, classes="entry-text")
        self.scroller = Scroller(self.text)
        self.shows_both_methods = False
        self.fills: tuple[FillView, ...] | None = None
        self.lots: tuple[LotView, ...] | None = None
        self._journal: tuple[JournalView, ...] | None = None
        self._reading = Reading(desk.start_work, self._read, "reading the fills of an entry")

    def body(self) -> Iterable[Widget]:
        yield Vertical(self.heading, self.scroller, id="entry")

    @property
    def place(self) -> str:
        return "A realized entry"

    def on_mount(self) -> None:
        self.heading.is_lit = True
        self.scroller.focus()
        entry = self.row.entry
        subtitle = f"entry #{entry.id} · closed {stamp(entry.closed_at)}"
        self.heading.subtitle = say((subtitle, Tone.DIM))
        self._show()
        self._reading.ask()

    def on_resize(self) -> None:
        self._show()

    def restyle(self) -> None:
        super().restyle()
        self._show()

    async def _read(self) -> None:
        entry, reads = self.row.entry, self.desk.engine.reads
        try:
            of = entry.id
            if self.row.is_reversal and entry.supersedes_id is not None:
                of = entry.supersedes_id
            self.lots = tuple(await reads.lots_of(entry.id) or ())
            self.fills = tuple(await reads.fills_of(of))
            key = PositionKey(entry.account, entry.con_id)
            self._journal = tuple(
                await reads.journal(
                    key=key, limit=JOURNAL_READ, both_methods=self.shows_both_methods
                )
            )
        finally:
            if self.is_attached:
                self._show()

    def action_toggle_methods(self) -> None:
        """The journal by both cost methods, or by the one in use."""
        self.shows_both_methods = not self.shows_both_methods
        self._reading.ask()

    # --- text --------------------------------------------------------------------------------

    def _show(self) -> None:
        room = max(40, self.size.width - 8)
        sections = [self._facts(room)]
        if self.chain and len(self.chain) > 1:
            sections.append(lines(_title("What became of it"), *self._chain_lines(room)))
        sections.append(lines(_title("Lots that it closed"), *self._lot_lines(room)))
        sections.append(lines(_title("Fills of this life, up to it"), *self._fill_lines(room)))
        sections.append(lines(_title("Journal"), *self._journal_lines(room)))
        self.text.update(Content("\n\n").join(sections))

    def _facts(self, room: int) -> Content:
        entry, shown = self.row.entry, self.desk.shown
        realized = say(
            (marked(entry.realized_pnl), pnl_tone(entry.realized_pnl)), f" {clean(entry.currency)}"
        )
        quantity = f"{number(entry.quantity_closed)} {clean(entry.sec_type)}"
        closed = say(f"{quantity}  from {price(entry.entry_price)} to {price(entry.exit_price)}")
        is_flat = "flat after it" if entry.is_full_close else "a part of it"
        if is_conversion(entry):
            is_flat += "; a conversion of currencies, in no total and no win rate"
        quality = quality_cell(entry)
        facts = [
            ("realized", realized, self._sum_of()),
            ("closed", closed, f"{how(entry)}, {is_flat}"),
            ("quality", say((quality.text, quality.tone)), quality_sentence(entry)),
        ]
        is_guess = entry.quality == Quality.ESTIMATED
        if not is_of_fill(entry) and (is_guess or entry.price is not None):
            facts.append(("price from", *self._evidence()))
        facts += [
            ("broker says", *self._broker()),
            ("account", say(shown.account(entry.account)), f"contract {entry.con_id}"),
            ("recorded", say(stamp(entry.recorded_at)), ""),
        ]
        links = links_cell(self.row)
        if links.text:
            facts.append(("linked", say((links.text, Tone.WARNING)), ""))
        column = max(len(label) for label, _, _ in facts) + 2
        rows: list[tuple[str, Content | str]] = []
        for label, value, aside in facts:
            if value.cell_length + len(aside) + 2 <= room - column:
                rows.append((label, say(value, (f"  {aside}" if aside else "", Tone.DIM))))
                continue
            rows.append((label, value))
            rows += [("", say((row, Tone.DIM))) for row in wrap(aside, max(20, room - column), 3)]
        return labelled(*rows)

    def _evidence(self) -> tuple[Content, str]:
        evidence = self.row.entry.price
        if evidence is None:
            return say(("no price was known", Tone.WARNING)), "so there is no amount"
        return say(price(evidence.price)), price_words(self.row.entry)

    def _sum_of(self) -> str:
        entry = self.row.entry
        if entry.gross_pnl is None:
            return ""
        if entry.commission is None:
            return f"gross {signed(entry.gross_pnl)}, commission not known yet"
        paid = f"{money(entry.commission)} {clean(entry.commission_currency)}".rstrip()
        netted = entry.commission_currency in ("", entry.currency)
        aside = "" if netted or not entry.commission else " (another currency: not netted)"
        return f"gross {signed(entry.gross_pnl)}, commissions {paid}{aside}"

    def _broker(self) -> tuple[Content, str]:
        entry, difference = self.row.entry, self.row.entry.difference
        if entry.broker_realized_pnl is None:
            return say(("nothing", Tone.DIM)), ""
        said = money(entry.broker_realized_pnl)
        if difference is None:
            return say(said), "the same"
        ours = say(said, (f"  ours differs by {signed(difference)}", Tone.WARNING))
        return ours, "its cost method may differ, and it matches lots anew overnight"

    def _chain_lines(self, room: int) -> list[Content]:
        """The entry, its reversal and its replacement, in the order in which they were written."""
        rows = []
        for row in sorted(self.chain, key=lambda row: row.entry.id):
            entry = row.entry
            is_this = entry.id == self.row.entry.id
            tone = Tone.PLAIN if row.stands else Tone.DIM
            word = "in force" if row.stands else "reversal" if row.is_reversal else "undone"
            amount = f"{marked(entry.realized_pnl)} {clean(entry.currency)[:8]}"
            piece = say(
                ("▸ " if is_this else "  ", Tone.ACCENT),
                (f"#{entry.id}".ljust(7), Tone.DIM),
                (fit(amount, 18, right=True) + "  ", tone),
                (quality_cell(entry).text.ljust(13), tone),
                (word.ljust(10), tone),
            )
            links = links_cell(row).text
            if piece.cell_length + len(links) <= room:
                piece = say(piece, (links, Tone.DIM))
            rows.append(piece)
        return rows

    def _lot_lines(self, room: int) -> list[Content]:
        if self.lots is None:
            return [say(("  Reading…", Tone.DIM))]
        if not self.lots:
            words = "What it closed is known otherwise by now, or was not rebuilt."
            return [say((f"  {words}", Tone.DIM))]
        method = self.lots[0].method
        by = "their average, pooled" if method == CostMethod.AVERAGE else "the oldest first (fifo)"
        return [say((f"  by {by}", Tone.DIM)), *taken_lots(self.lots, room)]

    def _fill_lines(self, room: int) -> list[Content]:
        fills, entry = self.fills, self.row.entry
        if fills is None:
            return [say(("  Reading…", Tone.DIM))]
        if not fills:
            words = NO_FILLS.get(entry.kind, "No fill is known for it: that is why it is no fact.")
            return [say((f"  {words}", Tone.DIM))]
        closing = [fill for fill in fills if fill.is_closing]
        others = sorted((f for f in fills if not f.is_closing), key=lambda fill: fill.time)
        opening = [fill for fill in others if not closing or fill.side != closing[0].side]
        earlier = [fill for fill in others if fill not in opening]
        roles = (("closed by", closing), ("opened by", opening), ("closed before", earlier))
        shown = fill_table(((role, fill) for role, chosen in roles for fill in chosen), room)
        if is_of_fill(entry) and entry.quality == Quality.ESTIMATED:
            part = "A part of what it closed" if opening else "What it closed"
            words = f"{part} was held before the first sync, at the broker's average cost."
            shown += [say(("  " + row, Tone.WARNING)) for row in wrap(words, room - 2, 3)]
        return shown

    def _journal_lines(self, room: int) -> list[Content]:
        if self._journal is None:
            return [say(("  Reading…", Tone.DIM))]
        told = [line for line in self._journal if self._is_about(line)]
        if not told:
            return [say(("  No line of the journal is about this entry alone.", Tone.DIM))]
        told.sort(key=lambda line: line.id)
        return [
            say((f"  {counted(len(told), 'line')}, the oldest first", Tone.DIM)),
            *journal_lines(self.desk.shown, told, room - 2, indent="  "),
        ]

    def _is_about(self, line: JournalView) -> bool:
        """What was journaled with the entry, or names its execution."""
        entry: EntryView = self.row.entry
        instants = {row.entry.recorded_at for row in self.chain} | {entry.recorded_at}
        if line.at in instants:
            return True
        if not entry.exec_id:
            return False
        return entry.exec_id in line.text or entry.exec_id in line.evidence


def _title(words: str) -> Content:
    return say((words, Tone.TITLE))
