"""What a statement tells of days on which nothing ran, after a guess or the user's word on them."""

from decimal import Decimal

import pytest

from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Side
from tests.sync.conftest import Rig, ScriptedBroker, Start

from .build import STOCK, Sheet, booking, put, trade, transfer
from .conftest import Importer, standing

DAY = 86_400.0
PUT = Instrument(5, "XYZ", "OPT", "USD", "20260306", "50", "P", "100")


async def two_weeks_later(rig: Rig) -> None:
    rig.broker.fills.clear()
    rig.broker.commissions.clear()
    await rig.clock.advance(14 * DAY)


async def shown(rig: Rig) -> dict[int, tuple[Decimal, str]]:
    return {v.con_id: (v.quantity, v.status) for v in await rig.engine.reads.positions()}


@pytest.mark.parametrize(
    ("sheet", "expected"),
    [
        (
            Sheet([trade("-100", "12", "20260303;100000", "-1")]),
            ("FILL", Decimal(198), "EXACT"),
        ),
        (Sheet(transfers=[transfer("-100", "20260303")]), ("TRANSFERRED", None, "ESTIMATED")),
    ],
    ids=["sold", "moved"],
)
async def test_a_transfer_by_the_users_word_gives_way(
    start: Start,
    broker: ScriptedBroker,
    importing: Importer,
    sheet: Sheet,
    expected: tuple[str, Decimal | None, str],
) -> None:
    for con_id in (2, 3, 4):
        broker.hold(con_id, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    broker.trade(1, Side.BOUGHT, "100", "10", "1")
    broker.hold(1, "100", "10.01")
    await rig.engine.sync_now()
    await two_weeks_later(rig)
    broker.drop(1)
    await rig.engine.sync_now()
    (hold,) = await rig.engine.reads.holds()
    await rig.engine.decide(hold.id, accept=True, note="moved", is_transfer=True)
    await rig.engine.sync_now()
    assert await standing(rig) == [("TRANSFERRED", None, "MANUAL")]

    await importing(rig, sheet)
    await rig.clock.advance(90)
    result = await rig.engine.sync_now()
    assert await standing(rig) == [expected]
    assert 1 not in await shown(rig)
    assert (result.missing, result.held) == (0, 0)
    assert (await rig.engine.reads.verify()).ok


@pytest.mark.parametrize("is_marked", [True, False])
async def test_an_assignment_while_nothing_ran_counts_once(
    start: Start, broker: ScriptedBroker, importing: Importer, *, is_marked: bool
) -> None:
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade_in(PUT, Side.SOLD, "1", "2.00", "0.65")
    broker.hold(5, "-1", "199.35", what=PUT)
    await rig.engine.sync_now()
    await two_weeks_later(rig)
    broker.drop(5)
    broker.hold(1, "100", "48.0065", what=Instrument(1, "XYZ", "STK", "USD"))
    if is_marked:
        broker.mark(1, "44")
    await rig.engine.sync_now()
    assert await standing(rig) == [("ASSIGNED", Decimal(0), "EXACT")]

    opened = trade(
        "-1", "2", "20260302;093000", "-0.65", what=put(), exec_id=fill.exec_id,
        openCloseIndicator="O",
    )  # fmt: skip
    ended = booking("1", "A", "20260306", what=put(), cost="199.35")
    delivered = booking("100", "A", "20260306", what=STOCK, price="50", cost="5000")
    await importing(rig, Sheet([opened, ended, delivered]))
    await rig.engine.sync_now()
    assert await standing(rig) == [("ASSIGNED", Decimal(0), "EXACT")]
    assert await shown(rig) == {9: (Decimal(5), "OPEN"), 1: (Decimal(100), "OPEN")}
    assert (await rig.engine.reads.verify()).ok


async def test_a_part_that_was_paired_counts_once(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    broker.hold(9, "5", "7")
    rig = await start()
    await rig.engine.sync_now()
    fill = broker.trade_in(PUT, Side.SOLD, "3", "2.00", "0")
    broker.hold(5, "-3", "200", what=PUT)
    await rig.engine.sync_now()
    await rig.clock.advance(DAY)
    broker.hold(5, "-2", "200", what=PUT)
    broker.hold(1, "100", "48", what=Instrument(1, "XYZ", "STK", "USD"))
    await rig.engine.sync_now()
    assert await standing(rig) == [("ASSIGNED", Decimal(0), "EXACT")]

    opened = trade(
        "-3", "2", "20260302;093000", "0", what=put(), exec_id=fill.exec_id,
        openCloseIndicator="O",
    )  # fmt: skip
    ended = booking("1", "A", "20260302", what=put(), cost="200")
    delivered = booking("100", "A", "20260302", what=STOCK, price="50", cost="5000")
    await importing(rig, Sheet([opened, ended, delivered]))
    await rig.engine.sync_now()
    assert await standing(rig) == [("ASSIGNED", Decimal(0), "EXACT")]
    assert await shown(rig) == {
        9: (Decimal(5), "OPEN"),
        5: (Decimal(-2), "OPEN"),
        1: (Decimal(100), "OPEN"),
    }
    assert (await rig.engine.reads.verify()).ok
