"""The kept sums are those of the entries, whoever asks for which stretch, and cost as little."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from possync_tui.domain.calendar import local_day, period_of
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.money import from_micros
from possync_tui.domain.plan import AddEntry, ReverseEntry
from possync_tui.domain.position import CostMethod, Entry, EntryKind, Quality
from possync_tui.domain.views import EntryView, PnlGrouping, PnlTotal
from possync_tui.ledger import realized, rollups, totals
from possync_tui.ledger.at_rest import stamp
from possync_tui.ledger.entries import Appending
from possync_tui.ledger.named import NamedLife
from possync_tui.ledger.port import EntryQuery
from possync_tui.ledger.rollups import Rollups
from possync_tui.ledger.schema import migrate, migrations
from possync_tui.ledger.store import open_ledger
from tests.benchmarks.entries import COLUMNS, ledger_of
from tests.ledger.world import TestClock

TABLES = ("realized_days", "realized_quarters", "realized_contracts")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "America/New_York", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin")
]
# The clock of New York is put forward, and a year ends.
DAYS = [datetime(2025, 3, 8), datetime(2025, 12, 31)]  # noqa: DTZ001
near_quarters = st.builds(
    lambda day, quarters, micros: (
        day.replace(tzinfo=UTC) + timedelta(minutes=15 * quarters, microseconds=micros)
    ),
    st.sampled_from(DAYS),
    st.integers(0, 2 * 96),
    st.sampled_from([0, 0, 1, -1, 450_000_000]),
)


@dataclass(frozen=True)
class Held:
    """One of the positions that the entries of these tests are of."""

    life_id: int
    key: PositionKey
    symbol: str
    description: str
    sec_type: str
    currency: str


HELD = [
    Held(1, PositionKey("DU1000001", 11), "AAPL", "AAPL", "STK", "USD"),
    Held(2, PositionKey("DU1000002", 11), "AAPL", "AAPL", "STK", "USD"),
    Held(3, PositionKey("DU1000001", 12), "MNQ", "MNQZ6", "FUT", "USD"),
    Held(4, PositionKey("DU1000001", 13), "SAP", "SAP", "STK", "EUR"),
    Held(5, PositionKey("DU1000001", 14), "EUR", "EUR.USD", "CASH", "USD"),
]


@dataclass(frozen=True)
class Booked:
    held: Held
    entry: Entry
    is_undone: bool


booked = st.builds(
    Booked,
    held=st.sampled_from(HELD),
    entry=st.builds(
        Entry,
        cause=st.just("fill:x"),
        method=st.just(CostMethod.AVERAGE) | st.sampled_from(CostMethod),
        kind=st.just(EntryKind.FILL),
        quality=st.sampled_from([Quality.EXACT, Quality.ESTIMATED]),
        closed_at=near_quarters,
        quantity=st.just(Decimal(1)),
        entry_price=st.none(),
        exit_price=st.none(),
        gross_micros=st.none(),
        commission_micros=st.none() | st.integers(-2, 5),
        commission_currency=st.sampled_from(["USD", "USD", "EUR", ""]),
        realized_micros=st.none() | st.integers(-3, 3) | st.integers(-(10**15), 10**15),
    ),
    is_undone=st.booleans(),
)
queries = st.builds(
    EntryQuery,
    account_id=st.none() | st.sampled_from([1, 2]),
    symbol=st.none() | st.sampled_from(["aapl", "MNQZ6", "EUR", "none"]),
    since=st.none() | near_quarters,
    until=st.none() | near_quarters,
    account_ids=st.none() | st.just(frozenset({1, 3})),
    currency=st.none() | st.just("usd"),
    quality=st.none() | st.just(Quality.EXACT),
    method=st.none() | st.just(CostMethod.FIFO),
)


@cache
def _made() -> sqlite3.Connection:
    """Tables made once for all examples; none of them keeps what it wrote."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db, migrations())
    db.execute(
        "INSERT INTO sync_runs VALUES (1, 'manual', '', 0, 'committed', NULL, 0, 0, 0, 0, 0)"
    )
    db.execute("INSERT INTO meta (name, value) VALUES ('cost_method', 'average')")
    for account_id, code in ((1, "DU1000001"), (2, "DU1000002")):
        db.execute(
            "INSERT INTO accounts (id, code, environment, status, first_seen_at)"
            " VALUES (?, ?, 'paper', 'accepted', '')",
            (account_id, code),
        )
    for held in HELD:
        db.execute(
            "INSERT INTO lives (id, account, con_id, origin, symbol, description, sec_type,"
            " currency, multiplier, unit_value, quantity, status, opened_at, close_reason)"
            " VALUES (?, ?, ?, '', ?, ?, ?, ?, '1', '1', '1', 'OPEN', '', '')",
            (
                *(held.life_id, held.key.account, held.key.con_id, held.symbol),
                *(held.description, held.sec_type, held.currency),
            ),
        )
    return db


