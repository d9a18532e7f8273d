"""What clients hear without asking, and who of them."""

from decimal import Decimal

from possync_tui.demo import DemoGateway, Desk, GatewayOptions, ManualClock, Probe


async def _watching(gateway: DemoGateway, client_id: int) -> Probe:
    """A client that has subscribed to positions and to account DU1000001."""
    probe = await Probe.connect(gateway.port, client_id=client_id)
    probe.send(61, 1)
    await probe.until(62)
    probe.send(6, 2, 1, "DU1000001")
    await probe.until(54)
    return probe


def _ids(messages: list[list[str]]) -> list[str]:
    return [fields[0] for fields in messages]


async def test_a_trade_is_told_in_tws_s_order_to_the_master_client(
    desk: Desk, clock: ManualClock
) -> None:
    gateway = DemoGateway(desk, options=GatewayOptions(master_client_id=7))
    await gateway.start()
    master, other = await _watching(gateway, 7), await _watching(gateway, 8)
    fill = desk.trade("DU1000001", 265598, "SELL", 10, 12, 1, commission_delay=0.5)
    assert _ids(await master.until(11)) == ["61", "11"]
    assert await master.silent()
    await clock.advance(0.5)
    commission, *rest = await master.until(8)
    assert commission[2:6] == [fill.exec_id, "1.0", "USD", "18.9"]
    assert _ids(rest) == ["7", "8"]
    # everybody else learns it from the rows alone, and has to ask for the fill
    assert _ids(await other.until(8)) == ["61", "7", "8"]
    other.send(7, 3, 1, 0, "", "", "", "", "", "")
    assert _ids(await other.until(55)) == ["11", "59", "55"]
    await gateway.stop()


async def test_a_commission_that_is_not_out_yet_is_not_in_the_answer(
    gateway: DemoGateway, desk: Desk, clock: ManualClock
) -> None:
    probe = await Probe.connect(gateway.port)
    desk.trade("DU1000001", 265598, "SELL", 10, 12, 1, commission_delay=5)
    desk.trade("DU1000001", 265598, "SELL", 10, 12, 1, with_report=False)
    await probe.until(9)
    for answer in (["11", "11", "55"], ["11", "59", "11", "55"]):
        probe.send(7, 3, 1, 0, "", "", "", "", "", "")
        found = [fields for fields in await probe.until(55) if fields[0] != "4"]
        assert _ids(found) == answer
        await clock.advance(5)


async def test_a_fill_goes_to_the_client_that_owns_its_order(
    gateway: DemoGateway, desk: Desk
) -> None:
    owner = await _watching(gateway, 5)
    desk.trade("DU1000002", 14204, "BUY", 1, 330, client_id=5, order_id=41)
    row, fill, commission = await owner.until(59)
    assert (row[0], fill[0], fill[1], fill[2]) == ("61", "11", "-1", "41")
    assert commission[2] == fill[14]


async def test_client_zero_hears_of_manual_orders_once_it_binds_them(
    gateway: DemoGateway, desk: Desk
) -> None:
    zero = await _watching(gateway, 0)
    desk.trade("DU1000002", 14204, "BUY", 1, 330)
    assert (await zero.fields())[0] == "61"
    assert await zero.silent()
    zero.send(15, 1, 1)
    zero.send(49, 1)
    await zero.until(49)
    desk.trade("DU1000002", 14204, "BUY", 1, 330)
    assert _ids(await zero.until(59)) == ["61", "11", "59"]


async def test_a_missed_push_and_a_vanished_row_are_silent(
    gateway: DemoGateway, desk: Desk
) -> None:
    probe = await _watching(gateway, 1)
    desk.trade("DU1000001", 265598, "SELL", 10, push=False)
    desk.vanish("DU1000001", 700002)
    assert await probe.silent()
    probe.send(61, 1)
    rows = {fields[3]: fields[-2] for fields in await probe.until(62) if fields[0] == "61"}
    assert rows["265598"] == "90"
    assert "700002" not in rows


