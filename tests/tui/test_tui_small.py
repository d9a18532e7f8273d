"""Where room is short: what matters stays in sight, and stays in its place."""

import re
from decimal import Decimal

import pytest
from textual.content import Content
from textual.pilot import Pilot
from textual.widgets import Button, Static

from possync_tui.domain.views import JournalView
from possync_tui.tui.format import Redaction, money
from possync_tui.tui.journal_text import journal_lines
from possync_tui.tui.position_totals import Total
from possync_tui.tui.widgets.pane import PaneTitle
from tests.tui.conftest import Running, dashboard, press, screen_text
from tests.tui.fake_engine import NOW

SMALL = ((60, 15), (80, 24))


def seen_whole(pilot: Pilot[None], *widgets: Button | Static) -> None:
    """Each is on screen with all of its text."""
    rows = screen_text(pilot).splitlines()
    for widget in widgets:
        region = widget.region
        shown = "\n".join(row[region.x : region.right] for row in rows[region.y : region.bottom])
        for word in str(widget.render()).split():
            assert word in shown, (word, shown)


@pytest.mark.parametrize("size", SMALL)
async def test_all_buttons_of_a_decision_are_in_sight(
    running: Running, size: tuple[int, int]
) -> None:
    async with running(size) as pilot:
        await press(pilot, "v", "j", "A")
        screen = pilot.app.screen
        assert "Accept: MISSING TSLA" in screen_text(pilot)
        buttons = list(screen.query(Button))
        assert [str(button.label).split("  ")[0] for button in buttons] == [
            "Cancel",
            "It is a transfer",
            "Accept",
        ]
        assert str(buttons[-1].label) == "Accept  (enter)"
        seen_whole(pilot, *buttons)


@pytest.mark.parametrize("size", SMALL)
async def test_the_columns_open_at_their_title_with_all_buttons(
    running: Running, size: tuple[int, int]
) -> None:
    async with running(size) as pilot:
        await press(pilot, "c")
        screen = pilot.app.screen
        seen_whole(pilot, *screen.query(Button), *screen.query(".dialog > Static").results(Static))


async def test_zoomed_the_positions_have_more_rows(running: Running) -> None:
    async with running((60, 15)) as pilot:
        table = dashboard(pilot).positions.table
        before = table.size.height
        await press(pilot, "z")
        assert table.size.height > before


async def test_a_column_goes_before_a_symbol_is_cut(running: Running) -> None:
    async with running((140, 40)) as pilot:
        table = dashboard(pilot).positions.table
        text = screen_text(pilot)
        assert "AAPL 15JAN27 250 C " in text
        assert "SPX 19DEC26 5000 P " in text
        assert "Price age" not in table.render_line(0).text


@pytest.mark.parametrize("columns", [120, 140, 160, 200])
async def test_what_a_trader_needs_stays_beside_whole_symbols(
    running: Running, columns: int
) -> None:
    async with running((columns, 40)) as pilot:
        placed = {p.column.id for p in dashboard(pilot).positions.table.placed}
        assert placed >= {"symbol", "quantity", "last", "value", "unrealized", "realized", "day"}
        text = screen_text(pilot)
        assert "AAPL 15JAN27 250 C " in text
        assert "SPX 19DEC26 5000 P " in text


async def test_the_heading_of_a_group_runs_over_empty_cells(running: Running) -> None:
    async with running((60, 15)) as pilot:
        await press(pilot, "b")
        text = screen_text(pilot)
        assert " missing: v " in text
        await press(pilot, "B")
        assert " DU7654301 USD · 11 ?1 !1, 1 FX " in screen_text(pilot)
        assert "▲     32,993.05" in screen_text(pilot)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (140, 40)])
async def test_every_total_is_reached_by_a_key(running: Running, size: tuple[int, int]) -> None:
    async with running(size) as pilot:
        foot = dashboard(pilot).positions.foot
        first = foot.render().plain
        seen = first
        for _ in range(20):
            await press(pilot, "t")
            shown = foot.render().plain
            if shown == first:
                break
            assert shown.splitlines()[-1].rstrip() in screen_text(pilot)
            assert "more: t" in shown or re.search(r"\+\d:t", shown)
            seen += shown
        else:
            pytest.fail("the key does not come round")
        for total in foot.totals:
            for amount in (total.value, total.unrealized, total.day, total.realized_today):
                assert money(amount) in seen


async def test_where_all_totals_are_in_sight_the_key_says_so(running: Running) -> None:
    async with running((200, 60)) as pilot:
        await press(pilot, "t")
        assert "All totals are in sight." in screen_text(pilot)


async def test_the_facts_of_a_life_hang_beside_their_labels(running: Running) -> None:
    async with running((60, 15)) as pilot:
        await press(pilot, "slash", *"tsla", "enter", "enter")
        rows = screen_text(pilot).splitlines()[2:6]
        assert rows[0].startswith("   status    MISSING since")
        assert rows[1].startswith(" " * 13 + "broker does not list it — v to review ")
        assert rows[2].startswith("   holds ")


async def test_totals_keep_their_form_while_their_digits_change(running: Running) -> None:
    async with running((80, 24)) as pilot:
        foot = dashboard(pilot).positions.foot

        def form(amount: str) -> list[str]:
            value = Decimal(amount)
            total = Total("USD", 3, value, value, value, Decimal(0), 0)
            foot.show((total,), is_live=True)
            return [word for word in foot.render().plain.split() if word.isalpha()]

        first = form("9.99")
        assert first == ["USD", "value", "unrealized", "day", "realized", "today"]
        assert form("10") == first
        wide = form("12345678")
        assert wide == ["USD", "val", "unr", "day", "rlz"]
        assert form("9.99") == form("12345678") == form("1") == wide
        # Another size begins anew.
        await pilot.resize_terminal(200, 60)
        assert form("9.99") == first


@pytest.mark.parametrize("room", [40, 50, 66, 120])
@pytest.mark.parametrize("text", ["300", "300 → 500, of which a part was held before the first"])
def test_a_line_of_the_journal_is_wrapped_to_its_room(room: int, text: str) -> None:
    evidence = "fill 0000e0d5.66e1aa10.01.01: BOT 300 @ 189.10, seen by all of them"
    line = JournalView(1, NOW, 7, "DU7654301", 265598, "updated", text=text, evidence=evidence)
    (told,) = journal_lines(Redaction(mask_accounts=False), [line], room)
    rows = told.plain.splitlines()
    assert max(map(len, rows)) <= room
    # Rows that follow begin under each other, and nothing is lost.
    assert len({len(row) - len(row.lstrip()) for row in rows[1:]}) <= 1
    assert "".join(f"{text}{evidence}".split()) in "".join(told.plain.split())


async def test_a_subtitle_loses_whole_parts(running: Running) -> None:
    async with running((80, 24)) as pilot:
        title = PaneTitle("What a sync would change")
        await pilot.app.screen.mount(title)
        title.subtitle = Content(
            "0 changes · nothing written · dry run 06:42:11 · 9 positions seen"
        )
        await pilot.pause()
        shown = title.render().plain
        assert "0 changes · nothing written · dry run 06:42:11 … " in shown
        title.subtitle = Content("0 changes in words that no title has room for in a terminal")
        assert "0 changes in words" in title.render().plain
        assert "…" in title.render().plain
