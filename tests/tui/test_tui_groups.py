"""Positions in groups, the columns of the user's choice, the filter, and what explains a row."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from textual.strip import Strip

from possync_tui.sync.events import LedgerChanged
from possync_tui.tui.holdings import Holding
from possync_tui.tui.position_filter import matches
from possync_tui.tui.position_groups import Grouping, Subtotal, heading_text
from possync_tui.tui.screens.columns_dialog import ColumnsDialog
from possync_tui.tui.widgets.line_writer import LineWriter
from possync_tui.tui.widgets.positions_table import PositionsTable
from tests.tui import desk_book
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle
from tests.tui.desk_book import CODES
from tests.tui.fake_engine import NOW, FakeEngine, FixedClock
from tests.tui.test_tui_positions import AAPL, IBM, NVDA


async def grouped_by(pilot: object, table: PositionsTable, by: Grouping) -> None:
    while table.grouping is not by:
        await press(pilot, "b")  # type: ignore[arg-type]


@pytest.mark.parametrize("by", list(Grouping))
async def test_each_group_has_its_own_sum_and_one_currency(running: Running, by: Grouping) -> None:
    async with running((140, 60)) as pilot:
        table = dashboard(pilot).positions.table
        await grouped_by(pilot, table, by)
        group: Subtotal | None = None
        members: dict[Subtotal, list[Holding]] = {}
        for line in table.rows:
            if isinstance(line, Subtotal):
                group = line
                members[group] = []
            else:
                assert group is not None
                members[group].append(line)
        assert sum(map(len, members.values())) == 26
        assert len({heading.key for heading in members}) == len(members)
        for heading, rows in members.items():
            assert heading.positions == len(rows) > 0
            assert {row.view.currency for row in rows} == {heading.key.currency}
            worth = [row.value for row in rows if row.view.sec_type != "CASH" and row.value]
            assert heading.total.value == (sum(worth) if worth else None)
            cash = sum(1 for row in rows if row.view.sec_type == "CASH")
            said = heading_text(heading, app_of(pilot).desk.shown)
            assert (f", {cash} FX" in said) is (cash > 0)
            known = [row.view.realized_pnl for row in rows if row.view.sec_type != "CASH"]
            told = [amount for amount in known if amount is not None]
            assert heading.realized == (sum(told) if told else None)
            if by is Grouping.ACCOUNT:
                assert {row.view.account for row in rows} == {heading.key.label}
            if by is Grouping.TYPE:
                assert {row.view.sec_type for row in rows} == {heading.key.label}
        assert f"in groups by {by.value}" in screen_text(pilot)
        await press(pilot, "b", "b", "b")
        assert table.grouping is not by


async def test_the_cursor_keeps_its_position_and_groups_are_sorted_inside(
    running: Running,
) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        await press(pilot, "j", "j")
        assert table.cursor_key == NVDA
        await grouped_by(pilot, table, Grouping.TYPE)
        assert table.cursor_key == NVDA
        heading = table.render_line(0).text
        await pilot.click(PositionsTable, offset=(heading.index("Unrealized") + 3, 0))
        await settle(pilot)
        assert table.cursor_key == NVDA
        for line, after in zip(table.rows, table.rows[1:], strict=False):
            if isinstance(line, Holding) and isinstance(after, Holding):
                assert (
                    after.unrealized is None
                    or line.unrealized is None
                    or (line.unrealized >= after.unrealized)
                )
        assert isinstance(table.rows[0], Subtotal)


async def test_a_tick_in_a_group_draws_its_row_and_its_heading_at_once(
    running: Running, engine: FakeEngine
) -> None:
    async with running((140, 60)) as pilot:
        table = dashboard(pilot).positions.table
        await grouped_by(pilot, table, Grouping.ACCOUNT)
        heading = next(line for line in table.rows if isinstance(line, Subtotal))
        drawn = table.rows_drawn
        engine.move(AAPL, "232.47", "15331.00")
        await settle(pilot)
        assert table.rows_drawn == drawn + 2
        after = table.row_for(heading.key)
        assert isinstance(after, Subtotal)
        assert after.total.unrealized is not None
        assert heading.total.unrealized is not None
        moved = Decimal("15331.00") - Decimal("14932.00")
        assert after.total.unrealized - heading.total.unrealized == moved


async def test_a_heading_is_painted_with_the_rows_that_it_sums(
    running: Running, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write to the terminal has the row and its subtotal, from the same value."""
    async with running((140, 60)) as pilot:
        table = dashboard(pilot).positions.table
        await grouped_by(pilot, table, Grouping.ACCOUNT)
        # A flash that ends draws its row once more, by itself.
        await press(pilot, "f")
        group = next(line for line in table.rows if isinstance(line, Subtotal)).key
        places = {1 + index for index, line in enumerate(table.rows) if line.key in (AAPL, group)}
        painted: list[set[int]] = []
        write = LineWriter.write

        def watched(writer: LineWriter, strips: Mapping[int, Strip]) -> None:
            painted.append({*strips})
            if places <= strips.keys():
                row, heading = table.row_for(AAPL), table.row_for(group)
                assert isinstance(row, Holding)
                assert isinstance(heading, Subtotal)
                others = [line for line in table.holdings if line.view.account == CODES[0]]
                known = [line.unrealized for line in others if line.view.sec_type != "CASH"]
                assert heading.total.unrealized == sum(gain for gain in known if gain is not None)
            write(writer, strips)

        monkeypatch.setattr(LineWriter, "write", watched)
        for price, gain in (("232.47", "15331"), ("233", "15543"), ("229.5", "14144.2")):
            engine.move(AAPL, price, gain)
            await settle(pilot)
        assert len(painted) >= 3
        assert all(places <= lines for lines in painted)