async def test_nothing_is_pushed_after_positions_are_cancelled(
    gateway: DemoGateway, desk: Desk
) -> None:
    probe = await Probe.connect(gateway.port)
    probe.send(61, 1)
    await probe.until(62)
    probe.send(64, 1)
    probe.send(49, 1)
    await probe.until(49)
    desk.close("DU1000001", 265598)
    assert await probe.silent()


async def test_pnl_follows_the_marks_once_a_second(
    gateway: DemoGateway, desk: Desk, clock: ManualClock
) -> None:
    probe = await Probe.connect(gateway.port)
    probe.send(94, 3, "DU1000001", "", 265598)
    await probe.until(95)
    desk.set_mark(265598, 13)
    desk.set_mark(265598, 14)
    assert await probe.silent()
    await clock.advance(1.0)
    assert (await probe.fields())[-1] == "1400.0"
    await clock.advance(1.0)
    assert await probe.silent()  # nothing moved
    probe.send(95, 3)
    probe.send(49, 1)
    await probe.until(49)
    desk.set_mark(265598, 15)
    await clock.advance(1.0)
    assert await probe.silent()


async def test_account_updates_come_again_every_three_minutes_for_one_account(
    gateway: DemoGateway, clock: ManualClock
) -> None:
    probe = await _watching(gateway, 1)
    probe.send(6, 2, 1, "DU1000002")
    await probe.until(54)
    await clock.advance(180)
    again = await probe.until(8)
    assert {fields[-1] for fields in again if fields[0] in {"6", "7"}} == {"DU1000002"}
    probe.send(6, 2, 0, "DU1000002")
    assert (await probe.until(4))[-1][3] == "2100"
    await clock.advance(180)
    assert await probe.silent()


async def test_a_closed_position_leaves_a_portfolio_row_with_the_day_s_realized(
    gateway: DemoGateway, desk: Desk
) -> None:
    probe = await _watching(gateway, 1)
    desk.close("DU1000001", 265598, 12, 1)
    portfolio = (await probe.until(7))[-1]
    assert portfolio[13] == "0"
    assert portfolio[18] == "198.00"


async def test_a_second_client_with_the_same_id_is_told_326_and_closed(
    gateway: DemoGateway,
) -> None:
    first = await Probe.connect(gateway.port, client_id=3)
    await first.until(9)
    second = await Probe.connect(gateway.port, client_id=3)
    assert (await second.fields())[:4] == ["4", "2", "-1", "326"]
    assert await second.ended()
    assert gateway.clients == (3,)
    await first.close()


async def test_an_id_is_free_again_after_its_client_has_gone(gateway: DemoGateway) -> None:
    for _ in range(2):
        probe = await Probe.connect(gateway.port, client_id=3)
        assert (await probe.fields())[0] == "15"
        await gateway.drop_clients()
        assert gateway.clients == ()
        assert await probe.ended()


async def test_a_split_pushes_rows_without_a_fill(gateway: DemoGateway, desk: Desk) -> None:
    probe = await _watching(gateway, 1)
    desk.split(265598, 4)
    row = await probe.fields()
    assert row[-2:] == ["400", "2.5025"]
    assert desk.mark(265598) == Decimal(3)
    assert desk.executions == ()


async def test_a_correction_is_told_as_another_fill_of_the_same_id(
    gateway: DemoGateway, desk: Desk
) -> None:
    fill = desk.trade("DU1000001", 265598, "SELL", 10, 12, 1)
    desk.correct(fill.exec_id, "11.9")
    probe = await Probe.connect(gateway.port, client_id=9)
    probe.send(7, 3, 1, 0, "", "", "", "", "", "")
    told = [(f[14], f[20]) for f in await probe.until(55) if f[0] == "11"]
    assert told == [(fill.exec_id, "12"), (fill.exec_id[:-1] + "2", "11.9")]
