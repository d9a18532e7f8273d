"""What moves the desk by itself: prices that walk and fills that happen, from a seed."""

import random
from decimal import Decimal

from possync_tui.demo.clock import Clock
from possync_tui.demo.desk import Desk
from possync_tui.demo.instruments import Instrument
from possync_tui.demo.options import BackgroundOptions
from possync_tui.demo.records import Position, Side

#: A clock that jumped further than this (a machine that slept) is not caught up with.
_MAX_BEHIND = 60.0
#: Weights of what a fill does to a position that is open.
_MOVES = {"add": 30, "reduce": 40, "close": 18, "flip": 12}
#: How often a fill opens a position that is flat, when there is one.
_OPEN_CHANCE = 0.35
_FLIPPABLE = frozenset({"STK", "FUT"})


class Background:
    """Two random sequences, one for prices and one for fills, on one schedule.

    The n-th price move and the n-th fill are the same for the same seed and the same desk.
    """

    def __init__(self, desk: Desk, options: BackgroundOptions, clock: Clock) -> None:
        self._desk = desk
        self._options = options
        self._clock = clock
        self._price_draws = random.Random(f"prices {options.seed}")
        self._trade_draws = random.Random(f"trades {options.seed}")
        self._anchors = {con_id: desk.mark(con_id) for con_id in desk.instruments}
        self._next_tick = self._next_trade = float("inf")

    async def run(self) -> None:
        """Move the desk until cancelled."""
        self._schedule(self._clock.monotonic())
        while True:
            due = min(self._next_tick, self._next_trade)
            if due == float("inf"):
                return
            now = self._clock.monotonic()
            if now - due > _MAX_BEHIND:
                self._schedule(now)
                continue
            if due > now:
                await self._clock.sleep(due - now)
            self.step()

    def step(self) -> None:
        """Do the next scheduled thing, whatever the clock says."""
        if self._next_tick <= self._next_trade:
            self._next_tick += self._options.tick_interval
            self.move_prices()
        else:
            self._next_trade += self._wait()
            self.make_fill()

    def move_prices(self) -> None:
        """One price move: about a third of the contracts."""
        moved: dict[int, Decimal] = {}
        for con_id, instrument in self._desk.instruments.items():
            drawn = self._price_draws.random(), self._price_draws.gauss(0.0, 1.0)
            if drawn[0] < 0.35:
                moved[con_id] = self._walk(instrument, drawn[1])
        self._desk.set_marks(moved)

    def make_fill(self) -> None:
        """One fill somewhere on the desk."""
        rows = self._desk.positions(flat=True)
        idle = [row for row in rows if not row.quantity]
        held = [row for row in rows if row.quantity]
        draws = self._trade_draws
        opens = bool(idle) and (not held or draws.random() < _OPEN_CHANCE)
        if not held and not idle:
            return
        row = draws.choice(idle if opens else held)
        side, size = self._opening(row) if opens else self._moving(row)
        spread = draws.choice((-1, 0, 0, 1)) * row.instrument.tick
        price = max(row.price + spread, row.instrument.tick)
        delay = self._options.commission_delay
        self._desk.trade(row.account, row.con_id, side, size, price, commission_delay=delay)

    def _schedule(self, now: float) -> None:
        tick = self._options.tick_interval
        self._next_tick = now + tick if tick > 0 else float("inf")
        self._next_trade = now + self._wait()

    def _wait(self) -> float:
        interval = self._options.trade_interval
        return float("inf") if interval is None else self._trade_draws.uniform(*interval)

    def _walk(self, instrument: Instrument, draw: float) -> Decimal:
        price = self._desk.mark(instrument.con_id)
        anchor = self._anchors.setdefault(instrument.con_id, price)
        # A weak pull to where it began keeps a demo that runs for days within reason.
        pull = (anchor - price) / anchor * Decimal("0.002")
        change = Decimal(round(draw, 4)).quantize(Decimal("0.0001")) * instrument.volatility
        moved = instrument.round_price(price * (1 + change + pull))
        if moved == price and draw:
            # On a coarse grid a small move would round away for ever.
            step = instrument.tick if draw > 0 else -instrument.tick
            moved = instrument.round_price(price + step) if abs(draw) > 1 else price
        return moved

    def _opening(self, row: Position) -> tuple[Side, Decimal]:
        sizes = _usual_sizes(row.instrument)
        side = Side.SELL if self._trade_draws.random() < 0.2 else Side.BUY
        if row.instrument.sec_type in {"CRYPTO", "BOND"}:
            side = Side.BUY  # neither can be sold short
        return side, self._trade_draws.choice(sizes)

    def _moving(self, row: Position) -> tuple[Side, Decimal]:
        held = abs(row.quantity)
        move = self._trade_draws.choices(list(_MOVES), list(_MOVES.values()))[0]
        with_it, against = (Side.BUY, Side.SELL) if row.quantity > 0 else (Side.SELL, Side.BUY)
        if move == "add":
            return with_it, self._trade_draws.choice(_usual_sizes(row.instrument))
        if move == "flip" and row.instrument.sec_type in _FLIPPABLE:
            extra = self._trade_draws.choice(_usual_sizes(row.instrument))
            return against, held + extra
        part = _part(row.instrument, held, self._trade_draws.choice((3, 4, 5)))
        return against, held if move in {"close", "flip"} else part


def _part(instrument: Instrument, held: Decimal, tenths: int) -> Decimal:
    step = instrument.size_step
    part = (held * tenths / 10 / step).to_integral_value() * step
    return min(max(part, step), held)


def _usual_sizes(instrument: Instrument) -> tuple[Decimal, ...]:
    texts = {
        "STK": ("25", "50", "100") if instrument.size_step == 1 else ("0.25", "0.5", "1.3333"),
        "OPT": ("1", "2", "3"),
        "FOP": ("1",),
        "FUT": ("1", "2"),
        "CASH": ("5000", "10000"),
        "BOND": ("1000", "2000", "5000"),
        "CRYPTO": ("0.01", "0.025", "0.1"),
    }.get(instrument.sec_type, ("1",))
    return tuple(Decimal(text) for text in texts)
