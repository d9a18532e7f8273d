"""What the start does before the first frame: each piece of work once, and only what is needed."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.css import stylesheet
from textual.css.parse import parse
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.widget import Widget

from possync_tui.tui.columns import Column, Measure, Widths
from possync_tui.tui.format import Redaction
from possync_tui.tui.holdings import Holding, holding_columns
from tests.tui import desk_book
from tests.tui.conftest import Running, dashboard
from tests.tui.fake_engine import FakeEngine


@pytest.fixture
def sheets_read(monkeypatch: pytest.MonkeyPatch) -> Counter[object]:
    """How often each style sheet was read."""
    found: Counter[object] = Counter()

    def counting(scope: str, css: str, read_from: object, *args: object, **kinds: object) -> object:
        found[read_from] += 1
        return parse(scope, css, read_from, *args, **kinds)  # type: ignore[arg-type]

    monkeypatch.setattr(stylesheet, "parse", counting)
    return found


@pytest.fixture
def styled(monkeypatch: pytest.MonkeyPatch) -> Counter[DOMNode]:
    """How often each node was given its styles."""
    found: Counter[DOMNode] = Counter()
    apply = Stylesheet.apply

    def counting(sheet: Stylesheet, node: DOMNode, **kinds: object) -> None:
        found[node] += 1
        apply(sheet, node, **kinds)  # type: ignore[arg-type]

    monkeypatch.setattr(Stylesheet, "apply", counting)
    return found


async def test_our_style_sheet_is_read_once(running: Running, sheets_read: Counter[object]) -> None:
    async with running((160, 50)):
        ours = [count for place, count in sheets_read.items() if "possync.tcss" in str(place)]
        assert ours == [1]


async def test_a_part_that_nothing_happens_to_is_styled_once(
    running: Running, styled: Counter[DOMNode]
) -> None:
    async with running((160, 50)) as pilot:
        screen = dashboard(pilot)
        still = (screen.positions, screen.positions.foot, *screen.lower, screen.key_bar)
        assert [styled[part] for part in still] == [1] * len(still)


@pytest.mark.parametrize("size", [(160, 50), (100, 24), (80, 40), (50, 12)])
async def test_all_is_styled_as_it_would_be_now(running: Running, size: tuple[int, int]) -> None:
    """Styled once, on its way in: nothing that comes later would have made it look otherwise."""
    async with running(size) as pilot:
        screen = dashboard(pilot)
        before = list(_rules(screen))
        screen.update_node_styles(animate=False)
        assert list(_rules(screen)) == before


async def test_cells_out_of_sight_are_measured_only_where_they_may_be_the_widest(
    running: Running, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = desk_book.positions()[0]
    engine.reads.position_rows = [
        replace(base, id=n, con_id=n, symbol=f"S{n}", description=f"S{n}", market_value=Decimal(n))
        for n in range(1, 501)
    ]
    asked: Counter[str] = Counter()
    take = Widths._take

    def counting(
        widths: Widths[Any], rows: Sequence[Any], column: Column[Any], measure: Measure
    ) -> bool:
        asked[column.id] += len(column.widest(rows))
        return take(widths, rows, column, measure)

    monkeypatch.setattr(Widths, "_take", counting)
    async with running((160, 50)) as pilot:
        table = dashboard(pilot).positions.table
        assert asked["symbol"] == 500
        assert asked["value"] == asked["unrealized"] == 2
        assert not {column.id for column in table.others} & set(asked)


@given(st.lists(st.none() | st.decimals(-(10**9), 10**9, places=6), max_size=12))
def test_amounts_make_the_room_that_all_of_them_need(amounts: list[Decimal | None]) -> None:
    columns = holding_columns(Redaction(mask_accounts=False))
    column = next(column for column in columns if column.id == "unrealized")
    base = desk_book.positions()[0]
    rows = [Holding(replace(base, unrealized_pnl=amount), None) for amount in amounts]
    some, every = Measure(column.align), Measure(column.align)
    for row in column.widest(rows):
        some.take(column.cell(row))
    for row in rows:
        every.take(column.cell(row))
    assert (some.lead, some.whole, some.part) == (every.lead, every.whole, every.part)


def _rules(root: Widget) -> Iterator[tuple[str, object, Sequence[object]]]:
    for node in root.walk_children(with_self=True):
        parts = [styles.get_rules() for _, styles in sorted(node._component_styles.items())]
        yield str(node), node.styles.base.get_rules(), parts