@contextmanager
def tables() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        _made().backup(db)
        yield db


def book(db: sqlite3.Connection, every: Sequence[Booked]) -> None:
    """Append entries, in two transactions what is undone later."""
    appending = Appending(db, 1, NOW, Rollups(db))
    undone: list[tuple[int, Booked]] = []
    for one in every:
        added = AddEntry(one.held.key, "", one.entry, None, "")
        held = one.held
        life = NamedLife(held.life_id, held.symbol, held.description, held.sec_type, held.currency)
        entry_id = appending.add(added, life)
        if one.is_undone:
            undone.append((entry_id, one))
    appending.save()
    for entry_id, one in undone:
        appending.reverse(ReverseEntry(one.held.key, entry_id, one.entry, ""))
    appending.save()


def summed(
    entries: Sequence[EntryView], by: PnlGrouping, zone: ZoneInfo
) -> dict[tuple[str, str], tuple[Decimal | None, Decimal, int, int]]:
    """The same totals by adding up entries, one by one."""
    groups: dict[tuple[str, str], list[Decimal | int]] = {}
    for entry in entries:
        if entry.sec_type == "CASH":
            continue
        match by:
            case PnlGrouping.SYMBOL:
                label = entry.symbol
            case PnlGrouping.ACCOUNT:
                label = entry.account
            case PnlGrouping.CURRENCY:
                label = entry.currency
            case PnlGrouping.QUALITY:
                label = entry.quality
            case _:
                assert by.unit is not None
                label = period_of(local_day(entry.closed_at, zone), by.unit, zone).label
        count = -1 if entry.kind == EntryKind.REVERSAL else 1
        group = groups.setdefault((label, entry.currency), [Decimal(0), Decimal(0), 0, 0])
        group[0] += entry.realized_pnl or 0
        group[2] += count
        group[3] += count if entry.realized_pnl is None else 0
        charged_in = entry.commission_currency or entry.currency
        charged = charged_in if by is PnlGrouping.CURRENCY else label
        charge = groups.setdefault((charged, charged_in), [Decimal(0), Decimal(0), 0, 0])
        charge[1] += entry.commission or 0
    return {
        key: (
            None if 0 < count == unknown and not amount else Decimal(amount),
            Decimal(charged),
            int(count),
            int(unknown),
        )
        for key, (amount, charged, count, unknown) in groups.items()
        if amount or charged or count
    }


def shown(found: Sequence[PnlTotal]) -> dict[tuple[str, str], tuple[object, ...]]:
    return {
        (t.label, t.currency): (t.realized_pnl, t.commission, t.entries, t.unknown) for t in found
    }


@settings(max_examples=25)
@given(
    st.lists(booked, min_size=8, max_size=30),
    queries,
    st.lists(st.builds(EntryQuery, since=near_quarters, until=near_quarters), min_size=3),
)
def test_totals_are_the_sums_of_the_entries(
    every: list[Booked], query: EntryQuery, stretches: list[EntryQuery]
) -> None:
    with tables() as db:
        book(db, every)
        open_ended = [replace(query, until=None), replace(query, since=None)]
        for asked in (EntryQuery(), query, *stretches, *open_ended):
            entries = realized.entries(db, asked)
            for by in PnlGrouping:
                for zone in ZONES if by.unit else ZONES[:1]:
                    found = totals.pnl_totals(db, asked, by, zone)
                    assert shown(found) == summed(entries, by, zone), (asked, by, zone)
            buckets = totals.daily_pnl(db, asked)
            assert [(b.start, b.currency) for b in buckets] == sorted(
                sorted({(b.start, b.currency) for b in buckets}, key=lambda key: key[1]),
                key=lambda key: key[0],
                reverse=True,
            )
            assert {
                (b.start, b.currency): (b.realized_pnl, b.entries, b.unknown) for b in buckets
            } == {
                key: (amount, count, unknown)
                for key, (amount, _, count, unknown) in summed(
                    entries, PnlGrouping.DAY, ZONES[0]
                ).items()
                if count or amount
            }


@settings(max_examples=50)
@given(st.lists(booked, max_size=12))
def test_a_ledger_of_version_1_gets_the_sums_that_this_one_keeps(every: list[Booked]) -> None:
    with tables() as db:
        book(db, every)
        kept = [sorted(map(tuple, db.execute(f"SELECT * FROM {name}"))) for name in TABLES]
        assert list(rollups.differing(db)) == []
        for name in TABLES:
            db.execute(f"DROP TABLE {name}")
        db.execute("PRAGMA user_version = 1")
        migrate(db, migrations())
        made = [sorted(map(tuple, db.execute(f"SELECT * FROM {name}"))) for name in TABLES]
        assert made == kept
        assert list(rollups.differing(db)) == []