async def test_enter_on_a_heading_opens_nothing(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "b", "g", "enter")
        assert isinstance(dashboard(pilot).positions.table.cursor_row, Subtotal)
        assert pilot.app.screen is dashboard(pilot)


@pytest.mark.parametrize(
    ("sec_type", "word"),
    [("FOP", "option"), ("FUND", "funds"), ("IND", "index"), ("WAR", "warrant"), ("IOPT", "war"),
     ("CFD", "cfds"), ("CMDTY", "commodity"), ("BILL", "bill"), ("CRYPTO", "cryptos")],
)  # fmt: skip
def test_a_type_is_found_by_what_it_is_called(sec_type: str, word: str) -> None:
    view = replace(desk_book.positions()[0], sec_type=sec_type)
    assert matches(Holding(view, None), word)
    assert not matches(Holding(replace(view, sec_type="STK"), None), word)


async def test_columns_are_chosen_in_a_dialog(running: Running) -> None:
    async with running((200, 60)) as pilot:
        table = dashboard(pilot).positions.table
        assert "Contract" not in table.render_line(0).text
        await press(pilot, "c")
        assert isinstance(pilot.app.screen, ColumnsDialog)
        text = screen_text(pilot)
        assert "✓ Type" in text
        assert "· Contract" in text
        await press(pilot, "end", "space", "k", "k", "k", "space", "home", "j", "space", "enter")
        heading = table.render_line(0).text
        assert len(pilot.app.screen_stack) == 1
        assert "Contract" in heading
        assert "Unreal. %" in heading
        assert "Type" not in heading
        assert "265598" in screen_text(pilot)
        assert "19.23 %" in screen_text(pilot)
        await press(pilot, "c", "escape")
        assert "Contract" in table.render_line(0).text
        await press(pilot, "c", "u")
        assert "Contract" not in table.render_line(0).text
        assert "Type" in table.render_line(0).text


async def test_the_dialog_works_by_mouse(running: Running) -> None:
    async with running((140, 60)) as pilot:
        await press(pilot, "c")
        await pilot.click("ColumnList", offset=(4, 1))
        await pilot.click("#yes")
        await settle(pilot)
        assert "Type" not in dashboard(pilot).positions.table.render_line(0).text


