"""The first minute: which port answers, what to tick in TWS, and the demo until then."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from possync_tui.domain.connection import Phase
from possync_tui.domain.first_look import Port, steps
from possync_tui.tui.actions import FIRST_LOOK_DEEDS, bindings
from possync_tui.tui.columns import Align, Cell, Column
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import clean, clock_time
from possync_tui.tui.screens.table_screen import TableScreen
from possync_tui.tui.tones import Tone, lines, say
from possync_tui.tui.widgets.line_table import LineTable
from possync_tui.tui.widgets.plain_table import PlainTable
from possync_tui.tui.widgets.remeasured import Passage
from possync_tui.tui.wishes import ConnectTo, StartDemo, Wish


def port_columns() -> tuple[Column[Port], ...]:
    """The columns of the port table."""
    return (
        Column("port", "Port", lambda p: Cell(str(p.port), Tone.STRONG), Align.RIGHT),
        Column("name", "Usually", lambda p: Cell(p.name)),
        Column("found", "Found", lambda p: Cell(p.in_words, _tone(p)), least=8, most=50),
    )


def _tone(port: Port) -> Tone:
    if port.answers:
        return Tone.GAIN
    return Tone.WARNING if port.is_open else Tone.DIM


def _flag(port: Port) -> Cell:
    if port.answers:
        return Cell("✓", Tone.GAIN)
    return Cell("!", Tone.WARNING) if port.is_open else Cell("·", Tone.DIM)


class PortTable(PlainTable[Port]):
    """The ports; enter connects."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "Connect", id="connect")]


class FirstLookScreen(TableScreen[Port]):
    """Opens by itself while nothing was ever synced and nothing answers."""

    name_of_reading = "looking for TWS"
    about = (
        "Where TWS or IB Gateway may be found on this computer, and what to set there so that it "
        "lets this program read your positions. It never needs the right to send orders."
    )
    own_deeds = FIRST_LOOK_DEEDS
    BINDINGS: ClassVar[list[BindingType]] = bindings(FIRST_LOOK_DEEDS[1:])

    class Wished(Message):
        """The user chose another place to connect to."""

        def __init__(self, wish: Wish) -> None:
            super().__init__()
            self.wish = wish

    def __init__(self, desk: Desk) -> None:
        super().__init__(
            desk,
            "Find TWS",
            port_columns(),
            key=lambda port: port.port,
            flag=_flag,
            table_type=PortTable,
        )
        self.sentence = Passage("", id="first-sentence", markup=False)
        self._has_pointed = False
        self.table.placeholder = "Asking the usual ports…"

    def above_table(self) -> Iterable[Widget]:
        yield self.sentence

    async def read(self) -> Sequence[Port]:
        return [] if self.desk.probe is None else await self.desk.probe()

    def empty_text(self) -> str:
        return "There is nothing to look for."

    def subtitle(self, rows: Sequence[Port]) -> Content:
        self.sentence.update(self._sentence(rows))
        answering = [port for port in rows if port.answers]
        if answering and not self._has_pointed:
            # Once: later readings leave the cursor to the user.
            self._has_pointed = True
            self.table.move_cursor(answering[0].port)
        return say((f"on {clean(rows[0].host)}" if rows else "", Tone.DIM))

    @property
    def _connect(self) -> str:
        key = self.desk.key_of("connect")
        return key.capitalize() if len(key) > 1 else key

    def _sentence(self, rows: Sequence[Port]) -> Content:
        answering = [port for port in rows if port.answers]
        state = self.desk.engine.connection
        if state.phase is Phase.CONNECTED:
            return say(("Connected. ", Tone.GAIN), f"This is {clean(state.host)}:{state.port}.")
        if state.is_paused:
            key = self.desk.key_of("reconnect")
            return say(("Reconnecting is paused. ", Tone.WARNING), f"{key} tries now.")
        if not answering and state.server_version is not None:
            lost = "" if state.down_since is None else f" since {clock_time(state.down_since)}"
            again = "" if state.phase is Phase.FAILED else "It is tried again by itself; "
            return say(
                (f"The connection is lost{lost}. ", Tone.WARNING),
                f"TWS answered at {clean(state.host)}:{state.port} before. "
                f"{again}{self.desk.key_of('reconnect')} tries now.",
            )
        if not answering:
            return say(
                ("TWS was not found yet. ", Tone.WARNING),
                "The first port is tried again by itself; "
                f"{self.desk.key_of('demo')} starts the demo meanwhile.",
            )
        named = " and ".join(f"{port.name} at {port.port}" for port in answering)
        if rows[0].answers:
            return say((f"{named}: found. ", Tone.GAIN), "The dashboard connects by itself.")
        return say((f"{named}: found. ", Tone.GAIN), f"{self._connect} connects there.")

    def detail_of(self, row: Port) -> Content:
        if row.answers:
            kept = f"To stay with it, set IBKR_PORT={row.port} in your .env file, or start with "
            return lines(
                say((f"{row.name} answers at {row.port}. {self._connect} connects.", Tone.STRONG)),
                say(f"{kept}--port {row.port}."),
            )
        told = [say((f"So that {row.port} answers ({row.name}):", Tone.STRONG))]
        told += [say((f" {n} ", Tone.ACCENT), text) for n, text in enumerate(steps(row), 1)]
        return lines(*told)

    def on_line_table_selected(self, event: LineTable.Selected) -> None:
        port = self.table.cursor_row
        if port is None:
            return
        if not port.answers:
            self.notify(f"Nothing to connect to at {port.port} yet.", markup=False)
            self.start_reading()
            return
        self.post_message(self.Wished(ConnectTo(port.host, port.port)))

    def action_demo(self) -> None:
        self.post_message(self.Wished(StartDemo()))

    def action_probe(self) -> None:
        self.start_reading()
