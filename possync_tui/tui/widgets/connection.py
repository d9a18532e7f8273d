"""The Connection pane: where the link stands, and what to do about it."""

from collections.abc import Sequence

from possync_tui.domain.connection import Phase
from possync_tui.tui.desk import Desk
from possync_tui.tui.format import (
    UNKNOWN,
    clean,
    countdown,
    counted,
    milliseconds,
    moment,
    span,
)
from possync_tui.tui.tones import Tone, say
from possync_tui.tui.widgets.facts import Fact, Facts
from possync_tui.tui.widgets.status_bar import phase_look

FOLLOWS = (
    "read-only: the other instance connects. What it writes into the ledger is followed here, with "
    "the prices that it saves at each sync. Live prices, the day's P&L, exchange rates and the "
    "connection are told there alone."
)
NOBODY = (
    "Nobody syncs this ledger now: the instance that wrote it has ended. {quit} quits; start again "
    "to sync here. What is shown is as of the last sync; another instance that starts is followed."
)


class ConnectionPane(Facts):
    """State and sentence first: the details below are for when they do not suffice."""

    spare = ("address",)

    def __init__(self, desk: Desk) -> None:
        super().__init__(id="connection-facts")
        self._desk = desk

    def facts(self) -> Sequence[Fact]:
        if self._desk.engine.is_read_only:
            if self._desk.engine.has_writer:
                return [("", say(("○ not connected", Tone.DIM))), ("", say(FOLLOWS))]
            said = self._desk.keymap.said(NOBODY)
            return [("", say(("○ not connected", Tone.WARNING))), ("", say(said))]
        facts = [self._state()]
        if self._sentence()[1].plain:
            facts.append(self._sentence())
        if self._desk.engine.connection.phase is not Phase.CONNECTED:
            facts.append(self._attempts())
        return [
            *facts,
            self._peer(),
            *([self._server(), self._round_trip(), self._farms()] if self._has_session else []),
            *self._error(),
        ]

    @property
    def _has_session(self) -> bool:
        return self._desk.engine.connection.phase in (Phase.CONNECTED, Phase.STALE)

    def _state(self) -> Fact:
        state = self._desk.engine.connection
        symbol, word, tone = phase_look(state)
        # Each try is a phase of its own; how long nothing came through is what matters.
        words, since = "up", state.since
        if state.phase is not Phase.CONNECTED:
            words, since = "down for", state.down_since or state.since
            if state.phase is Phase.STALE:
                words = "no data for"
        lasted = span(self._desk.seconds_since(since))
        return ("", say((f"{symbol} {word}", tone), (f"  {words} {lasted}", Tone.DIM)))

    def _sentence(self) -> Fact:
        state = self._desk.engine.connection
        tone = Tone.DIM if state.phase is Phase.CONNECTED else Tone.PLAIN
        sentence = self._desk.shown.text(state.sentence)
        if state.code is None:
            return ("", say((sentence, tone)))
        words = sentence or "a code that this program does not know; the Sync log has its message"
        return ("", say((f"IBKR {state.code}", Tone.WARNING), (f"  {words}", tone)))

    def _attempts(self) -> Fact:
        state = self._desk.engine.connection
        tried = counted(state.attempt, "attempt") if state.attempt else "no attempt yet"
        now = self._desk.key_of("reconnect")
        if state.is_paused:
            return ("tries", say(f"{tried} · paused", (f" · {now} resumes", Tone.DIM)))
        if state.next_try_at is None:
            return ("tries", say(tried, (f"  {now} tries now", Tone.DIM)))
        wait = countdown(self._desk.seconds_until(state.next_try_at))
        keys = f" · {now} now · {self._desk.key_of('pause')} pause"
        return ("tries", say(f"{tried} · next in {wait}", (keys, Tone.DIM)))

    def _peer(self) -> Fact:
        state = self._desk.engine.connection
        return (
            "address",
            say(f"{clean(state.host)}:{state.port}", (f" · client {state.client_id}", Tone.DIM)),
        )

    def _server(self) -> Fact:
        version = self._desk.engine.connection.server_version
        return ("server", say(f"version {version}" if version is not None else (UNKNOWN, Tone.DIM)))

    def _round_trip(self) -> Fact:
        state = self._desk.engine.connection
        if state.round_trip_ms is None:
            return ("round trip", say((UNKNOWN, Tone.DIM)))
        off = "" if state.clock_skew is None else f"{state.clock_skew:+.1f}".replace("-", "−")
        skew = f" · clock {off} s" if off else ""
        return ("round trip", say(milliseconds(state.round_trip_ms), (skew, Tone.DIM)))

    def _farms(self) -> Fact:
        farms = self._desk.engine.connection.farms
        if not farms:
            return ("farms", say((UNKNOWN, Tone.DIM)))
        pieces = []
        for name, is_up in farms:
            symbol, tone = ("✓", Tone.GAIN) if is_up else ("✗", Tone.ERROR)
            pieces.append(say((symbol, tone), f" {clean(name)}"))
        return ("farms", say(" ").join(pieces))

    def _error(self) -> Sequence[Fact]:
        """The last one, unless it is what the sentence above says already."""
        state = self._desk.engine.connection
        error = self._desk.shown.text(state.last_error)
        if not error:
            return [("last error", say(("none", Tone.DIM)))]
        if state.last_error == state.sentence and state.phase is not Phase.CONNECTED:
            return []
        code = f"IBKR {state.last_error_code}  " if state.last_error_code is not None else ""
        when = ""
        if state.last_error_at is not None:
            when = f"{moment(state.last_error_at, self._desk.clock.now())}  "
        tone = Tone.DIM if self._desk.is_live else Tone.ERROR
        return [("last error", say((f"{when}{code}{error}", tone)))]
