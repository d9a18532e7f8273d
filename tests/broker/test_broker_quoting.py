"""Contracts that are quoted in pence or cents: what reaches the ledger is money."""

import asyncio
from decimal import Decimal

import pytest

from possync_tui.broker import quoting
from possync_tui.broker.marks import in_money
from possync_tui.broker.port import MarkChanged, Notice
from possync_tui.broker.rows import PortfolioValue, RowReader
from possync_tui.domain.instruments import PositionKey
from possync_tui.domain.observations import Fill
from tests.broker.conftest import Connect
from tests.broker.scripted import (
    DETAILS,
    EXECUTIONS,
    Client,
    Fields,
    ScriptedTws,
    details,
    error,
    execution,
    executions_end,
    position,
)

SHARE = {"currency": "GBP"}


@pytest.fixture
def silent(tws: ScriptedTws, monkeypatch: pytest.MonkeyPatch) -> ScriptedTws:
    """A TWS that does not answer for contracts, and no patience with it."""
    monkeypatch.setattr(quoting, "_PATIENCE_SECONDS", 0.2)
    tws.answers[DETAILS] = lambda _client, _request: None
    return tws


def future(exec_id: str, price: str, **over: str) -> Fields:
    fields = execution(exec_id, "1", price, con_id=9, sec_type="FUT", multiplier="5000", **over)
    fields[4] = "ZC"
    return fields


@pytest.mark.parametrize("version", [157, 163, 164, 176])
async def test_a_fill_in_pence_becomes_one_in_pounds(
    tws: ScriptedTws, connect: Connect, version: int
) -> None:
    tws.version, tws.magnifiers["7"] = version, 100
    session = await connect()
    tws.send(
        execution("a.01", "10", "947.5", con_id=7, **SHARE),
        execution("a.02", "5", "948", con_id=7, **SHARE),
    )
    await session.until(lambda: len(session.of(Fill)) == 2)
    first, second = session.of(Fill)
    assert (first.price, first.price_text) == (Decimal("9.475"), "947.5")
    assert second.price == Decimal("9.48")
    tws.send(execution("a.03", "5", "950", con_id=7, **SHARE))
    await session.until(lambda: len(session.of(Fill)) == 3)
    assert session.of(Fill)[2].price == Decimal("9.5")
    (asked,) = tws.client.seen(DETAILS)
    assert asked[3] == "7", "once for all of its fills"


async def test_the_answer_for_fills_waits_for_the_unit(tws: ScriptedTws, connect: Connect) -> None:
    """Its end comes before TWS tells what the prices are in."""
    later: list[tuple[Client, Fields]] = []
    tws.answers[DETAILS] = lambda client, request: later.append((client, request))
    tws.fills = [execution("a.01", "10", "201.94"), future("b.01", "450.25")]
    session = await connect()
    asking = asyncio.create_task(session.broker.executions(5))
    await session.until(lambda: later)
    await asyncio.sleep(0.05)
    assert not asking.done()
    client, request = later[0]
    client.send(details(tws.version, request[2], request[3], 100))
    answer = await asking
    assert {fill.exec_id: fill.price for fill in answer.fills} == {
        "a.01": Decimal("201.94"),
        "b.01": Decimal("4.5025"),
    }
    assert session.of(Fill) == []


async def test_what_was_told_once_is_known_in_the_next_session(
    tws: ScriptedTws, connect: Connect
) -> None:
    tws.magnifiers["9"] = 100
    tws.fills = [future("b.01", "450.25")]
    session = await connect()
    await session.broker.executions(5)
    tws.client.drop()
    await session.until(lambda: len(tws.clients) == 2)
    await session.broker.connected(5)
    answer = await session.broker.executions(5)
    assert [fill.price for fill in answer.fills] == [Decimal("4.5025")]
    assert tws.client.seen(DETAILS) == []


async def test_of_whole_units_nothing_is_asked(tws: ScriptedTws, connect: Connect) -> None:
    session = await connect()
    tws.send(execution("a.01"), execution("a.02", currency="EUR"))
    tws.send(execution("a.03", "20000", "1.17", currency="GBP", sec_type="CASH"))
    await session.until(lambda: len(session.of(Fill)) == 3)
    assert tws.client.seen(DETAILS) == []


