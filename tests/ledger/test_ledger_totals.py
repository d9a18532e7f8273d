"""Totals of realized P&L: exact over any number of entries, in the user's days, by any method."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from possync_tui.domain.calendar import CalendarUnit, day_start, local_day, period_of
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import PriceEvidence, Side
from possync_tui.domain.position import CostMethod, Quality
from possync_tui.domain.views import PnlGrouping, PnlTotal
from possync_tui.ledger.at_rest import stamp
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.schema import migrate, migrations
from possync_tui.ledger.store import Ledger
from possync_tui.ledger.totals import pnl_totals
from tests.ledger.peek import rows_of
from tests.ledger.world import ACCOUNT, APPLE, SPX, START, TestClock, commission, fill, row, sync

MANY = 1_000_000
SAP = Instrument(14204, "SAP", "STK", "EUR")
NEW_YORK, KATHMANDU = ZoneInfo("America/New_York"), ZoneInfo("Asia/Kathmandu")


async def closed(
    ledger: Ledger, when: list[datetime], instrument: Instrument = APPLE, fee: str = "0"
) -> None:
    """A unit sold at 11 at each of these times, out of a hundred bought at 10 ahead of them."""
    bought = fill(f"{instrument.symbol}.b.01", Side.BOUGHT, "100", "10", START, instrument)
    sales = [
        fill(f"{instrument.symbol}.s{n:03d}.01", Side.SOLD, "1", "11", at, instrument)
        for n, at in enumerate(when)
    ]
    await ledger.record([bought, *sales, commission(bought.exec_id, "0")])
    await ledger.record([commission(sale.exec_id, fee) for sale in sales])


async def totals(
    ledger: Ledger, by: PnlGrouping, zone: ZoneInfo | None = None, **query: object
) -> list[PnlTotal]:
    wanted = replace(EntryQuery(), **query)  # type: ignore[arg-type]
    return await ledger.pnl_totals(wanted, by, zone=zone)


# --- exactness -----------------------------------------------------------------------------------


def micros_of(n: int) -> int:
    """Between a loss of 40,000 and a gain of 80,000; no double holds their sum to the micro."""
    return n * n * 7919 % 120_000_000_007 - 40_000_000_000


# The same in SQL: a million rows are made faster there.
FILL_IN = """
WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
INSERT INTO realized_entries (id, life_id, account, con_id, symbol, description, sec_type, currency,
    method, cause, kind, quality, closed_at, recorded_at, quantity, commission_currency,
    realized_pnl_micros, is_full_close, run_id)
SELECT n, 1, ?, 1, 'X', 'X', 'STK', iif(n % 2, 'USD', 'EUR'), 'average', n,
    iif(n % 100, 'FILL', 'REVERSAL'), 'EXACT',
    replace(datetime(1600000000 + 97 * n, 'unixepoch'), ' ', 'T') || '.000000+00:00',
    '2026-03-02T14:30:00.000000+00:00', '1', 'USD',
    iif(n % 1000, n * n * 7919 % 120000000007 - 40000000000, NULL), 0, 1
