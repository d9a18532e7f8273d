"""Every observation, and the parts of a life, as hypothesis draws them."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import strategies as st

from possync_tui.domain.instruments import Instrument, PositionKey
from possync_tui.domain.observations import (
    Absent,
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    Anchor,
    BasisCarried,
    CarriedLot,
    Charge,
    CloseDecided,
    CloseReason,
    Commission,
    ConnectivityLost,
    Fill,
    Observation,
    PositionRow,
    PriceEvidence,
    RowPushed,
    Side,
)
from possync_tui.domain.position import (
    CostMethod,
    Entry,
    EntryKind,
    Life,
    Lot,
    Quality,
    Status,
)

texts = st.text(max_size=20)
wholes = st.integers(min_value=-(2**31), max_value=2**31 - 1)
con_ids = st.integers(min_value=1, max_value=2**31 - 1)
micros = st.integers(min_value=-(10**18), max_value=10**18)
flags = st.booleans()
numbers = st.decimals(
    allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15
).map(lambda value: value + Decimal(0))
positives = numbers.map(abs)
zones = st.sampled_from([UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-5))])
moments = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=zones,
)
instruments = st.builds(
    Instrument,
    con_id=con_ids,
    symbol=texts,
    sec_type=texts,
    currency=texts,
    expiry=texts,
    strike=texts,
    right=texts,
    multiplier=texts,
    exchange=texts,
    local_symbol=texts,
    trading_class=texts,
)
keys = st.builds(PositionKey, account=texts, con_id=con_ids)
rows = st.builds(
    PositionRow,
    account=texts,
    instrument=instruments,
    quantity=numbers,
    average_cost=numbers,
    quantity_text=texts,
    average_cost_text=texts,
)
prices = st.builds(
    PriceEvidence,
    price=numbers,
    source=texts,
    age_seconds=st.floats(min_value=0, max_value=1e9),
)
fills = st.builds(
    Fill,
    account=texts,
    exec_id=texts,
    instrument=instruments,
    side=st.sampled_from(Side),
    quantity=positives,
    price=numbers,
    time=moments,
    raw_time=texts,
    quantity_text=texts,
    price_text=texts,
    order_id=wholes,
    perm_id=wholes,
    client_id=wholes,
    exchange=texts,
    order_ref=texts,
    liquidation=wholes,
)
carried_lots = st.builds(
    CarriedLot,
    quantity=positives,
    value_micros=st.none() | micros,
    fees=st.dictionaries(texts, micros, max_size=3).map(lambda by: tuple(sorted(by.items()))),
    opened_at=moments,
    is_seeded=flags,
    is_pending=flags,
)
observations: st.SearchStrategy[Observation] = st.one_of(
    st.builds(RowPushed, row=rows, session_id=texts, received_at=moments),
    fills,
    st.builds(
        Commission,
        exec_id=texts,
        amount=numbers,
        currency=texts,
        broker_realized_pnl=st.none() | numbers,
        amount_text=texts,
        realized_text=texts,
        charge=st.sampled_from(Charge),
    ),
    st.builds(ConnectivityLost, code=wholes, at=moments, session_id=texts),
    st.builds(
        Anchor,
        row=rows,
        as_of=moments,
        baseline=flags,
        snapshot_digest=texts,
        price=st.none() | prices,
        known_seq=st.integers(min_value=0, max_value=10**9),
    ),
    st.builds(
        Absent,
        key=keys,
        as_of=moments,
        baseline=flags,
        snapshot_digest=texts,
        known_seq=st.integers(min_value=0, max_value=10**9),
    ),
    st.builds(
        Adjusted,
        key=keys,
        kind=st.sampled_from(AdjustmentKind),
        instrument=instruments,
        as_of=moments,
        quantity=numbers,
        source=st.sampled_from(AdjustmentSource),
        reference=texts,
        evidence=texts,
        price=st.none() | numbers,
        premium=numbers,
        counterpart=wholes,
        is_exact=flags,
        realized=st.none() | numbers,
        is_arrival=flags,
        action_id=texts,
    ),
    st.builds(
        BasisCarried,
        key=keys,
        reference=texts,
        as_of=moments,
        counterpart=wholes,
        lots=st.lists(carried_lots, max_size=3).map(tuple),
        pool=st.none() | carried_lots,
        revision=wholes,
    ),
    st.builds(
        CloseDecided,
        key=keys,
        reason=st.sampled_from(CloseReason),
        as_of=moments,
        evidence=texts,
        price=st.none() | prices,
        known_seq=st.integers(min_value=0, max_value=10**9),
    ),
)
fees = st.dictionaries(texts, micros, max_size=3).map(lambda found: tuple(sorted(found.items())))
lots = st.builds(
    Lot,
    quantity=positives,
    value_micros=st.none() | micros,
    fees=fees,
    opened_at=moments,
    cause=texts,
    is_seeded=flags,
    is_pending=flags,
)
entries = st.builds(
    Entry,
    cause=texts,
    method=st.sampled_from(CostMethod),
    kind=st.sampled_from([kind for kind in EntryKind if kind is not EntryKind.REVERSAL]),
    quality=st.sampled_from(Quality),
    closed_at=moments,
    quantity=positives,
    entry_price=st.none() | numbers,
    exit_price=st.none() | numbers,
    gross_micros=st.none() | micros,
    commission_micros=st.none() | micros,
    commission_currency=texts,
    realized_micros=st.none() | micros,
    broker_realized=st.none() | numbers,
    exec_id=st.none() | texts,
    is_full_close=flags,
    price=st.none() | prices,
)
lives = st.builds(
    Life,
    origin=texts,
    opened_at=moments,
    quantity=numbers,
    status=st.sampled_from(Status),
    lots=st.lists(lots, max_size=3).map(tuple),
    pool=st.none() | lots,
    entries=st.lists(entries, max_size=4, unique_by=lambda e: (e.cause, e.method)).map(tuple),
    closed_at=st.none() | moments,
    missing_since=st.none() | moments,
    close_reason=texts,
    row=st.none() | rows,
)