@pytest.mark.parametrize(
    ("fill", "price", "unit"),
    [
        (future("b.01", "450.25"), "4.5025", "1/100 USD"),
        (execution("a.01", "10", "947.5", con_id=7, currency="GBP"), "947.5", "GBP"),
    ],
)
async def test_a_fill_is_not_lost_for_want_of_an_answer(
    silent: ScriptedTws, connect: Connect, fill: Fields, price: str, unit: str
) -> None:
    session = await connect()
    silent.send(fill)
    await session.until(lambda: session.of(Fill))
    assert session.of(Fill)[0].price == Decimal(price)
    (told,) = session.problems()
    assert "does not tell the unit" in told
    assert told.endswith(f"are taken for {unit}, until TWS or a statement tells it.")
    assert session.of(Fill)[0].exec_id.endswith(".01?")
    silent.send([*fill[:14], "z.01", *fill[15:]])
    await session.until(lambda: len(session.of(Fill)) == 2)
    assert len(silent.client.seen(DETAILS)) == len(session.problems()) == 1


async def test_a_fill_in_doubt_is_told_again_for_certain(
    tws: ScriptedTws, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ranks before the one that TWS reports again, in the unit that is known by then."""
    monkeypatch.setattr(quoting, "_PATIENCE_SECONDS", 0.1)
    later: list[tuple[Client, Fields]] = []
    tws.answers[DETAILS] = lambda client, request: later.append((client, request))
    tws.fills = [execution("0000e0d5.01.01", "10", "947.5", con_id=7, **SHARE)]
    session = await connect()
    (doubted,) = (await session.broker.executions(5)).fills
    assert (doubted.exec_id, doubted.price) == ("0000e0d5.01.01?", Decimal("947.5"))
    client, request = later[0]
    client.send(details(tws.version, request[2], request[3], 100))
    (certain,) = (await session.broker.executions(5)).fills
    assert (certain.exec_id, certain.price) == ("0000e0d5.01.01", Decimal("9.475"))
    assert certain.base_id == doubted.base_id
    assert doubted.rank < certain.rank


async def test_tws_is_asked_again_after_a_while(
    tws: ScriptedTws, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A farm for contracts that was down for a moment must not leave a day's fills in doubt."""
    monkeypatch.setattr(quoting, "_FIRST_PAUSE", 0.2)
    asked: list[Fields] = []

    def answers(client: Client, request: Fields) -> None:
        asked.append(request)
        told = details(tws.version, request[2], request[3], 100)
        client.send(told if len(asked) > 2 else error(200, "No security definition", request[2]))

    tws.answers[DETAILS] = answers
    tws.fills = [execution("0000e0d5.01.01", "10", "947.5", con_id=7, **SHARE)]
    session = await connect()

    async def heard() -> list[str]:
        return [fill.exec_id for fill in (await session.broker.executions(5)).fills]

    for _ in range(3):
        assert await heard() == ["0000e0d5.01.01?"]
    assert len(asked) == 1
    await asyncio.sleep(0.25)
    assert await heard() == ["0000e0d5.01.01?"]
    assert await heard() == ["0000e0d5.01.01?"]
    assert len(asked) == 2
    await asyncio.sleep(0.45)
    assert await heard() == ["0000e0d5.01.01"]


async def test_who_has_little_time_does_not_wait_longer_for_a_unit(
    tws: ScriptedTws, connect: Connect
) -> None:
    """With `POSITION_SYNC_TIMEOUT` of a second, say: each look would cost a session."""
    tws.answers[DETAILS] = lambda _client, _request: None
    tws.fills = [execution("0000e0d5.01.01", "10", "947.5", con_id=7, **SHARE)]
    session = await connect()
    assert len((await session.broker.executions(1)).fills) == 1
    assert len(tws.clients) == 1


async def test_many_are_waited_for_while_answers_come(
    silent: ScriptedTws, connect: Connect
) -> None:
    """Each comes within the patience, all of them together take three times as long."""
    session = await connect()
    silent.send(*(execution(f"a.{n}", "1", "950", con_id=n, currency="GBP") for n in range(1, 11)))
    await session.until(lambda: len(silent.client.seen(DETAILS)) == 10)
    for request in silent.client.seen(DETAILS):
        await asyncio.sleep(0.06)
        silent.send(details(silent.version, request[2], request[3], 100))
    await session.until(lambda: len(session.of(Fill)) == 10)
    assert {fill.price for fill in session.of(Fill)} == {Decimal("9.5")}
    assert session.problems() == []


async def test_an_error_is_an_answer(tws: ScriptedTws, connect: Connect) -> None:
    tws.answers[DETAILS] = lambda client, request: client.send(
        error(200, "No security definition has been found", request[2])
    )
    session = await connect()
    tws.send(future("b.01", "450.25"))
    await session.until(lambda: session.of(Fill))
    assert session.of(Fill)[0].price == Decimal("4.5025")
    (told,) = session.problems()
    assert "200" in told


@pytest.mark.parametrize("nonsense", ["", "0", "-1", "nan", "1.7976931348623157E308"])
async def test_a_magnifier_that_is_none_is_not_believed(
    tws: ScriptedTws, connect: Connect, nonsense: str
) -> None:
    tws.magnifiers["9"] = nonsense
    session = await connect()
    tws.send(future("b.01", "450.25"))
    await session.until(lambda: session.of(Fill))
    assert session.of(Fill)[0].price == Decimal("4.5025")
    assert len(session.problems()) == 1


async def test_a_session_that_ends_hands_on_what_waits(tws: ScriptedTws, connect: Connect) -> None:
    tws.answers[DETAILS] = lambda client, _request: client.drop()
    session = await connect()
    tws.send(future("b.01", "450.25"))
    await session.until(lambda: session.of(Fill))
    assert session.of(Fill)[0].price == Decimal("4.5025")


@pytest.mark.parametrize(
    ("cost", "price", "money"),
    [("9.40", "947.5", "9.475"), ("947.0", "948", "948"), ("2.10", "947.5", "9.475")],
)
async def test_what_was_paid_shows_the_unit_where_tws_does_not_tell_it(
    tws: ScriptedTws, connect: Connect, cost: str, price: str, money: str
) -> None:
    """TWS sends the row before the fill: its cost is in the currency, whatever prices are in."""
    tws.answers[DETAILS] = lambda client, _request: client.drop()
    session = await connect()
    tws.send(
        position("100", cost, con_id=7, **SHARE),
        position("0", "0.0", con_id=7, **SHARE),
        execution("a.01", "10", price, con_id=7, **SHARE),
    )
    await session.until(lambda: session.of(Fill))
    assert session.of(Fill)[0].price == Decimal(money)
    (told,) = (n for n in session.of(Notice) if "does not tell the unit" in n.text)
    assert "as its average cost shows" in told.text
    assert not told.is_problem


async def test_a_price_far_from_what_was_paid_shows_nothing(
    tws: ScriptedTws, connect: Connect
) -> None:
    tws.answers[DETAILS] = lambda client, _request: client.drop()
    session = await connect()
    tws.send(
        position("100", "9.47", con_id=7, **SHARE),
        execution("a.01", "10", "100.0", con_id=7, **SHARE),
    )
    await session.until(lambda: session.of(Fill))
    assert session.of(Fill)[0].price == Decimal(100)
    assert any("connection ended before it answered" in text for text in session.problems())


async def test_a_request_that_fails_loses_no_fill_that_waits(
    tws: ScriptedTws, connect: Connect
) -> None:
    def fails(client: Client, request: Fields) -> None:
        fill = future("b.01", "450.25")
        client.send([fill[0], request[2], *fill[2:]], error(321, "no", request[2]))

    tws.answers[EXECUTIONS] = fails
    tws.magnifiers["9"] = 100
    session = await connect()
    with pytest.raises(Exception, match="321"):
        await session.broker.executions(5)
    await session.until(lambda: session.of(Fill))
    assert session.of(Fill)[0].price == Decimal("4.5025")
    tws.send(executions_end(1))


async def test_a_mark_in_pence_is_money(tws: ScriptedTws, connect: Connect) -> None:
    """Average cost and value are in pounds, the price is not."""
    tws.rows = [position("100", "9.47", symbol="STAN", con_id=7, **SHARE)]
    row = ["7", "8", "7", "STAN", "STK", "", "0.0", "", "", "LSE", "GBP", "STAN", "SET1"]
    tws.answers["6"] = lambda client, _request: client.send(
        [*row, "100", "2222.0", "2222.0", "9.47", "1275.0", "0.0", "DU1"]
    )
    session = await connect()
    await session.broker.snapshot(5)
    await session.broker.watch(frozenset({PositionKey("DU1", 7)}))
    await session.until(lambda: session.of(MarkChanged))
    assert session.of(MarkChanged)[0].mark.price == Decimal("22.22")
    assert session.problems() == []


def test_a_price_that_fits_the_value_is_left_alone() -> None:
    fields = "".join(
        f"{text}\0" for text in position("100", "9.47", symbol="STAN", con_id=7, **SHARE)
    )
    row = RowReader().position(fields.encode())
    key = PositionKey("DU1", 7)
    for price, worth, expected in (
        ("22.22", "2222", "22.22"),
        ("2222", "2222", "22.22"),
        ("22.22", "3100", "22.22"),
        ("0", "0", "0"),
    ):
        value = PortfolioValue(key, Decimal(100), Decimal(price), Decimal(worth), None, None)
        assert in_money(value, row).price == Decimal(expected)
