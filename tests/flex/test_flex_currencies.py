"""Fees and taxes in another currency than the contract's are never added to its amounts."""

from decimal import Decimal

from tests.sync.conftest import ScriptedBroker, Start

from .build import STOCK, Sheet, booking, put, trade
from .conftest import Importer, standing
from .test_flex_events import SOLD_PUT, seeing_nothing


async def test_a_delivery_fee_in_yen_is_left_out_and_not_called_exact(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    fee = {"ibCommission": "-300", "ibCommissionCurrency": "JPY"}
    await importing(
        rig,
        Sheet(
            [
                SOLD_PUT,
                booking("1", "A", "20260306", what=put(), cost="199.35"),
                booking("100", "A", "20260306", what=STOCK, price="50", cost="5000", **fee),
                trade("-100", "49", "20260309;100000", "-1"),
            ]
        ),
    )
    # 4,900 - 1 - (5,000 - 199.35)
    assert ("FILL", Decimal("98.35"), "EXACT") not in await standing(rig)
    assert Decimal("98.35") in [amount for _, amount, _ in await standing(rig)]


async def test_a_stamp_duty_alone_is_in_the_currency_of_the_share(
    start: Start, broker: ScriptedBroker, importing: Importer
) -> None:
    rig = await seeing_nothing(start, broker)
    share = {**STOCK, "currency": "GBP"}
    other = {"ibCommissionCurrency": "USD"}
    bought = trade("100", "10", "20260303;100000", "0", what=share, taxes="-5") | other
    sold = trade("-100", "11", "20260304;100000", "0", what=share) | other
    await importing(rig, Sheet([bought, sold]))
    assert await standing(rig) == [("FILL", Decimal(95), "EXACT")]
