"""What a statement tells of days on which nothing ran, after the user's word on them."""

from decimal import Decimal

import pytest

from possync_tui.domain.observations import Side
from tests.sync.conftest import Rig, ScriptedBroker, Start

from .build import Sheet, trade, transfer
from .conftest import Importer, standing

DAY = 86_400.0


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
