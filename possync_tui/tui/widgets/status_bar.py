"""The header line: am I connected, to what, how fresh is the ledger, what needs me."""

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from possync_tui.domain.connection import Environment, Phase
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import ago, clean, countdown, counted, long_countdown, milliseconds
from possync_tui.tui.tones import Piece, Tone, say

PHASES = {
    Phase.CONNECTED: ("●", Tone.GAIN),
    Phase.CONNECTING: ("◐", Tone.WARNING),
    Phase.RECONNECTING: ("↻", Tone.WARNING),
    Phase.STALE: ("◑", Tone.WARNING),
    Phase.DISCONNECTED: ("○", Tone.ERROR),
    Phase.FAILED: ("✗", Tone.ERROR),
}
ENVIRONMENTS = {
    Environment.LIVE: Tone.ALARM,
    Environment.PAPER: Tone.TITLE,
    Environment.DEMO: Tone.TITLE,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the line in its forms, longest first; the `weight`iest is shortened first."""

    forms: tuple[Content, ...]
    weight: int
    is_right: bool = False


def part(weight: int, *forms: Piece, right: bool = False) -> Part:
    return Part(tuple(say(form) for form in forms), weight, right)


class StatusBar(Widget):
    """One line of fixed size: a new second repaints it and lays nothing out."""

    ALLOW_SELECT = False

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._line = Content("")

    def tick(self) -> None:
        """Show the time that passed, and whatever else is new."""
        self.set_class(self._desk.environment is Environment.LIVE, "-live")
        line = self._compose_line()
        if line != self._line or line.spans != self._line.spans:
            self._line = line
            self.refresh()

    def on_resize(self) -> None:
        self.tick()

    def render(self) -> Content:
        return self._line

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
            forms[max(able, key=lambda i: (parts[i].weight, -forms[i]))] += 1
        texts = shown()
        left = [t for t, p in zip(texts, parts, strict=True) if not p.is_right and t.plain]
        right = [t for t, p in zip(texts, parts, strict=True) if p.is_right and t.plain]
        first, second = Content("  ").join(left), Content("  ").join(right)
        middle = max(2, width - first.cell_length - second.cell_length)
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
            self._freshness(),
        ]

    def _phase(self) -> Part:
        state = self._desk.engine.connection
        symbol, tone = PHASES[state.phase]
        forms: list[Piece] = [(f"{symbol} {state.phase.value}", tone)]
        if state.next_try_at is not None and state.phase is Phase.RECONNECTING:
            wait = countdown(self._desk.seconds_until(state.next_try_at))
            forms.insert(0, (f"{symbol} {state.phase.value} in {wait}", tone))
        return part(3, *forms)

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
            return part(4, (f"{desk.shown.account(desk.account.code)} ▾", Tone.STRONG), "")
        codes = desk.account_codes()
        if not codes:
            return part(4, "")
        brief = desk.shown.account(codes[0]) if len(codes) == 1 else counted(len(codes), "account")
        return part(6, ", ".join(desk.shown.account(code) for code in codes), brief, "")

    def _peer(self) -> Part:
        state = self._desk.engine.connection
        where = f"{clean(state.host)}:{state.port}"
        trip = "" if state.round_trip_ms is None else f" · {milliseconds(state.round_trip_ms)}"
        label = f"{clean(self._desk.label)} " if self._desk.label else ""
        return part(9, (label + where + trip, Tone.DIM), (where, Tone.DIM), "")

    def _read_only(self) -> Part:
        if not self._desk.engine.is_read_only:
            return part(0, "")
        return part(1, (" READ-ONLY ", Tone.BADGE), right=True)

    def _held(self) -> Part:
        held = self._desk.picture.held
        return part(1, (f"⚑ {held} held" if held else "", Tone.WARNING), right=True)

    def _arming(self) -> Part:
        arming = self._desk.engine.arming
        if not arming.armed:
            return part(10, ("missing→closed off", Tone.DIM), "", right=True)
        left = "by settings"
        if arming.until is not None:
            left = long_countdown(self._desk.seconds_until(arming.until))
        return part(
            2,
            (f" missing→closed ARMED {left} ", Tone.BADGE),
            (f" ARMED {left} ", Tone.BADGE),
            right=True,
        )

    def _freshness(self) -> Part:
        desk = self._desk
        if desk.engine.is_syncing:
            return part(0, ("⟳ syncing", Tone.ACCENT), right=True)
        last = desk.engine.stats.last_sync_time
        synced = "never synced" if last is None else f"synced {ago(desk.seconds_since(last))}"
        due = desk.engine.next_sync_at
        if not desk.engine.is_enabled:
            return part(5, f"{synced} · periodic sync off", synced, right=True)
        if due is None:
            return part(5, synced, right=True)
        wait = countdown(desk.seconds_until(due))
        brief = "never" if last is None else ago(desk.seconds_since(last))
        return part(5, f"{synced} · next in {wait}", f"{brief} · next {wait}", brief, right=True)
