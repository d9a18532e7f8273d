"""A realistic desk for the fake engine: positions, runs, holds, entries and a plan."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from possync_tui.domain.connection import ConnectionState, Phase
from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.marks import Mark
from possync_tui.domain.observations import PositionRow
from possync_tui.domain.plan import (
    AddEntry,
    ChangeKind,
    CountAbsence,
    HoldKind,
    Plan,
    PutLife,
    RaiseHold,
    Remark,
    ReverseEntry,
)
from possync_tui.domain.position import CostMethod, Entry, EntryKind, Life, Quality, Status
from possync_tui.domain.runs import SyncResult, SyncStats
from possync_tui.domain.views import (
    AccountView,
    EntryView,
    HoldView,
    JournalView,
    PositionView,
    RunView,
)

NOW = datetime(2026, 11, 18, 14, 30, 12, tzinfo=UTC)
CODES = ("DU7654301", "DU7654302", "DU7654303")
STATS = SyncStats(
    total_syncs=1_284,
    successful_syncs=1_279,
    failed_syncs=5,
    positions_created=61,
    positions_updated=3_412,
    positions_closed=36,
    last_sync_time=NOW - timedelta(seconds=12),
    last_error="no end marker within 30 s; the session was thrown away",
    last_duration_ms=18.0,
)

# account, contract, symbol, description, type, currency, multiplier, quantity, average, last,
# realized so far
_ROWS = (
    (0, 265598, "AAPL", "AAPL", "STK", "USD", 1, "400", "194.14", "231.47", "9814.84"),
    (0, 272093, "MSFT", "MSFT", "STK", "USD", 1, "120", "402.8133333", "431.02", None),
    (0, 4815747, "NVDA", "NVDA", "STK", "USD", 1, "-150", "118.905", "134.2", "-1204.5"),
    (0, 76792991, "TSLA", "TSLA", "STK", "USD", 1, "50", "249.16", None, "416.26"),
    (0, 8314, "IBM", "IBM", "STK", "USD", 1, "35.5", "171.221", "214.9", None),
    (0, 756733, "SPY", "SPY", "STK", "USD", 1, "210", "512.4", "588.31", "2210"),
    (0, 495512552, "ES", "ESZ6", "FUT", "USD", 50, "-2", "5010.25", "4998.5", None),
    (0, 620731015, "CL", "CLF7", "FUT", "USD", 1000, "3", "71.18", "70.44", "-880"),
    (0, 712345678, "SPX", "SPX 19DEC26 5000 P", "OPT", "USD", 100, "-1", "12.35", "14.1", "-42.1"),
    (0, 712345999, "AAPL", "AAPL 15JAN27 250 C", "OPT", "USD", 100, "10", "8.6512", "9.35", None),
    (0, 12087792, "EUR", "EUR.USD", "CASH", "USD", 1, "25000", "1.08412", "1.09107", None),
    (1, 14204, "SAP", "SAP", "STK", "EUR", 1, "80", "171.44", "219.35", "1204.4"),
    (1, 29612193, "ASML", "ASML", "STK", "EUR", 1, "22", "688.2", "641.9", None),
    (1, 14121, "ALV", "ALV", "STK", "EUR", 1, "60", "251.8", "298.1", "311"),
    (1, 117589399, "BMW", "BMW", "STK", "EUR", 1, "-45", "92.14", "71.62", None),
    (1, 11004968, "ESTX50", "FESX DEC 26", "FUT", "EUR", 10, "4", "4921", "4876", None),
    (1, 35359385, "HSBA", "HSBA", "STK", "GBP", 1, "900", "6.412", "7.208", "88.12"),
    (1, 29021, "VOD", "VOD", "STK", "GBP", 1, "4500", "0.734215", "0.7012", None),
    (1, 12087797, "GBP", "GBP.USD", "CASH", "USD", 1, "-12000", "1.2711", "1.2688", None),
    (2, 448125, "7203", "7203", "STK", "JPY", 1, "300", "2488.5", "2714", "51200"),
    (2, 447999, "6758", "6758", "STK", "JPY", 1, "100", "13120", "2801.5", None),
    (2, 479624278, "BTC", "BTC", "CRYPTO", "USD", 1, "0.4321", "61220.15", "91204.25", "3120.5"),
    (2, 491516, "ETH", "ETH", "CRYPTO", "USD", 1, "5.25", "2911.4", "3104.9", None),
    (
        2,
        337651,
        "T 4 1/4 11/15/34",
        "T 4 1/4 11/15/34",
        "BOND",
        "USD",
        1,
        "10",
        "982.5",
        "98.125",
        None,
    ),
    (2, 208813719, "GOOGL", "GOOGL", "STK", "USD", 1, "75", "138.11", "176.42", "904.15"),
    (2, 107113386, "META", "META", "STK", "USD", 1, "40", "301.2", "561.08", None),
)


def _dec(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def positions() -> list[PositionView]:
    """Twenty-six rows, one of them missing, over three accounts and four currencies."""
    rows = []
    for index, row in enumerate(_ROWS):
        account, con_id, symbol, label, kind, currency, size, quantity, average, last, realized = (
            row
        )
        held, price, mark = Decimal(quantity), Decimal(average), _dec(last)
        multiplier = Decimal(size)
        value = None if mark is None else mark * held * multiplier
        gain = None if mark is None else (mark - price) * held * multiplier
        missing = symbol == "TSLA"
        rows.append(
            PositionView(
                id=index + 1,
                account_id=account + 1,
                account=CODES[account],
                con_id=con_id,
                symbol=symbol,
                description=label,
                sec_type=kind,
                currency=currency,
                multiplier=multiplier,
                quantity=held,
                average_cost=price * multiplier,
                average_price=price,
                current_price=mark,
                market_value=value,
                unrealized_pnl=gain,
                status="MISSING" if missing else "OPEN",
                opened_at=NOW - timedelta(days=20 + index * 3),
                closed_at=None,
                last_synced_at=NOW - timedelta(seconds=12),
                realized_pnl=_dec(realized),
                missing_since=NOW - timedelta(days=2, hours=1) if missing else None,
                marked_at=None if mark is None else NOW - timedelta(seconds=index % 7),
            )
        )
    return rows


def marks(rows: list[PositionView]) -> dict[PositionKey, Mark]:
    """A live value for every row that the broker still has."""
    found = {}
    for index, row in enumerate(rows):
        if row.current_price is None or row.unrealized_pnl is None:
            continue
        day = row.unrealized_pnl * Decimal((index * 7) % 11 - 4) / Decimal(40)
        found[row.key] = Mark(
            key=row.key,
            at=NOW - timedelta(seconds=index % 7),
            source="portfolio",
            session_id="s1",
            price=row.current_price,
            market_value=row.market_value,
            unrealized_pnl=row.unrealized_pnl,
            daily_pnl=None if row.sec_type == "CASH" else round(day, 2),
            realized_today=None,
        )
    return found


def accounts() -> list[AccountView]:
    return [
        AccountView(i + 1, code, "paper", "accepted", NOW - timedelta(seconds=12))
        for i, code in enumerate(CODES)
    ]


def holds() -> list[HoldView]:
    return [
        HoldView(
            2,
            "COMBINATION",
            "held",
            CODES[0],
            28812380,
            "SPX",
            "A combination row (BAG) came with the snapshot. It describes an order, not a holding; "
            "its legs are booked by themselves.",
            "row BAG conId=28812380 quantity 1 in snapshot 9f31c2 of 14:30:00",
            NOW - timedelta(minutes=5),
            None,
            "",
        ),
        HoldView(
            1,
            "MISSING",
            "held",
            CODES[0],
            76792991,
            "TSLA",
            "TSLA is not in the broker's positions any more, and no closing fill is known.",
            "absent from 214 complete snapshots since 2026-11-16 13:30, the last at 14:30:00; no "
            "execution for contract 76792991 since 2026-11-12",
            NOW - timedelta(days=2, hours=1),
            None,
            "",
        ),
    ]


def runs() -> list[RunView]:
    chance = random.Random(7)
    found = []
    for number in range(60):
        failed = number in (17, 41)
        changed = 0 if number % 4 else chance.randint(1, 5)
        found.append(
            RunView(
                id=1_000 - number,
                trigger=("interval", "interval", "trade", "position", "manual")[number % 5],
                started_at=NOW - timedelta(seconds=12 + 300 * number),
                duration_ms=30_000.0 if failed else round(9 + chance.random() ** 3 * 60, 1),
                outcome="failed" if failed else "committed",
                error="no end marker within 30 s; the session was thrown away" if failed else None,
                positions_seen=0 if failed else 25,
                created=1 if number == 8 else 0,
                updated=0 if failed else changed,
                closed=1 if number == 12 else 0,
                missing=0 if failed else 1,
            )
        )
    return found


def run_of(result: SyncResult) -> RunView:
    return RunView(
        result.run_id or 0,
        result.trigger.value,
        result.started_at,
        result.duration_ms,
        result.outcome.value,
        result.error,
        result.positions_seen,
        result.created,
        result.updated,
        result.closed,
        result.missing,
    )


def entries() -> list[EntryView]:
    """Half a year of closes, in four currencies and of every quality."""
    chance = random.Random(11)
    found = []
    qualities = ("EXACT",) * 9 + ("ESTIMATED", "PENDING_COMMISSION", "MANUAL")
    for number in range(160):
        row = _ROWS[chance.randrange(len(_ROWS))]
        account, con_id, symbol, label, kind, currency, size, _, average, _, _ = row
        if kind == "CASH":
            continue
        quality = qualities[number % len(qualities)]
        entry = Decimal(average)
        move = Decimal(str(round(chance.gauss(0.004, 0.02), 4)))
        leave = (entry * (1 + move)).quantize(Decimal("0.0001"))
        count = Decimal(1 if entry * size > 900 else chance.choice((1, 2, 10, 50)))
        unknown = quality == "MANUAL"
        no_fee = quality in ("PENDING_COMMISSION", "MANUAL")
        gross = ((leave - entry) * count * size).quantize(Decimal("0.01"))
        fee = None if no_fee else Decimal("1.05") * min(int(count), 9)
        closed = NOW - timedelta(days=182 * (1 - number / 159) ** 1.1, minutes=11)
        found.append(
            EntryView(
                id=number + 1,
                position_id=number + 1,
                account_id=account + 1,
                account=CODES[account],
                con_id=con_id,
                symbol=symbol,
                description=label,
                sec_type=kind,
                currency=currency,
                closed_at=closed,
                recorded_at=closed,
                quantity_closed=count,
                entry_price=entry,
                exit_price=None if unknown else leave,
                gross_pnl=None if unknown else gross,
                commission=fee,
                commission_currency=currency,
                realized_pnl=None if unknown else gross - (fee or 0),
                broker_realized_pnl=None,
                quality=quality,
                kind="USER" if unknown else "FILL",
                supersedes_id=None,
                exec_id=f"0000e0d5.{number:08x}.01.01",
                is_full_close=number % 3 == 0,
            )
        )
    return found


def journal() -> list[JournalView]:
    aapl, account = 265598, CODES[0]
    told = (
        ("updated", "400, average cost 194.14", "snapshot 9f31c2 of 14:30:00, 25 rows"),
        ("entry", "100 closed, +3,721.44 realized, EXACT", "fill 0000e0d5.6719aa02.01.01"),
        ("updated", "500 → 400", "fill 0000e0d5.6719aa02.01.01: SLD 100 @ 231.50"),
        ("updated", "300 → 500", "fill 0000e0d5.66f0c11b.01.01: BOT 200 @ 201.02"),
        ("created", "300", "fill 0000e0d5.66e1aa10.01.01: BOT 300 @ 189.10"),
    )
    return [
        JournalView(
            90 - i, NOW - timedelta(hours=7 * i), 1_000 - 4 * i, account, aapl, kind, text, evidence
        )
        for i, (kind, text, evidence) in enumerate(told)
    ]


def connected(now: datetime) -> ConnectionState:
    return ConnectionState(
        phase=Phase.CONNECTED,
        host="127.0.0.1",
        port=7497,
        client_id=17,
        since=now - timedelta(hours=3, minutes=12),
        sentence="Connected; positions are kept up to date.",
        session_id="s1",
        server_version=176,
        accounts=CODES,
        round_trip_ms=3.2,
        clock_skew=0.1,
        farms=(("usfarm", True), ("eufarm", True), ("ushmds", True)),
    )


def with_changes(state: ConnectionState, changes: dict[str, object]) -> ConnectionState:
    return replace(state, **changes)  # type: ignore[arg-type]


def plan() -> Plan:
    """One change of most kinds."""
    aapl, tsla = PositionKey(CODES[0], 265598), PositionKey(CODES[0], 76792991)
    shop = PositionKey(CODES[1], 195014116)
    bought = PositionRow(
        CODES[1],
        Instrument(195014116, "SHOP", "STK", "USD"),
        Decimal(40),
        Decimal("102.11"),
        "40",
        "102.11",
    )
    before = Life("fill:1", NOW, Decimal(400), Status.OPEN, (), None)
    after = Life("fill:1", NOW, Decimal(300), Status.OPEN, (), None)
    gone = Life("fill:2", NOW, Decimal(50), Status.MISSING, (), None, missing_since=NOW)
    entry = Entry(
        cause="fill:9",
        method=CostMethod.AVERAGE,
        kind=EntryKind.FILL,
        quality=Quality.EXACT,
        closed_at=NOW,
        quantity=Decimal(100),
        entry_price=Decimal("194.14"),
        exit_price=Decimal("231.47"),
        gross_micros=3_733_000_000,
        commission_micros=1_050_000,
        commission_currency="USD",
        realized_micros=3_731_950_000,
    )
    fill = "fill 0000e0d5.6719aa77.01.01: SLD 100 @ 231.47 at 14:29:58"
    return Plan(
        as_of=NOW,
        accounts=CODES,
        digest="9f31c2",
        positions_seen=25,
        changes=(
            PutLife(
                shop,
                ChangeKind.CREATED,
                Life("fill:3", NOW, Decimal(40), Status.OPEN, (), None, row=bought),
                None,
                None,
                "fill 0000e0d5.6719aa80.01.01: BOT 40 @ 102.11 at 14:29:59",
            ),
            PutLife(aapl, ChangeKind.UPDATED, after, 1, before, fill),
            AddEntry(aapl, "fill:1", entry, None, fill),
            ReverseEntry(aapl, 12, replace(entry, quality=Quality.ESTIMATED), "a fill came late"),
            PutLife(tsla, ChangeKind.MISSING, gone, 4, replace(gone, status=Status.OPEN), "absent"),
            CountAbsence(tsla, 2, NOW),
            RaiseHold(
                HoldKind.BULK_MISSING,
                CODES[2],
                None,
                (tsla, aapl, shop),
                "Three of four positions of this account are gone at once.",
                "snapshot 9f31c2 of 14:30:00",
            ),
            Remark(aapl, "average cost drifted by 0.01 without a fill"),
        ),
    )
