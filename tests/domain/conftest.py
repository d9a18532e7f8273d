"""Builders for the domain's tests: short words for rows, fills and histories."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.money import plain
from possync_tui.domain.observations import (
    Anchor,
    Commission,
    Fill,
    Observation,
    PositionRow,
    Recorded,
    Side,
)

START = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
ACCOUNT = "DU1000001"


class History:
    """Observations of one position in order of arrival, a minute apart unless said otherwise."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        self.recorded: list[Recorded] = []
        self.now = START
        self._fills = 0

    def add(self, observation: Observation) -> None:
        self.recorded.append(Recorded(len(self.recorded) + 1, observation))

    def tick(self, seconds: float = 60) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def row(self, quantity: str, cost: str) -> PositionRow:
        return PositionRow(
            ACCOUNT, self.instrument, Decimal(quantity), Decimal(cost), quantity, cost
        )

    def anchor(self, quantity: str, cost: str = "0", *, baseline: bool = False) -> None:
        self.tick()
        known = len(self.recorded)
        row = self.row(quantity, cost)
        self.add(Anchor(row, self.now, baseline, "digest", None, known))

    def fill(
        self,
        side: Side,
        quantity: str,
        price: str,
        commission: str | None = "0",
        *,
        exec_id: str | None = None,
        currency: str | None = None,
        at: datetime | None = None,
    ) -> Fill:
        self._fills += 1
        at = at or self.tick()
        exec_id = exec_id or f"0000e0d5.67fe{self._fills:04x}.01.01"
        fill = Fill(
            account=ACCOUNT,
            exec_id=exec_id,
            instrument=self.instrument,
            side=side,
            quantity=Decimal(quantity),
            price=Decimal(price),
            time=at,
            raw_time=at.strftime("%Y%m%d-%H:%M:%S"),
            quantity_text=plain(Decimal(quantity)),
            price_text=plain(Decimal(price)),
        )
        self.add(fill)
        if commission is not None:
            self.commission(exec_id, commission, currency)
        return fill

    def commission(self, exec_id: str, amount: str, currency: str | None = None) -> None:
        report = Commission(
            exec_id, Decimal(amount), currency or self.instrument.currency, None, amount, ""
        )
        self.add(report)

    def buy(self, quantity: str, price: str, commission: str | None = "0") -> Fill:
        return self.fill(Side.BOUGHT, quantity, price, commission)

    def sell(self, quantity: str, price: str, commission: str | None = "0") -> Fill:
        return self.fill(Side.SOLD, quantity, price, commission)


@pytest.fixture
def history() -> Callable[..., History]:
    def make(
        sec_type: str = "STK", multiplier: str = "", currency: str = "USD", symbol: str = "XYZ"
    ) -> History:
        return History(Instrument(1, symbol, sec_type, currency, multiplier=multiplier))

    return make
