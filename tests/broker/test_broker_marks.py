"""Live values: unknown is `None`, never zero, and an old price never looks young."""

import asyncio
from decimal import Decimal

from possync_tui.broker.port import MarkChanged
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.marks import Mark
from tests.broker.conftest import Connect, Session
from tests.broker.scripted import (
    CANCEL_PNL,
    PNL,
    PORTFOLIO,
    POSITION_END,
    POSITIONS,
    UNSET,
    Client,
    Fields,
    ScriptedTws,
    error,
    position,
)

APPLE = PositionKey("DU1", 265598)
SPX = PositionKey("DU1", 700)
SAP = PositionKey("DU2", 14204)


def portfolio(
    key: PositionKey,
    quantity: str,
    price: str,
    value: str,
    unrealized: str,
    realized: str = "0.00",
) -> Fields:
    labels = ["AAPL", "STK", "", "0", "0", "", "NASDAQ", "USD", "AAPL", "NMS"]
    amounts = [quantity, price, value, "201.5", unrealized, realized]
    return ["7", "8", str(key.con_id), *labels, *amounts, key.account]


def pnl(request_id: object, quantity: str, *amounts: str) -> Fields:
    """Daily, unrealized and realized profit, then market value."""
    return ["95", str(request_id), quantity, *amounts]


async def held(session: Session, tws: ScriptedTws) -> None:
    """100 AAPL at 201.50 and 2 options at 150 per contract are held."""
    option = {"sec_type": "OPT", "multiplier": "100"}
    tws.rows = [
        position("100", "201.5"),
        position("2", "150", con_id=700, symbol="SPX", **option),
    ]
    await session.broker.snapshot(5)


async def told(session: Session, key: PositionKey, count: int = 1) -> Mark:
    """The last of at least `count` marks of a position."""

    def marks() -> list[Mark]:
        return [event.mark for event in session.of(MarkChanged) if event.mark.key == key]

    await session.until(lambda: len(marks()) >= count, f"{count} marks of {key}")
    return marks()[-1]


def request_of(tws: ScriptedTws, key: PositionKey) -> str:
    return next(
        fields[1]
        for fields in tws.client.seen(PNL)
        if fields[2:5] == [key.account, "", str(key.con_id)]
    )


async def watching(session: Session, tws: ScriptedTws, *keys: PositionKey) -> None:
    await session.broker.watch(frozenset(keys))
    await session.until(lambda: len(tws.client.seen(PNL)) >= len(keys))