async def test_a_held_position_is_flagged_and_explained(
    running: Running, engine: FakeEngine
) -> None:
    missing, other = engine.reads.hold_rows[1], engine.reads.hold_rows[0]
    engine.reads.hold_rows = [
        missing,
        replace(other, con_id=IBM.con_id, kind="STATEMENT_GAP", message="12 units lack a fill."),
    ]
    async with running((80, 24)) as pilot:
        text = screen_text(pilot)
        assert "⚑ IBM" in text
        assert "⚑ 2 held" in text
        assert "Missing: TSLA. Held: IBM. v decides" in text
        await press(pilot, "j", "j", "j")
        text = " ".join(screen_text(pilot).split())
        assert "TSLA is missing since Mon 13:30: TWS does not list it" in text
        assert "m lets syncs close it" in text
        await press(pilot, "j")
        assert "IBM is held: 12 units lack a fill. v decides." in screen_text(pilot)


@pytest.mark.parametrize("status", ["held", "kept"])
async def test_a_bulk_disappearance_flags_and_explains_each_of_its_rows(
    running: Running, engine: FakeEngine, status: str
) -> None:
    ibm = next(row for row in engine.reads.position_rows if row.con_id == IBM.con_id)
    gone = replace(ibm, status="MISSING", missing_since=NOW)
    engine.reads.position_rows[engine.reads.position_rows.index(ibm)] = gone
    tsla = next(row for row in engine.reads.position_rows if row.symbol == "TSLA")
    bulk = replace(
        engine.reads.hold_rows[1],
        kind="BULK_MISSING",
        status=status,
        con_id=None,
        symbol="",
        con_ids=(tsla.con_id, ibm.con_id),
    )
    engine.reads.hold_rows = [bulk]
    async with running((140, 40)) as pilot:
        await press(pilot, "slash", *"missing", "enter", "g")
        table = dashboard(pilot).positions.table
        assert {row.view.con_id for row in table.holdings} == set(bulk.con_ids)
        text = " ".join(screen_text(pilot).split())
        assert "! TSLA" in text
        assert "! IBM" in text
        if status == "kept":
            assert "You kept it so; v decides anew" in text
            assert "kept by your word" in text
            return
        assert "It vanished together with 1 other, so no sync closes it: v decides on" in text
        assert "lets syncs close it" not in text
        await press(pilot, "v")
        text = " ".join(screen_text(pilot).split())
        assert "2 positions" in text
        assert "positions TSLA, IBM" in text or "positions IBM, TSLA" in text
        await press(pilot, "enter")
        assert pilot.app.screen is dashboard(pilot)
        assert "missing" in screen_text(pilot)
        assert len(table.holdings) == 2


async def test_a_bulk_disappearance_tells_of_what_is_still_gone(
    running: Running, engine: FakeEngine
) -> None:
    tsla = next(row for row in engine.reads.position_rows if row.symbol == "TSLA")
    bulk = replace(
        engine.reads.hold_rows[1],
        kind="BULK_MISSING",
        con_id=None,
        symbol="",
        message="2 positions are gone at once.",
        con_ids=(tsla.con_id, IBM.con_id),
    )
    engine.reads.hold_rows = [bulk]
    async with running((140, 40)) as pilot:
        text = screen_text(pilot)
        assert "Missing: TSLA." in text
        assert "⚑ IBM" not in text
        assert "Held: IBM" not in text
        await press(pilot, "v")
        text = " ".join(screen_text(pilot).split())
        assert "1 of 2 positions" in text
        assert "2 positions were gone at once; 1 still is: TSLA." in text
        assert "Accept books that one as closed." in text
        assert "are gone at once" not in text
        await press(pilot, "A")
        assert "2 positions were gone at once; 1 still is: TSLA." in screen_text(pilot)


async def test_both_rows_of_what_may_be_one_holding_are_flagged(
    running: Running, engine: FakeEngine
) -> None:
    same = replace(
        engine.reads.hold_rows[1],
        kind="SAME_HOLDING",
        con_id=IBM.con_id,
        message="It may be one holding.",
        con_ids=(IBM.con_id, AAPL.con_id),
    )
    engine.reads.hold_rows = [same]
    async with running((140, 40)) as pilot:
        text = screen_text(pilot)
        assert "⚑ IBM" in text
        assert "⚑ AAPL" in text
        assert "AAPL is held: It may be one holding. v decides." in text