def test_what_stands_is_counted_as_won_or_lost() -> None:
    entry = Entry(
        cause="fill:x",
        method=CostMethod.AVERAGE,
        kind=EntryKind.FILL,
        quality=Quality.EXACT,
        closed_at=NOW,
        quantity=Decimal(1),
        entry_price=None,
        exit_price=None,
        gross_micros=None,
        commission_micros=None,
        commission_currency="USD",
        realized_micros=5,
    )
    amounts = [(5, False), (7, True), (-2, False), (-3, True), (0, False), (None, False)]
    every = [
        Booked(HELD[0], replace(entry, realized_micros=amount), is_undone)
        for amount, is_undone in amounts
    ]
    with tables() as db:
        book(db, every)
        for name in TABLES:
            sums = ", ".join(f"sum({column})" for column in rollups.SUMS)
            (found,) = db.execute(f"SELECT {sums} FROM {name}").fetchall()
            assert tuple(found) == (3, 0, 4, 1, 1, 1, 5, -2), name
    assert from_micros(5) == Decimal("0.000005")


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same four years of sessions with one and with ten closes a day."""
    folder = tmp_path_factory.mktemp("sizes")
    few, many = folder / "few.db", folder / "many.db"
    ledger_of(few, 1_043)
    ledger_of(many, 10_430)
    return few, many


YEAR = EntryQuery(
    since=datetime(2024, 1, 1, 5, tzinfo=UTC), until=datetime(2025, 1, 1, 5, tzinfo=UTC)
)
Read = Callable[[sqlite3.Connection], object]


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(
            lambda db: totals.pnl_totals(db, YEAR, PnlGrouping.DAY, ZONES[1]), id="days of a year"
        ),
        pytest.param(
            lambda db: totals.pnl_totals(db, YEAR, PnlGrouping.CURRENCY, None), id="a year"
        ),
        pytest.param(
            lambda db: totals.pnl_totals(db, EntryQuery(), PnlGrouping.SYMBOL, None), id="symbols"
        ),
        pytest.param(lambda db: realized.entries(db, EntryQuery(limit=200)), id="the last 200"),
    ],
)
def test_ten_times_the_entries_are_no_more_work(sizes: tuple[Path, Path], read: Read) -> None:
    few, many = _steps(sizes[0], read), _steps(sizes[1], read)
    assert many <= 1.2 * few + 10


def _steps(path: Path, read: Read) -> int:
    """How many times ten instructions of SQLite's virtual machine a query takes."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        db.set_progress_handler(count, 10)
        read(db)
    return taken


async def test_pages_are_the_entries_and_each_is_as_little_work(
    sizes: tuple[Path, Path],
) -> None:
    ledger = await open_ledger(sizes[0], clock=TestClock(), read_only=True)
    for query in (EntryQuery(), YEAR, EntryQuery(limit=251), EntryQuery(symbol="s007")):
        pages = [page async for page in ledger.entry_pages(query, 50)]
        assert [entry for page in pages for entry in page] == await ledger.entries(query)
        assert query.symbol or max(len(page) for page in pages) <= 50
    await ledger.close()

    def last_page(db: sqlite3.Connection) -> object:
        low = replace(realized.first_place(db), closed_at="2022-02")
        return realized.page(db, EntryQuery(), low, 10)

    def first_page(db: sqlite3.Connection) -> object:
        return realized.page(db, EntryQuery(), realized.first_place(db), 10)

    assert _steps(sizes[1], last_page) <= 1.2 * _steps(sizes[1], first_page) + 20


async def test_what_is_appended_meanwhile_is_in_no_page(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    ledger_of(path, 60)
    reader = await open_ledger(path, clock=TestClock(), read_only=True)
    before = await reader.entries(EntryQuery())
    found: list[EntryView] = []
    async for page in reader.entry_pages(EntryQuery(), 20):
        found += page
        with closing(sqlite3.connect(path)) as db, db:
            names = ", ".join(set(COLUMNS) - {"closed_at"})
            db.execute(
                f"INSERT INTO realized_entries ({names}, closed_at) SELECT {names},"
                " '2022-01-03T00:00:00.000000+00:00' FROM realized_entries LIMIT 2"
            )
    assert found == before
    assert len(await reader.entries(EntryQuery())) > len(before)
    await reader.close()


def test_the_entries_of_a_symbol_are_found_without_the_others(sizes: tuple[Path, Path]) -> None:
    of_one = _steps(sizes[1], lambda db: realized.entries(db, EntryQuery(symbol="s007")))
    of_all = _steps(sizes[1], lambda db: realized.entries(db, EntryQuery()))
    assert of_one < of_all / 20


def test_times_at_rest_fall_into_their_quarter_of_an_hour() -> None:
    last = datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    with closing(sqlite3.connect(":memory:")) as db:
        for at in (last, datetime(1, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 50, tzinfo=UTC)):
            sql = f"SELECT {rollups.QUARTER} FROM (SELECT ? AS closed_at)"
            assert db.execute(sql, (stamp(at),)).fetchone() == (rollups.quarter_of(at),)