FROM counted
"""


def sum_up_anew(db: sqlite3.Connection) -> None:
    """Make the sums from the entries, as of a ledger that version 1 wrote."""
    for name in ("realized_days", "realized_quarters", "realized_contracts"):
        db.execute(f"DROP TABLE {name}")
    db.execute("PRAGMA user_version = 1")
    migrate(db, migrations())


async def test_sums_over_a_million_entries_are_exact(ledger: Ledger, path: Path) -> None:
    await sync(ledger, [row("100")], START)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        # Without its indexes the table fills in seconds; sums do not need them.
        for name in ("realized_by_time", "realized_by_life", "realized_by_key"):
            db.execute(f"DROP INDEX {name}")
        db.execute(FILL_IN, (MANY, ACCOUNT))
        sum_up_anew(db)
    amounts = [micros_of(n) if n % 1000 else 0 for n in range(1, MANY + 1)]
    expected = {"EUR": sum(amounts[1::2]), "USD": sum(amounts[0::2])}
    assert min(expected.values()) > 2**53, "a double would round"
    sql = "SELECT currency, sum(realized_pnl_micros) FROM realized_pnl GROUP BY currency"
    assert sorted(rows_of(path, sql)) == sorted(expected.items())
    by_currency = await totals(ledger, PnlGrouping.CURRENCY)
    assert {
        t.currency: int((t.realized_pnl or Decimal(0)).scaleb(6)) for t in by_currency
    } == expected
    # A reversal takes back an entry: one in fifty of the even ones is one.
    assert {t.currency: t.entries for t in by_currency} == {"USD": 500_000, "EUR": 480_000}
    assert sum(t.unknown for t in by_currency) == -1000


# --- whose day it is -----------------------------------------------------------------------------


async def test_days_are_those_of_the_user(ledger: Ledger) -> None:
    await sync(ledger, [], START - timedelta(minutes=1))
    moments = [
        datetime(2026, 3, 8, 4, 59, 59, tzinfo=UTC),  # Saturday night in New York, UTC-5
        datetime(2026, 3, 8, 5, 0, 0, tzinfo=UTC),  # Sunday; the clock goes forward at 07:00 UTC
        datetime(2026, 3, 9, 3, 59, 59, tzinfo=UTC),  # still Sunday, at UTC-4
        datetime(2026, 3, 9, 4, 0, 0, tzinfo=UTC),
    ]
    await closed(ledger, moments)
    await sync(ledger, [row("96")], moments[-1] + timedelta(minutes=1))
    in_new_york = await totals(ledger, PnlGrouping.DAY, NEW_YORK)
    counted = {total.label: total.entries for total in in_new_york}
    assert counted == {"2026-03-07": 1, "2026-03-08": 2, "2026-03-09": 1}
    in_nepal = await totals(ledger, PnlGrouping.DAY, KATHMANDU)
    assert {t.label: t.entries for t in in_nepal} == {"2026-03-08": 2, "2026-03-09": 2}
    weeks = await totals(ledger, PnlGrouping.WEEK, NEW_YORK)
    assert {t.label: t.entries for t in weeks} == {"2026-W10": 3, "2026-W11": 1}
    for by in (PnlGrouping.DAY, PnlGrouping.WEEK, PnlGrouping.MONTH, PnlGrouping.YEAR):
        for zone in (NEW_YORK, KATHMANDU, None):
            for total in await totals(ledger, by, zone):
                behind = EntryQuery(since=total.start, until=total.end, currency=total.currency)
                amounts = [entry.realized_pnl for entry in await ledger.entries(behind)]
                assert sum(filter(None, amounts)) == total.realized_pnl
                assert len(amounts) == total.entries


@pytest.mark.parametrize(
    "name",
    ["Asia/Tokyo", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe", "America/Havana"],
)
async def test_days_that_midnight_parts_are_summed_by_the_clock_of_their_time(
    ledger: Ledger, path: Path, name: str
) -> None:
    await sync(ledger, [row("100")], START)
    # Two and a half years, at all hours.
    count, pace, zone = 20_000, 4000, ZoneInfo(name)
    statements: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(FILL_IN.replace("97 * n", f"{pace} * n"), (count, ACCOUNT))
        sum_up_anew(db)
        db.set_trace_callback(statements.append)
        query = EntryQuery(method=CostMethod.AVERAGE)
        found = pnl_totals(db, query, PnlGrouping.DAY, zone)
    expected: dict[tuple[str, str], list[int]] = {}
    for n in range(1, count + 1):
        at = datetime.fromtimestamp(1600000000 + pace * n, UTC)
        key = (local_day(at, zone).isoformat(), "USD" if n % 2 else "EUR")
        sums = expected.setdefault(key, [0, 0])
        sums[0] += micros_of(n) if n % 1000 else 0
        sums[1] += 1 if n % 100 else -1
    assert {
        (t.label, t.currency): [int((t.realized_pnl or Decimal(0)).scaleb(6)), t.entries]
        for t in found
    } == {key: sums for key, sums in expected.items() if any(sums)}
    # One for the days, two for the ends, and one for each time in which the clock was not set.
    assert len(statements) <= 3 + 7


zones = st.sampled_from([NEW_YORK, KATHMANDU, *map(ZoneInfo, ("America/Havana", "Asia/Beirut"))])
instants = st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC)
)


@given(instants, zones, st.sampled_from(CalendarUnit))
def test_periods_hold_their_instants_and_follow_one_another(
    at: datetime, zone: ZoneInfo, unit: CalendarUnit
) -> None:
    period = period_of(local_day(at, zone), unit, zone)
    assert period.start <= at < period.end
    following = period_of(local_day(period.end, zone), unit, zone)
    assert following.start == period.end
    assert following.label > period.label
    assert period.start.minute % 15 == 0


def test_a_day_whose_midnight_is_skipped_begins_when_the_clock_is_put_forward() -> None:
    beirut = ZoneInfo("Asia/Beirut")
    day = local_day(datetime(2024, 3, 31, 12, tzinfo=UTC), beirut)
    assert day_start(day, beirut) == datetime(2024, 3, 30, 22, tzinfo=UTC)


# --- what counts ---------------------------------------------------------------------------------


async def test_groups_keep_currencies_apart_and_leave_virtual_fx_out(ledger: Ledger) -> None:
    await sync(ledger, [], START - timedelta(minutes=1))
    later = START + timedelta(hours=1)
    await closed(ledger, [later], fee="0.25")
    await closed(ledger, [later, later], SAP, fee="0.5")
    pair = Instrument(12087792, "EUR", "CASH", "USD", local_symbol="EUR.USD")
    await closed(ledger, [later], pair)
    await sync(ledger, [row("99"), row("98", instrument=SAP)], later + timedelta(minutes=1))
    by_symbol = await totals(ledger, PnlGrouping.SYMBOL)
    assert [(t.label, t.currency, t.realized_pnl, t.commission, t.entries) for t in by_symbol] == [
        ("AAPL", "USD", Decimal("0.75"), Decimal("0.25"), 1),
        # Charged in dollars for a contract in euros: told, and in no realized amount.
        ("SAP", "EUR", Decimal(2), Decimal(0), 2),
        ("SAP", "USD", Decimal(0), Decimal(1), 0),
    ]
    (dollars,) = await totals(ledger, PnlGrouping.CURRENCY, currency="usd")
    assert (dollars.label, dollars.entries, dollars.start) == ("USD", 1, None)
    assert await totals(ledger, PnlGrouping.ACCOUNT, account_ids=frozenset({7})) == []
    assert await totals(ledger, PnlGrouping.ACCOUNT, account_ids=frozenset()) == []
    by_account = await totals(ledger, PnlGrouping.ACCOUNT, account_ids=frozenset({1, 7}))
    assert {t.label for t in by_account} == {ACCOUNT}
    of_sap = await totals(ledger, PnlGrouping.QUALITY, symbol="sap", quality=Quality.EXACT)
    assert [(t.label, t.currency, t.entries) for t in of_sap] == [
        ("EXACT", "EUR", 2),
        ("EXACT", "USD", 0),
    ]


async def test_totals_follow_a_repair(ledger: Ledger, clock: TestClock) -> None:
    await sync(ledger, [], START - timedelta(minutes=1))
    bought = fill("b.01", Side.BOUGHT, "100", "10", START)
    await ledger.record([bought, commission("b.01")])
    await sync(ledger, [row("100")], START + timedelta(minutes=1))
    await sync(ledger, [row("60")], START + timedelta(minutes=2))
    (unknown,) = await totals(ledger, PnlGrouping.DAY, NEW_YORK)
    assert (unknown.realized_pnl, unknown.entries, unknown.unknown) == (None, 1, 1)
    missed = fill("s.01", Side.SOLD, "40", "11.05", START + timedelta(seconds=100))
    await ledger.record([missed, commission("s.01", "0.5")])
    clock.forward(600)
    await sync(ledger, [row("60")], START + timedelta(minutes=10))
    (known,) = await totals(ledger, PnlGrouping.DAY, NEW_YORK)
    assert (known.realized_pnl, known.entries, known.unknown) == (Decimal("41.10"), 1, 0)
    assert len(await ledger.entries(EntryQuery())) == 3
    assert [t.label for t in await totals(ledger, PnlGrouping.QUALITY)] == ["EXACT"]


async def test_the_other_method_is_read_without_a_trace(ledger: Ledger, path: Path) -> None:
    await sync(ledger, [], START - timedelta(minutes=1))
    fills = [
        fill("a.01", Side.BOUGHT, "100", "10", START),
        fill("b.01", Side.BOUGHT, "100", "12", START + timedelta(minutes=1)),
        fill("c.01", Side.SOLD, "100", "13", START + timedelta(minutes=2)),
    ]
    await ledger.record([*fills, *(commission(f.exec_id) for f in fills)])
    await sync(ledger, [row("100", "11.01")], START + timedelta(minutes=3))
    before = rows_of(path, "SELECT * FROM meta ORDER BY name")
    for method, amount in ((CostMethod.AVERAGE, 198), (CostMethod.FIFO, 298), (None, 198)):
        (total,) = await totals(ledger, PnlGrouping.SYMBOL, method=method)
        assert total.realized_pnl == amount
        (entry,) = await ledger.entries(EntryQuery(method=method))
        assert entry.realized_pnl == amount
        (position,) = await ledger.positions(method=method)
        assert position.realized_pnl == amount
    assert rows_of(path, "SELECT * FROM meta ORDER BY name") == before


async def test_a_position_is_found_by_its_name_where_no_symbol_is_that(ledger: Ledger) -> None:
    await sync(ledger, [], START - timedelta(minutes=1))
    future = Instrument(900001, "MNQ", "FUT", "USD", multiplier="2", local_symbol="MNQZ6")
    other = Instrument(900002, "MNQ", "FUT", "USD", multiplier="2", local_symbol="MNQH7")
    # Its name is the symbol of another one: asked for by that, it stays out.
    shadow = Instrument(900003, "AAP", "FUT", "USD", multiplier="1", local_symbol="AAPL")
    for instrument in (future, other, shadow, APPLE):
        name = str(instrument.con_id)
        opened = fill(f"{name}.a.01", Side.BOUGHT, "1", "10", START, instrument)
        sold = fill(f"{name}.b.01", Side.SOLD, "1", "11", START + timedelta(minutes=1), instrument)
        await ledger.record([opened, sold, commission(opened.exec_id), commission(sold.exec_id)])
    await sync(ledger, [], START + timedelta(minutes=3))
    for asked, con_ids in (
        ("mnqz6", {900001}),
        ("MNQ", {900001, 900002}),
        ("AAPL", {APPLE.con_id}),
        ("AAP", {900003}),
        ("MNQM7", set()),
    ):
        found = await ledger.entries(EntryQuery(symbol=asked))
        assert {entry.con_id for entry in found} == con_ids, asked
        totals_of = await ledger.pnl_totals(EntryQuery(symbol=asked), PnlGrouping.CURRENCY)
        assert sum(total.entries for total in totals_of) == len(con_ids)


# --- the broker's word ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("broker", "difference"),
    [
        ("198", None),
        ("198.0000001", None),
        ("198.0049", None),
        ("205.5", Decimal("-7.5")),
        (None, None),
    ],
)
async def test_a_difference_to_the_brokers_figure_is_told(
    ledger: Ledger, broker: str | None, difference: Decimal | None
) -> None:
    await sync(ledger, [], START - timedelta(minutes=1))
    bought, sold = (
        fill("a.01", Side.BOUGHT, "100", "10", START),
        fill("b.01", Side.SOLD, "100", "12", START + timedelta(minutes=1)),
    )
    reports = [commission("a.01"), commission("b.01", "1", broker)]
    await ledger.record([bought, sold, *reports])
    await sync(ledger, [], START + timedelta(minutes=3))
    (entry,) = await ledger.entries(EntryQuery())
    assert entry.realized_pnl == 198
    assert entry.broker_realized_pnl == (None if broker is None else Decimal(broker))
    assert entry.difference == difference


async def test_an_estimate_tells_its_price(ledger: Ledger, path: Path) -> None:
    await sync(ledger, [row("100"), row("2", "150", SPX)], START)
    (life_id,) = rows_of(path, "SELECT id FROM lives WHERE symbol = 'AAPL'")[0]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "INSERT INTO realized_entries (life_id, account, con_id, symbol, description, sec_type,"
            " currency, method, cause, kind, quality, closed_at, recorded_at, quantity,"
            " commission_currency, is_full_close, run_id, price) VALUES (?, ?, 1, 'X', 'X', 'STK',"
            " 'USD', 'average', 'x', 'UNEXPLAINED', 'ESTIMATED', ?, ?, '1', 'USD', 0, 1, ?)",
            (
                *(life_id, ACCOUNT, stamp(START), stamp(START)),
                '{"price":"11","source":"portfolio","age_seconds":2.5}',
            ),
        )
    (entry,) = await ledger.entries(EntryQuery())
    assert entry.price == PriceEvidence(Decimal(11), "portfolio", 2.5)