async def test_where_all_is_well_no_line_is_spent_on_explaining(
    running: Running, engine: FakeEngine
) -> None:
    engine.reads.position_rows = engine.reads.position_rows[:3]
    engine.reads.hold_rows = []
    async with running() as pilot:
        assert not dashboard(pilot).positions.why.display
        engine.reads.position_rows = desk_book.positions()
        engine.bus.emit(LedgerChanged())
        await settle(pilot)
        assert dashboard(pilot).positions.why.display


async def test_old_and_late_prices_are_marked_by_sign(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    mark = engine.live_marks[AAPL]
    engine.live_marks = {AAPL: replace(mark, source="pnl_single"), NVDA: engine.live_marks[NVDA]}
    async with running((80, 24)) as pilot:

        def flag(name: str) -> str:
            lines = [row for row in screen_text(pilot).splitlines() if f" {name} " in row]
            return lines[0].partition(name)[0].strip(" ▸")

        assert (flag("AAPL"), flag("NVDA")) == ("", "◔")
        clock.move(90)
        dashboard(pilot).tick()
        await settle(pilot)
        assert (flag("AAPL"), flag("NVDA")) == ("○", "○")


FILTERS = (
    ("pnl<-500", lambda h: h.unrealized is not None and h.unrealized < -500),
    ("value>=92588", lambda h: h.value is not None and h.value >= 92588),
    ("qty<0 usd", lambda h: h.view.quantity < 0 and h.view.currency == "USD"),
    ("held", lambda h: h.held is not None),
    ("stale", lambda h: h.is_stale),
    ("pnl<x", lambda h: False),
    ("option", lambda h: h.view.sec_type == "OPT"),
    ("Stocks usd", lambda h: h.view.sec_type == "STK" and h.view.currency == "USD"),
    ("future", lambda h: h.view.sec_type == "FUT"),
    ("forex", lambda h: h.view.sec_type == "CASH"),
    ("fx", lambda h: h.view.sec_type == "CASH"),
    ("bonds", lambda h: h.view.sec_type == "BOND"),
    ("crypto short", lambda h: False),
    ("opti long", lambda h: h.view.sec_type == "OPT" and h.view.quantity > 0),
)


@pytest.mark.parametrize(("words", "expected"), FILTERS, ids=[words for words, _ in FILTERS])
def test_bounds_and_states_filter(words: str, expected: object) -> None:
    assert callable(expected)
    rows = [
        Holding(view, None, "a message" if view.symbol == "IBM" else None, is_stale=index % 2 == 0)
        for index, view in enumerate(desk_book.positions())
    ]
    assert [h.key for h in rows if matches(h, words)] == [h.key for h in rows if expected(h)]


async def test_a_change_lights_up_for_a_moment_and_costs_its_row(
    running: Running, engine: FakeEngine, clock: FixedClock
) -> None:
    async with running((200, 60)) as pilot:
        pane = dashboard(pilot).positions
        table = pane.table
        drawn = table.rows_drawn
        engine.move(AAPL, "231.99", "15140.00")
        await settle(pilot)
        flash = table.get_component_rich_style("line-table--flash").bgcolor
        lit = [s.text for s in table.render_line(1) if s.style and s.style.bgcolor == flash]
        assert [text.strip() for text in lit] == ["231.99"]
        assert table.rows_drawn == drawn + 1
        clock.move(1)
        pane._end_flashes()
        await settle(pilot)
        assert not [s for s in table.render_line(1) if s.style and s.style.bgcolor == flash]
        assert table.rows_drawn == drawn + 2
        await press(pilot, "f")
        engine.move(AAPL, "232.99", "15540.00")
        await settle(pilot)
        assert not table.is_flashing
        await press(pilot, "f")
        view = engine.reads.position_rows[0]
        engine.reads.position_rows[0] = replace(view, quantity=Decimal(410))
        engine.bus.emit(LedgerChanged())
        await settle(pilot)
        lit = [s.text for s in table.render_line(1) if s.style and s.style.bgcolor == flash]
        assert [text.strip() for text in lit] == ["410"]


async def test_the_first_reading_and_another_account_do_not_flash(running: Running) -> None:
    async with running() as pilot:
        table = dashboard(pilot).positions.table
        assert not table.is_flashing
        await press(pilot, "a", "a")
        assert {row.view.account for row in table.holdings} == {CODES[1]}
        assert not table.is_flashing