async def test_the_value_of_a_position_gives_its_price(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    await held(session, tws)
    await watching(session, tws, APPLE, SPX)
    tws.send(pnl(request_of(tws, SPX), "2", "12.5", "100.5", UNSET, "400.5"))
    mark = await told(session, SPX)
    assert mark == session.broker.marks[SPX]
    assert (mark.price, mark.market_value) == (Decimal("2.0025"), Decimal("400.5"))
    assert (mark.daily_pnl, mark.unrealized_pnl) == (Decimal("12.5"), Decimal("100.5"))
    assert mark.realized_today is None
    assert (mark.source, mark.session_id) == ("pnl_single", session.broker.state.session_id)


async def test_a_value_in_another_currency_gives_no_price(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await held(session, tws)
    await watching(session, tws, APPLE)
    # As if in euro: 8 % below what the position cost and gained in dollars.
    tws.send(pnl(request_of(tws, APPLE), "100", "0", "920", "0", "19458"))
    mark = await told(session, APPLE)
    assert (mark.price, mark.market_value) == (None, Decimal(19458))


async def test_a_value_of_another_quantity_gives_no_price(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await held(session, tws)
    await watching(session, tws, APPLE)
    tws.send(pnl(request_of(tws, APPLE), "60", "0", "1000", "0", "21150"))
    assert (await told(session, APPLE)).price is None


async def test_what_is_not_a_number_is_unknown(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    await held(session, tws)
    await watching(session, tws, APPLE)
    tws.send(portfolio(APPLE, "100", "-1.0", "NaN", UNSET, "Infinity"))
    mark = await told(session, APPLE)
    amounts = (mark.price, mark.market_value, mark.unrealized_pnl, mark.realized_today)
    assert amounts == (None, None, None, None)
    tws.send(pnl(request_of(tws, APPLE), "100", "-1", "-1", "0", ""))
    mark = await told(session, APPLE, 2)
    assert (mark.daily_pnl, mark.unrealized_pnl, mark.realized_today) == (
        Decimal(-1),
        Decimal(-1),
        Decimal(0),
    )
    assert session.problems() == []


async def test_an_amount_without_a_price_does_not_make_the_price_young(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await held(session, tws)
    await watching(session, tws, APPLE)
    tws.send(portfolio(APPLE, "100", "205.0", "20500.00", "350.00", "7.5"))
    first = await told(session, APPLE)
    assert (first.source, first.price, first.realized_today) == (
        "portfolio",
        Decimal("205.0"),
        Decimal("7.5"),
    )
    tws.send(pnl(request_of(tws, APPLE), "100", "1", "2", UNSET, UNSET))
    second = await told(session, APPLE, 2)
    assert (second.price, second.at, second.source) == (first.price, first.at, "portfolio")
    assert (second.daily_pnl, second.market_value) == (Decimal(1), None)


async def test_values_of_positions_that_are_not_watched_are_left_out(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await watching(session, tws, APPLE)
    tws.send(
        portfolio(SAP, "1", "1", "1", "1"),
        pnl(99999, "1", "1", "1", "1", "1"),
        pnl("x", "1", "1"),
        ["7", "8", "1"],
        portfolio(APPLE, "100", "205.0", "20500.00", "350.00"),
    )
    await told(session, APPLE)
    assert set(session.broker.marks) == {APPLE}


async def test_what_is_no_longer_watched_is_cancelled_and_forgotten(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await held(session, tws)
    await watching(session, tws, APPLE, SPX)
    tws.send(pnl(request_of(tws, SPX), "2", "1", "100", "0", "400"))
    await told(session, SPX)
    await session.broker.watch(frozenset({APPLE}))
    assert SPX not in session.broker.marks
    await session.until(lambda: tws.client.seen(CANCEL_PNL))
    assert [fields[-1] for fields in tws.client.seen(CANCEL_PNL)] == [request_of(tws, SPX)]


async def test_subscriptions_are_capped_and_a_freed_place_is_used(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect(max_pnl_subscriptions=2)
    keys = [PositionKey("DU1", number) for number in (1, 2, 3)]
    await session.broker.watch(frozenset(keys))
    await session.until(lambda: len(tws.client.seen(PNL)) == 2)
    await session.broker.watch(frozenset(keys[1:]))
    await session.until(lambda: len(tws.client.seen(PNL)) == 3)
    assert [fields[4] for fields in tws.client.seen(PNL)] == ["1", "2", "3"]
    sent = [fields[0] for fields in tws.client.requests if fields[0] in (PNL, CANCEL_PNL)]
    assert sent == [PNL, PNL, CANCEL_PNL, PNL]


async def test_a_refused_subscription_is_not_asked_for_again(
    tws: ScriptedTws, connect: Connect
) -> None:
    def refuses(client: Client, request: Fields) -> None:
        client.send(error(10186, "no P&L for you", request[1]))

    tws.answers[PNL] = refuses
    session = await connect()
    await watching(session, tws, APPLE)
    await session.until(session.problems)
    await session.broker.watch(frozenset({APPLE, SPX}))
    await session.until(lambda: len(tws.client.seen(PNL)) == 2)
    await session.broker.snapshot(5)  # its rows come behind the refusal
    await session.broker.watch(frozenset({APPLE}))
    await session.broker.watch(frozenset({APPLE, SPX, SAP}))
    await session.until(lambda: len(tws.client.seen(PNL)) == 4)
    assert [fields[4] for fields in tws.client.seen(PNL)] == ["265598", "700", "700", "14204"]
    # The same refusal again and again is one line.
    assert session.problems() == ["no P&L for you"]
    assert (await session.broker.snapshot(5)).rows == ()


_BOTH = ["DU1", "DU2", "DU1"]


async def test_portfolios_take_turns_account_by_account(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    await session.broker.watch(frozenset({APPLE, SAP}))
    await session.until(lambda: len(tws.client.seen(PORTFOLIO)) >= 4)
    accounts = [fields[3] for fields in tws.client.seen(PORTFOLIO)[:4]]
    assert accounts == ["DU1", "DU2", "DU1", "DU2"]


async def test_the_only_account_is_not_asked_for_again_and_again(
    tws: ScriptedTws, connect: Connect
) -> None:
    """Its answer is a row for each position, and TWS goes on with it unasked."""
    session = await connect()
    await session.broker.watch(frozenset({APPLE, SPX}))
    await session.until(lambda: tws.client.seen(PORTFOLIO))
    await asyncio.sleep(0.3)
    assert len(tws.client.seen(PORTFOLIO)) == 1
    await session.broker.watch(frozenset({APPLE, SAP}))
    await session.until(lambda: [f[3] for f in tws.client.seen(PORTFOLIO)][:3] == _BOTH)


async def test_a_portfolio_is_not_asked_for_while_a_snapshot_is_under_way(
    tws: ScriptedTws, connect: Connect
) -> None:
    tws.answers[POSITIONS] = lambda _client, _request: None
    session = await connect()
    waiting = asyncio.create_task(session.broker.snapshot(5))
    await session.until(lambda: tws.client.seen(POSITIONS))
    await session.broker.watch(frozenset({APPLE}))
    await session.until(lambda: tws.client.seen(PNL))
    await asyncio.sleep(0.1)
    assert tws.client.seen(PORTFOLIO) == []
    tws.send(POSITION_END)
    await waiting
    await session.until(lambda: tws.client.seen(PORTFOLIO))


async def test_an_account_whose_values_another_client_has_is_left_alone(
    tws: ScriptedTws, connect: Connect
) -> None:
    def refuses_one(client: Client, request: Fields) -> None:
        if request[3] == "DU1":
            client.send(error(2101, "Unable to subscribe to account"))

    tws.answers[PORTFOLIO] = refuses_one
    session = await connect()
    await session.broker.watch(frozenset({APPLE, SAP}))
    await session.until(lambda: len(tws.client.seen(PORTFOLIO)) >= 2)
    await asyncio.sleep(0.3)
    assert [fields[3] for fields in tws.client.seen(PORTFOLIO)] == ["DU1", "DU2"]


async def test_a_snapshot_does_not_wait_behind_subscriptions(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await session.broker.watch(frozenset(PositionKey("DU1", n) for n in range(1, 300)))
    await session.until(lambda: len(tws.client.seen(PNL)) >= 3)
    await session.broker.snapshot(5)
    kinds = [fields[0] for fields in tws.client.requests]
    assert kinds.index(POSITIONS) < 60


async def test_a_new_session_subscribes_again_and_its_marks_say_so(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await held(session, tws)
    await watching(session, tws, APPLE)
    tws.send(portfolio(APPLE, "100", "205.0", "20500.00", "350.00"))
    old = await told(session, APPLE)
    tws.client.drop()
    await session.until(lambda: len(tws.clients) == 2)
    state = await session.broker.connected(5)
    assert session.broker.marks[APPLE].session_id == old.session_id
    await session.until(lambda: tws.client.seen(PNL))
    tws.send(pnl(request_of(tws, APPLE), "100", "1", UNSET, UNSET, UNSET))
    new = await told(session, APPLE, 2)
    assert (new.session_id, new.price, new.daily_pnl) == (state.session_id, None, Decimal(1))


async def test_subscriptions_that_tws_has_lost_are_asked_for_again(
    tws: ScriptedTws, connect: Connect
) -> None:
    session = await connect()
    await watching(session, tws, APPLE)
    tws.send(error(1100, "lost"), error(1101, "restored, data lost"))
    await session.until(lambda: len(tws.client.seen(PNL)) == 2)
    first, second = tws.client.seen(PNL)
    assert first[1] != second[1]
    assert first[2:] == second[2:]


async def test_a_value_of_another_scale_is_said_once(tws: ScriptedTws, connect: Connect) -> None:
    """A bond in per cent of a face value of 1,000: TWS counts pieces, or it counts face value."""
    session = await connect()
    bond = {"sec_type": "BOND", "symbol": "IBCID1"}
    tws.rows = [position("10", "982.5", con_id=700, **bond)]
    await session.broker.snapshot(5)
    await watching(session, tws, SPX)
    tws.send(portfolio(SPX, "10", "98.25", "9.83", "0"))
    await told(session, SPX)
    assert session.problems() == []
    for _ in range(2):
        tws.send(portfolio(SPX, "10", "98.25", "9825.0", "0"))
    await told(session, SPX, 2)
    (problem,) = session.problems()
    assert "9,825.00" in str(problem)
    assert "9.82" in str(problem)
