"""The header line: am I connected, to what, how fresh is the ledger, what needs me."""

from rich.cells import cell_len
from textual import events
from textual.content import Content

from possync_tui.domain.connection import ConnectionState, Environment, Phase
from possync_tui.domain.runs import Outcome
from possync_tui.domain.values import dataclass
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import ago, clean, countdown, counted, long_countdown, milliseconds
from possync_tui.tui.tones import Piece, Tone, say
from possync_tui.tui.widgets.written import Written

PHASES = {
    Phase.CONNECTED: ("●", Tone.GAIN),
    Phase.CONNECTING: ("◐", Tone.WARNING),
    Phase.RECONNECTING: ("↻", Tone.WARNING),
    Phase.STALE: ("◑", Tone.WARNING),
    Phase.DISCONNECTED: ("○", Tone.ERROR),
    Phase.FAILED: ("✗", Tone.ERROR),
}
ENVIRONMENTS = {
    Environment.LIVE: Tone.LIVE,
    Environment.PAPER: Tone.PAPER,
    Environment.DEMO: Tone.DEMO,
}


OVERDUE = 2
"""A sync is late when the last good one is this many intervals ago."""


def phase_look(state: ConnectionState) -> tuple[str, str, Tone]:
    """Symbol, word and tone of where the link stands."""
    if state.is_paused:
        return "‖", "paused", Tone.WARNING
    symbol, tone = PHASES[state.phase]
    return symbol, state.phase.value, tone


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the line in its forms, longest first; the `weight`iest is shortened first.

    `weight_of_all` is that of leaving it out, where it differs; `action` is what a click does.
    """

    forms: tuple[Content, ...]
    weight: int
    action: str = ""
    is_right: bool = False
    weight_of_all: int | None = None

    def weight_from(self, form: int) -> int:
        """How readily the form behind this one is taken instead."""
        is_left_out = not self.forms[form + 1].plain
        if is_left_out and self.weight_of_all is not None:
            return self.weight_of_all
        return self.weight


def part(
    weight: int, *forms: Piece, action: str = "", right: bool = False, last: int | None = None
) -> Part:
    return Part(tuple(say(form) for form in forms), weight, action, right, last)


class StatusBar(Written):
    """One line of fixed size: a new second repaints it and lays nothing out."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._line = Content("")
        self._spots: list[tuple[int, int, str]] = []

    def tick(self) -> None:
        """Show the time that passed, and whatever else is new."""
        self.set_class(self._desk.environment is Environment.LIVE, "-live")
        self._desk.read_next_sync()
        line = self._compose_line()
        if line != self._line or line.spans != self._line.spans:
            self._line = line
            self.follow_text()

    def on_resize(self) -> None:
        self.tick()

    def render(self) -> Content:
        return self._line

    async def on_click(self, event: events.Click) -> None:
        for start, end, action in self._spots:
            if start <= event.x < end and action:
                await self.run_action(action)
                return

    # --- parts -------------------------------------------------------------------------------

    def _compose_line(self) -> Content:
        width = self.size.width - 2
        parts = [p for p in self._parts() if p.forms[0].plain]
        forms = [0] * len(parts)

        def shown() -> list[Content]:
            return [p.forms[form] for p, form in zip(parts, forms, strict=True)]

        def taken() -> int:
            texts = [cell_len(text.plain) for text in shown()]
            return sum(length + 2 for length in texts if length)

        while taken() > width:
            able = [i for i, p in enumerate(parts) if forms[i] + 1 < len(p.forms)]
            if not able:
                break
            forms[max(able, key=lambda i: (parts[i].weight_from(forms[i]), -forms[i]))] += 1
        pairs = [(t, p) for t, p in zip(shown(), parts, strict=True) if t.plain]
        left = [pair for pair in pairs if not pair[1].is_right]
        right = [pair for pair in pairs if pair[1].is_right]
        first, second = (Content("  ").join(t for t, _ in side) for side in (left, right))
        middle = max(2, width - first.cell_length - second.cell_length)
        self._spots = [*_spots(left, 1), *_spots(right, 1 + first.cell_length + middle)]
        return say(" ", first, " " * middle, second)

    def _parts(self) -> list[Part]:
        return [
            self._phase(),
            self._environment(),
            self._accounts(),
            self._peer(),
            self._read_only(),
            self._held(),
            self._arming(),
            self._trouble(),
            self._freshness(),
        ]

    def _phase(self) -> Part:
        state = self._desk.engine.connection
        if self._desk.engine.is_read_only:
            forms: list[Piece] = [("○ follows the ledger", Tone.DIM), ("○ follows", Tone.DIM)]
            if not self._desk.engine.has_writer:
                nobody = "○ nobody syncs this ledger now", "○ nobody syncs"
                forms = [(said, Tone.WARNING) for said in nobody]
            return part(3, *forms, action="app.go_to_pane(3)")
        symbol, word, tone = phase_look(state)
        forms = [(f"{symbol} {word}", tone)]
        if state.next_try_at is not None and state.phase is Phase.RECONNECTING:
            wait = countdown(self._desk.seconds_until(state.next_try_at))
            forms.insert(0, (f"{symbol} {word} in {wait}", tone))
        return part(3, *forms, action="app.go_to_pane(3)")

    def _environment(self) -> Part:
        environment = self._desk.environment
        if environment is None:
            return part(0, "")
        word = environment.value.upper()
        if environment is Environment.LIVE:
            word = f" {word} "
        return part(0, (word, ENVIRONMENTS[environment]))

    def _accounts(self) -> Part:
        desk = self._desk
        if desk.account is not None:
            name = f"{desk.shown.account(desk.account.code)} ▾"
            return part(4, (name, Tone.STRONG), "", action="app.next_account", last=2)
        codes = desk.account_codes()
        if not codes:
            return part(4, "")
        if len(codes) == 1:
            return part(6, desk.shown.account(codes[0]), "", last=2)
        names = ", ".join(desk.shown.account(code) for code in codes)
        brief = counted(len(codes), "account")
        return part(6, f"{names} ▾", f"{brief} ▾", "", action="app.next_account", last=2)

    def _peer(self) -> Part:
        state = self._desk.engine.connection
        if self._desk.engine.is_read_only:
            return part(9, "")
        where = f"{clean(state.host)}:{state.port}"
        trip = "" if state.round_trip_ms is None else f" · {milliseconds(state.round_trip_ms)}"
        label = f"{clean(self._desk.label)} " if self._desk.label else ""
        forms: tuple[Piece, ...] = ((label + where + trip, Tone.DIM), (where, Tone.DIM), "")
        return part(9, *forms, action="app.go_to_pane(3)")

    def _read_only(self) -> Part:
        if not self._desk.engine.is_read_only:
            return part(0, "")
        return part(1, (" READ-ONLY ", Tone.BADGE), right=True)

    def _held(self) -> Part:
        held, here = self._desk.picture.held, self._desk.held_here
        text = f"⚑ {held} held" if held else ""
        forms: list[Piece] = [(text, Tone.WARNING)]
        if here:
            forms.insert(0, (f"{text} · {here}", Tone.WARNING))
        return part(1, *forms, action="app.show_review", right=True)

    def _arming(self) -> Part:
        arming = self._desk.engine.arming
        if self._desk.engine.is_read_only:
            # Whether the instance that writes is armed is told there alone.
            return part(10, "")
        if not arming.armed:
            off: Piece = ("missing→closed off", Tone.DIM)
            return part(10, off, "", action="app.toggle_arming", right=True)
        left = "by settings"
        if arming.until is not None:
            left = long_countdown(self._desk.seconds_until(arming.until))
        return part(
            3,
            (f" missing→closed ARMED {left} ", Tone.BADGE),
            (f" ARMED {left} ", Tone.BADGE),
            action="app.toggle_arming",
            right=True,
        )

    def _trouble(self) -> Part:
        """The last sync did not go well: said until one does."""
        runs = self._desk.picture.runs
        outcome = runs[0].outcome if runs else Outcome.COMMITTED
        if outcome == Outcome.COMMITTED:
            return part(0, "")
        words = f"✗ last sync {clean(outcome)}"
        forms: tuple[Piece, ...] = ((words, Tone.ERROR), ("✗ sync", Tone.ERROR))
        return part(3, *forms, action="app.show_runs", right=True)

    def _freshness(self) -> Part:
        return part(5, *self._freshness_forms(), action="app.sync_now", right=True)

    def _freshness_forms(self) -> tuple[Piece, ...]:
        desk = self._desk
        if desk.engine.is_syncing:
            return (("⟳ syncing", Tone.ACCENT),)
        last = desk.engine.stats.last_sync_time
        synced, brief, tone = "never synced", "never", Tone.WARNING
        if last is not None:
            seconds = desk.seconds_since(last)
            late = desk.engine.is_enabled and seconds > OVERDUE * desk.engine.sync_interval
            mark, tone = ("! ", Tone.WARNING) if late else ("", Tone.PLAIN)
            synced, brief = f"{mark}synced {ago(seconds)}", f"{mark}{ago(seconds)}"
        if desk.engine.is_read_only:
            return ((synced, tone), (brief, tone))
        if not desk.engine.is_enabled:
            return (f"{synced} · periodic sync off", synced)
        if desk.next_sync_in is None:
            return ((synced, tone),)
        wait = countdown(desk.next_sync_in)
        return (
            say((synced, tone), f" · next in {wait}"),
            say((brief, tone), f" · next {wait}"),
            (brief, tone),
        )


def _spots(shown: list[tuple[Content, Part]], x: int) -> list[tuple[int, int, str]]:
    """From where to where each part stands, and what a click there does."""
    found = []
    for text, its_part in shown:
        found.append((x, x + text.cell_length, its_part.action))
        x += text.cell_length + 2
    return found
