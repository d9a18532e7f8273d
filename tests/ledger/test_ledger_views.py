"""The tables and views that users may query, and the same through the port."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import Side
from possync_tui.domain.position import CostMethod
from possync_tui.domain.views import PnlBucket
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.store import Ledger, open_ledger
from tests.ledger.peek import columns_of, rows_of, tamper
from tests.ledger.world import (
    ACCOUNT,
    EURUSD,
    KEY,
    SPX,
    START,
    TestClock,
    commission,
    fill,
    row,
    sync,
)

# Design, section 4: outside contracts, word for word.
CONTRACT = {
    "positions": (
        "id, account_id, con_id, symbol, description, sec_type, currency, multiplier, quantity, "
        "average_cost, average_price, current_price, market_value, unrealized_pnl, status, "
        "opened_at, closed_at, last_synced_at, realized_pnl"
    ),
    "realized_pnl": (
        "id, position_id, account_id, con_id, symbol, currency, closed_at, recorded_at, "
        "quantity_closed, entry_price, exit_price, gross_pnl, commission, commission_currency, "
        "realized_pnl, realized_pnl_micros, broker_realized_pnl, quality, kind, supersedes_id, "
        "exec_id, is_full_close"
    ),
    "sync_runs": (
        "id, trigger, started_at, duration_ms, outcome, error, positions_seen, created, updated, "
        "closed, missing"
    ),
    "fills": (
        "account_id, exec_id, con_id, symbol, side, quantity, price, time, raw_time, commission, "
        "commission_currency, broker_realized_pnl, order_id, perm_id, client_id, exchange, "
        "superseded_by"
    ),
}


def minute(n: int) -> datetime:
    return START + timedelta(minutes=n)


async def a_day_of_trading(ledger: Ledger) -> None:
    """Two buys at 10 and 12, one sale at 13, a flat option, and some virtual FX."""
    buys = [
        fill("a.01", Side.BOUGHT, "100", "10", minute(1)),
        fill("b.01", Side.BOUGHT, "100", "12", minute(2)),
    ]
    await sync(ledger, [], START)
    await ledger.record([*buys, commission("a.01"), commission("b.01")])
    await ledger.record([fill("o.01", Side.BOUGHT, "2", "1.5", minute(1), SPX)])
    await ledger.record([commission("o.01", "1.3")])
    rows = [row("200", "11.01"), row("2", "150.65", SPX), row("5000", "1.08", EURUSD)]
    await sync(ledger, rows, minute(3))
    await ledger.record(
        [
            fill("c.01", Side.SOLD, "100", "13", minute(4)),
            commission("c.01", "1", "198"),
            fill("p.01", Side.SOLD, "2", "2.1", minute(4), SPX),
            commission("p.01", "1.3", "117.4"),
            fill("f.01", Side.SOLD, "1000", "1.09", minute(4), EURUSD),
            commission("f.01", "2"),
        ]
    )
    await sync(ledger, [row("100", "11.01"), row("4000", "1.08", EURUSD)], minute(6))


@pytest.mark.parametrize("table", sorted(CONTRACT))
async def test_columns_are_those_of_the_contract(ledger: Ledger, path: Path, table: str) -> None:
    assert ledger.path == path
    assert columns_of(path, table) == CONTRACT[table].split(", ")


async def test_the_other_tables_are_there(ledger: Ledger, path: Path) -> None:
    assert not ledger.is_read_only
    assert columns_of(path, "accounts")[:3] == ["id", "code", "environment"]
    assert columns_of(path, "holds")[:3] == ["id", "kind", "status"]
    assert columns_of(path, "journal")[0] == "id"


async def test_positions_read_as_numbers(ledger: Ledger, path: Path) -> None:
    await a_day_of_trading(ledger)
    await ledger.save_marks(
        [
            Mark(
                key=KEY,
                at=minute(7),
                source="pnl",
                session_id="s",
                price=Decimal("12.5"),
                market_value=Decimal(1250),
                unrealized_pnl=Decimal("149.25"),
            )
        ]
    )
    found = rows_of(
        path,
        "SELECT symbol, multiplier, quantity, average_cost, average_price, current_price,"
        " market_value, unrealized_pnl, status, realized_pnl FROM positions ORDER BY id",
    )
    stock = ("AAPL", 1, 100, 11.01, 11.01, 12.5, 1250.0, 149.25, "OPEN", 198.0)
    option = ("SPX", 100, 0, 150.65, 1.5065, None, None, None, "CLOSED", 117.4)
    assert stock in found
    assert option in found
    types = rows_of(path, "SELECT DISTINCT typeof(quantity) FROM positions")
    assert types == [("integer",)]


async def test_the_port_gives_the_same_exactly(ledger: Ledger) -> None:
    await a_day_of_trading(ledger)
    by_symbol = {view.symbol: view for view in await ledger.positions(include_closed=True)}
    assert set(by_symbol) == {"AAPL", "SPX", "EUR"}
    assert {view.symbol for view in await ledger.positions()} == {"AAPL", "EUR"}
    assert await ledger.positions(account_id=7) == []
    option = by_symbol["SPX"]
    assert option.description == "SPX 19DEC26 5000 P"
    assert option.average_price == Decimal("1.5065")
    assert option.closed_at == minute(4)
    assert option.last_synced_at == minute(6)
    assert option.realized_pnl == Decimal("117.4")
    assert by_symbol["AAPL"].opened_at == minute(1)


async def test_marks_are_the_latest_and_not_for_closed_positions(ledger: Ledger) -> None:
    await a_day_of_trading(ledger)
    option = PositionKey(ACCOUNT, SPX.con_id)
    new = Mark(KEY, minute(7), "pnl", "s", price=Decimal("12.123456789"))
    old = Mark(KEY, minute(5), "pnl", "s", price=Decimal(9))
    await ledger.save_marks([new, old, Mark(option, minute(7), "pnl", "s", price=Decimal(3))])
    by_symbol = {view.symbol: view for view in await ledger.positions(include_closed=True)}
    assert by_symbol["AAPL"].current_price == Decimal("12.123456789")
    assert by_symbol["AAPL"].marked_at == minute(7)
    assert by_symbol["AAPL"].market_value is None, "unknown is not zero"
    assert by_symbol["SPX"].current_price is None


async def test_the_prices_that_were_kept_last(ledger: Ledger) -> None:
    unpriced, never = PositionKey(ACCOUNT, SPX.con_id), PositionKey(ACCOUNT, 77)
    priced = Mark(KEY, minute(7), "pnl", "s", price=Decimal("0.010"))
    await ledger.save_marks([priced, Mark(unpriced, minute(7), "pnl", "s", daily_pnl=Decimal(3))])
    found = await ledger.saved_prices([KEY, unpriced, never])
    assert found == {KEY: priced}


@pytest.mark.parametrize(
    ("of", "stored"), [("100", Decimal(1250)), ("300", None), (None, Decimal(1250))]
)
async def test_amounts_of_another_quantity_are_not_kept_beside_it(
    ledger: Ledger, of: str | None, stored: Decimal | None
) -> None:
    await a_day_of_trading(ledger)
    quantity = None if of is None else Decimal(of)
    mark = Mark(
        key=KEY,
        at=minute(7),
        source="pnl",
        session_id="s",
        price=Decimal("12.5"),
        market_value=Decimal(1250),
        unrealized_pnl=Decimal(149),
        quantity=quantity,
    )
    await ledger.save_marks([mark])
    (view,) = [view for view in await ledger.positions() if view.symbol == "AAPL"]
    assert view.quantity == 100
    assert view.current_price == Decimal("12.5")
    assert view.market_value == stored
    assert (view.unrealized_pnl is None) is (stored is None)


async def test_realized_pnl_follows_the_selected_method(
    ledger: Ledger, path: Path, clock: TestClock
) -> None:
    await a_day_of_trading(ledger)
    sql = "SELECT realized_pnl, realized_pnl_micros FROM realized_pnl WHERE symbol = 'AAPL'"
    assert rows_of(path, sql) == [(198.0, 198_000_000)]
    await ledger.close()
    by_fifo = await open_ledger(path, clock=clock, cost_method=CostMethod.FIFO)
    assert rows_of(path, sql) == [(298.0, 298_000_000)]
    (entry,) = await by_fifo.entries(EntryQuery(symbol="aapl"))
    assert entry.realized_pnl == Decimal(298)
    (position,) = [view for view in await by_fifo.positions() if view.symbol == "AAPL"]
    assert position.realized_pnl == Decimal(298)
    both = "SELECT method, realized_pnl_micros FROM realized_entries WHERE symbol = 'AAPL'"
    assert set(rows_of(path, both)) == {("average", 198_000_000), ("fifo", 298_000_000)}
    await by_fifo.close()


async def test_entries_are_found_by_time_account_and_symbol(ledger: Ledger) -> None:
    await a_day_of_trading(ledger)
    everything = await ledger.entries(EntryQuery())
    assert {entry.symbol for entry in everything} == {"AAPL", "EUR", "SPX"}
    assert [entry.id for entry in everything] == sorted((e.id for e in everything), reverse=True)
    assert len(await ledger.entries(EntryQuery(limit=2))) == 2
    assert await ledger.entries(EntryQuery(account_id=2)) == []
    assert await ledger.entries(EntryQuery(since=minute(5))) == []
    assert await ledger.entries(EntryQuery(until=minute(4))) == []
    assert len(await ledger.entries(EntryQuery(since=minute(4), until=minute(5)))) == 3
    (stock,) = await ledger.entries(EntryQuery(symbol="AAPL", account_id=1))
    assert (stock.account, stock.exec_id) == (ACCOUNT, "c.01")
    assert stock.broker_realized_pnl == Decimal(198)
    assert stock.commission == Decimal(2)
    assert stock.quality == "EXACT"
    assert not stock.is_full_close


async def test_daily_totals_are_per_currency_without_virtual_fx(ledger: Ledger) -> None:
    await a_day_of_trading(ledger)
    assert await ledger.daily_pnl(EntryQuery()) == [
        PnlBucket("2026-03-02", "USD", Decimal("315.4"), entries=2, unknown=0)
    ]


async def test_daily_totals_never_add_currencies_and_count_the_unknown(ledger: Ledger) -> None:
    euro = Instrument(14204, "SAP", "STK", "EUR")
    day = START + timedelta(days=1)
    first = [row("20", "100", euro), row("100"), row("7", "1", SPX)]
    await sync(ledger, first, START)
    await ledger.record(
        [
            fill("e.01", Side.SOLD, "20", "110", day, euro),
            commission("e.01", "0"),
            fill("u.01", Side.SOLD, "40", "9", day),
            commission("u.01", "0"),
        ]
    )
    # The option shrinks with neither a fill nor a mark: its entry has no amount.
    await sync(ledger, [row("60"), row("3", "1", SPX)], day + timedelta(minutes=1))
    assert await ledger.daily_pnl(EntryQuery()) == [
        PnlBucket("2026-03-03", "EUR", Decimal(200), entries=1, unknown=0),
        PnlBucket("2026-03-03", "USD", Decimal("-40.4"), entries=2, unknown=1),
    ]
    assert await ledger.daily_pnl(EntryQuery(until=START)) == []
    late = fill("l.01", Side.SOLD, "4", "2", day + timedelta(seconds=5), SPX)
    await ledger.record([late, commission("l.01", "0")])
    await sync(ledger, [row("60"), row("3", "1", SPX)], day + timedelta(minutes=9))
    (_, dollars) = await ledger.daily_pnl(EntryQuery())
    assert (dollars.entries, dollars.unknown) == (2, 0), "the estimate and its reversal are gone"
    assert (await ledger.verify()).problems == ()


async def test_many_small_amounts_sum_exactly(ledger: Ledger, path: Path) -> None:
    await sync(ledger, [row("1000", "0.1")], START)
    fills = [
        fill(f"t{n}.01", Side.SOLD, "1", "0.2", START + timedelta(seconds=60 + n))
        for n in range(100)
    ]
    await ledger.record([*fills, *(commission(f"t{n}.01", "0") for n in range(100))])
    await sync(ledger, [row("900", "0.1")], START + timedelta(hours=1))
    assert rows_of(path, "SELECT sum(realized_pnl_micros) FROM realized_pnl") == [(10_000_000,)]
    (bucket,) = await ledger.daily_pnl(EntryQuery())
    assert bucket.realized_pnl == Decimal(10)


async def test_fills_show_their_commission_and_what_superseded_them(
    ledger: Ledger, path: Path
) -> None:
    wrong = fill("0000e0d5.65a1.01.01", Side.BOUGHT, "100", "12", START)
    right = fill("0000e0d5.65a1.01.02", Side.BOUGHT, "100", "11.9", START)
    await ledger.record([wrong, commission(wrong.exec_id, "1"), right])
    await ledger.record([commission(right.exec_id, "1"), commission(right.exec_id, "1.5", "7")])
    found = rows_of(
        path,
        "SELECT account_id, exec_id, side, quantity, price, raw_time, commission,"
        " broker_realized_pnl, superseded_by FROM fills ORDER BY exec_id",
    )
    raw = "20260302 14:30:00 UTC"
    assert found == [
        (1, wrong.exec_id, "BOT", 100, 12, raw, 1, None, right.exec_id),
        (1, right.exec_id, "BOT", 100, 11.9, raw, 1.5, 7, None),
    ]


@pytest.mark.parametrize(
    "statement",
    [
        f"{verb} {table}{rest}"
        for table, column in (("inbox", "kind"), ("journal", "text"), ("realized_entries", "kind"))
        for verb, rest in (("DELETE FROM", ""), ("UPDATE", f" SET {column} = 'x'"))
    ],
)
async def test_history_cannot_be_edited(ledger: Ledger, path: Path, statement: str) -> None:
    await a_day_of_trading(ledger)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tamper(path, statement)


async def test_history_queries_use_an_index(ledger: Ledger, path: Path) -> None:
    assert await ledger.runs() == []
    recent = "SELECT * FROM realized_pnl WHERE closed_at >= '2026' ORDER BY closed_at DESC, id DESC"
    with closing(sqlite3.connect(path)) as db:
        steps = [step[3] for step in db.execute(f"EXPLAIN QUERY PLAN {recent}")]
    assert any("USING INDEX realized_by_time" in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


async def test_times_are_utc_in_one_width(ledger: Ledger, path: Path) -> None:
    await a_day_of_trading(ledger)
    times = rows_of(
        path,
        "SELECT opened_at FROM positions UNION SELECT closed_at FROM realized_pnl"
        " UNION SELECT received_at FROM inbox UNION SELECT started_at FROM sync_runs",
    )
    for (text,) in times:
        assert isinstance(text, str)
        assert len(text) == 32
        assert text.endswith("+00:00")
        assert datetime.fromisoformat(text).tzinfo == UTC
