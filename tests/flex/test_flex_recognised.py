"""Corporate actions in several statements whose queries have other fields: each is one event.

The action is on Friday, 6 March 2026, 20:25 in New York, and reported on Monday.
"""

from dataclasses import replace
from decimal import Decimal

import pytest

from possync_tui.domain.runs import Trigger
from possync_tui.flex.statement import read_flex
from tests.flex.build import Attributes, Sheet, action, trade, write
from tests.flex.conftest import Importer, standing
from tests.flex.test_flex_corporate import BOUGHT, MERGER, OTHER, sold, told
from tests.flex.test_flex_events import life_of, seeing_nothing
from tests.sync.conftest import ScriptedBroker, Start

SPLIT = action("30", "XYZ(US0000000010) SPLIT 4 FOR 1 (XYZ)", "20260306;202500")
TEN = trade("10", "400", "20260303;100000", "-1")


def queried(row: Attributes, fields: str) -> Attributes:
    """The row as queries tell it that have the action's time, its date, or no more than when it was
    reported; with the id of the action or without."""
    row = row | {"reportDate": "20260309"}
    match fields:
        case "date":
            return row | {"dateTime": "20260306"}
        case "report":
            return {name: text for name, text in row.items() if name != "dateTime"}
        case "no id":
            return row | {"actionID": "", "dateTime": ""}
        case _:
            return row


FIELDS = ("time", "date", "report", "no id")


@pytest.mark.parametrize("first", FIELDS)
async def test_a_split_is_booked_once(
    start: Start, broker: ScriptedBroker, importing: Importer, first: str
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([TEN], actions=[queried(SPLIT, first)]))
    for fields in FIELDS:
        _, plan = await importing(rig, Sheet(actions=[queried(SPLIT, fields)]))
        assert plan.is_empty
    assert (await life_of(rig, 1)).quantity == Decimal(40)


async def test_two_statements_of_one_import_tell_one_split(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    sheets = [Sheet(actions=[queried(SPLIT, fields)]) for fields in FIELDS]
    await importing(rig, Sheet([TEN]), *sheets)
    assert (await life_of(rig, 1)).quantity == Decimal(40)


async def test_a_split_that_was_booked_under_its_day_elsewhere(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    """Ledgers of before name a split by its day in UTC, and know no id of it."""
    rig = await seeing_nothing(start, broker)
    sheet = Sheet([TEN], actions=[SPLIT])
    (statement,) = read_flex(write(importing.folder / "old.xml", sheet))
    old = [replace(item, reference="20260307:4:1", action_id="") for item in statement.adjusted]
    await rig.engine.service.replan(
        Trigger.IMPORT, [*statement.fills, *statement.commissions, *old]
    )
    assert (await life_of(rig, 1)).quantity == Decimal(40)
    _, plan = await importing(rig, sheet)
    assert plan.is_empty
    assert (await life_of(rig, 1)).quantity == Decimal(40)


@pytest.mark.parametrize(
    ("again", "held"),
    [
        # Two splits that IBKR names are two, and so are two in one statement, or weeks apart.
        ([{"actionID": "B", "dateTime": "20260309;202500"}], "160"),
        ([{}, {"actionID": "", "dateTime": "20260309;202500", "type": "FI"}], "160"),
        ([{"actionID": "", "dateTime": "20260320;202500"}], "160"),
        # One that is not named may be the one that is known.
        ([{"actionID": "", "dateTime": "20260309;202500"}], "40"),
    ],
)
async def test_what_is_another_split(
    start: Start,
    broker: ScriptedBroker,
    importing: Importer,
    again: list[Attributes],
    held: str,
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([TEN], actions=[SPLIT]))
    await importing(rig, Sheet(actions=[SPLIT | changed for changed in again]))
    assert (await life_of(rig, 1)).quantity == Decimal(held)


@pytest.mark.parametrize("fields", FIELDS)
async def test_a_merger_is_booked_once(
    start: Start, broker: ScriptedBroker, importing: Importer, fields: str
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([BOUGHT], actions=MERGER))
    rows = [queried(row, fields) for row in MERGER]
    _, plan = await importing(rig, Sheet(actions=rows))
    assert plan.is_empty
    await importing(rig, Sheet([sold("-50", "30", what=OTHER)], actions=rows))
    # 50 x 30 - 1 - 1,001
    assert (await standing(rig))[1:] == [("FILL", Decimal(498), "EXACT")]


@pytest.mark.parametrize(
    ("row", "left"),
    [
        (told("-40", proceeds="480", fifoPnlRealized="79.6", kind="TO"), "60"),
        (told("10", kind="SD", costBasis="-55"), "110"),
        (told("10", kind="SD"), "100"),
    ],
)
@pytest.mark.parametrize("fields", FIELDS)
async def test_units_cashed_or_issued_are_booked_once(
    start: Start,
    broker: ScriptedBroker,
    importing: Importer,
    row: Attributes,
    left: str,
    fields: str,
) -> None:
    rig = await seeing_nothing(start, broker)
    await importing(rig, Sheet([BOUGHT], actions=[row]))
    before = await standing(rig)
    result, plan = await importing(rig, Sheet(actions=[queried(row, fields)]))
    assert plan.is_empty
    assert result.held == (left == "100")
    assert (await life_of(rig, 1)).quantity == Decimal(left)
    assert await standing(rig) == before
