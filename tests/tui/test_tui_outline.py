"""The first look against the dashboard: drawn into its outline, the book looks as it does there."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pyte
import pytest
from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS
from rich.style import Style
from textual.pilot import Pilot
from textual.strip import Strip

from possync_tui.cli.first_paint import as_sent
from possync_tui.cli.first_rows import DoesNotFit, painted
from possync_tui.domain.connection import Phase
from possync_tui.domain.views import PositionView
from possync_tui.ledger.last_known import LastKnown, Record
from possync_tui.outline import NoOutline, Outline, from_text
from possync_tui.tui.outlining import outline_of
from tests.tui.conftest import Running, dashboard, press
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.hostile import HOSTILE


def record(view: PositionView) -> Record:
    """The row as the ledger holds it."""

    def micros(value: object) -> int | None:
        return None if value is None else int(value * 1_000_000)  # type: ignore[operator]

    def text(value: object) -> str | None:
        return None if value is None else f"{value:f}"

    return (
        view.account, view.symbol, view.description, view.con_id, view.sec_type, view.currency,
        f"{view.quantity:f}", text(view.average_price), text(view.current_price),
        micros(view.market_value), micros(view.unrealized_pnl), micros(view.realized_pnl),
        None if view.marked_at is None else view.marked_at.isoformat(),
    )  # fmt: skip


def book_of(engine: FakeEngine, most: int = -1) -> LastKnown:
    views = engine.reads.position_rows
    rows = [record(view) for view in views][: None if most < 0 else most]
    accounts, currencies = ({v.account for v in views}, {v.currency for v in views})
    synced = engine.stats.last_sync_time
    at = "" if synced is None else synced.isoformat()
    return LastKnown(rows, len(views), len(accounts), len(currencies), at)


def at_rest(engine: FakeEngine) -> None:
    """As every start finds it: nothing is live, and nothing waits for a word."""
    engine.go_offline(Phase.DISCONNECTED)
    engine.live_marks.clear()
    engine.reads.hold_rows.clear()
    rows = engine.reads.position_rows
    rows[:] = [
        replace(view, status="OPEN", missing_since=None, marked_at=NOW - timedelta(seconds=7 * n))
        for n, view in enumerate(rows)
    ]


def cells(data: str, size: tuple[int, int]) -> list[list[tuple[object, ...]]]:
    """Every cell of a terminal that was sent this; the colour of a blank one cannot be seen."""
    screen = pyte.Screen(*size)
    pyte.Stream(screen).feed(data)
    return [
        [
            (c.data, c.bg, c.reverse, *((c.fg, c.bold, c.italics) if c.data.strip() else ()))
            for c in (screen.buffer[y][x] for x in range(size[0]))
        ]
        for y in range(size[1])
    ]


def drawn(pilot: Pilot[None]) -> str:
    """What the dashboard sends for the screen as it is."""
    strips = pilot.app.screen._compositor.render_strips()
    name = pilot.app.console.color_system
    system = COLOR_SYSTEMS[name] if name else ColorSystem.TRUECOLOR
    lines = []
    for y, strip in enumerate(strips, 1):
        # Not as `Strip.render` does it: styles keep the codes of the first terminal of a process.
        looks = [(Strip.render_ansi(s.style or Style(), system), s.text) for s in strip]
        lines.append(f"\x1b[{y};1H" + "".join(f"\x1b[0;{look}m{text}" for look, text in looks))
    return "".join(lines).replace("\x1b[0;m", "\x1b[0m")


def outline(pilot: Pilot[None]) -> Outline:
    """As it comes back from its file."""
    found = outline_of(dashboard(pilot))
    assert found is not None
    return from_text(found.to_text("inputs", "/ledger", False), "inputs")[0]


def differing(
    first: Sequence[Sequence[object]], then: Sequence[Sequence[object]], found: Outline
) -> list[str]:
    """The lines of title and table that are not the same."""
    x, y, width, height = found.table
    lines = {found.title[1]: (found.title[0], found.title[2])}
    lines |= dict.fromkeys(range(y, y + height), (x, width))
    return [
        f"{line}: {first[line][start : start + room]}\n{then[line][start : start + room]}"
        for line, (start, room) in lines.items()
        if first[line][start : start + room] != then[line][start : start + room]
    ]


@pytest.mark.parametrize("size", [(160, 50), (140, 40), (100, 30), (80, 24), (64, 16)])
@pytest.mark.parametrize("theme", ["possync", "possync-day", "ansi-dark"])
async def test_title_and_rows_are_those_of_the_dashboard(
    running: Running, engine: FakeEngine, size: tuple[int, int], theme: str
) -> None:
    at_rest(engine)
    async with running(size, theme=theme) as pilot:
        found = outline(pilot)
        first = as_sent(painted(found, book_of(engine), NOW, masks=False))
        assert not differing(cells(first, size), cells(drawn(pilot), size), found)
        assert "AAPL" in first
        assert "not live" in first


async def test_without_colours(
    running: Running, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    at_rest(engine)
    async with running((140, 40)) as pilot:
        found = outline(pilot)
        first = as_sent(painted(found, book_of(engine), NOW, masks=False))
        assert not differing(cells(first, (140, 40)), cells(drawn(pilot), (140, 40)), found)


async def test_text_from_outside_is_shown_as_there(running: Running, engine: FakeEngine) -> None:
    at_rest(engine)
    rows = engine.reads.position_rows
    rows[:] = [
        replace(view, description=text)
        for view, text in zip(rows, [*HOSTILE, "", "plain"], strict=False)
    ]
    async with running((160, 50)) as pilot:
        found = outline(pilot)
        first = as_sent(painted(found, book_of(engine), NOW, masks=False))
        then = drawn(pilot)
        assert not differing(cells(first, (160, 50)), cells(then, (160, 50)), found)
        for sign in ("\x07", "\x9b", "\x00", "\u202e", "\x1b]", "\x1bP"):
            assert sign not in first


async def test_account_numbers_are_masked(running: Running, engine: FakeEngine) -> None:
    at_rest(engine)
    async with running((160, 50), mask_accounts=True) as pilot:
        found = outline(pilot)
        first = as_sent(painted(found, book_of(engine), NOW, masks=True))
        assert not differing(cells(first, (160, 50)), cells(drawn(pilot), (160, 50)), found)
        assert "DU•••••01" in first
        assert "DU7654301" not in first


@pytest.mark.parametrize("presses", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("turned", [False, True])
async def test_rows_stand_in_the_order_of_choice(
    running: Running, engine: FakeEngine, presses: int, turned: bool
) -> None:
    at_rest(engine)
    async with running((160, 50)) as pilot:
        await press(pilot, *["o"] * presses, *["O"] * turned)
        found = outline(pilot)
        first = cells(as_sent(painted(found, book_of(engine), NOW, masks=False)), (160, 50))
        # But for the cursor, which stays on its row here.
        x, y, _, height = found.table
        names = [[c[0] for c in row[x + 2 : x + 24]] for row in first[y + 1 : y + height]]
        then = cells(drawn(pilot), (160, 50))[y + 1 : y + height]
        assert names == [[c[0] for c in row[x + 2 : x + 24]] for row in then]


async def test_in_groups_there_is_no_outline(running: Running, engine: FakeEngine) -> None:
    at_rest(engine)
    async with running((160, 50)) as pilot:
        await press(pilot, "b")
        assert outline_of(dashboard(pilot)) is None


async def test_what_is_typed_into_a_filter_is_in_no_outline(
    running: Running, engine: FakeEngine
) -> None:
    at_rest(engine)
    async with running((160, 50)) as pilot:
        await press(pilot, "slash", "a", "a", "p", "l")
        assert outline_of(dashboard(pilot)) is None
        await press(pilot, "escape", "escape")
        assert outline_of(dashboard(pilot)) is not None


async def test_nothing_of_the_book_is_in_the_outline(running: Running, engine: FakeEngine) -> None:
    async with running((160, 50), label="TWS") as pilot:
        found = outline_of(dashboard(pilot))
        assert found is not None
        text = found.to_text("", "", False)
        for word in ("AAPL", "DU7654301", "231.47", "1,284", "synced", "127.0.0.1", "USD"):
            assert word not in text
        assert "Sync stats" in text
        assert "Symbol" in text


async def test_what_would_be_cut_is_not_drawn(running: Running, engine: FakeEngine) -> None:
    at_rest(engine)
    async with running((160, 50)) as pilot:
        found = outline(pilot)
        engine.reads.position_rows[0] = replace(
            engine.reads.position_rows[0], quantity=engine.reads.position_rows[0].quantity * 10**9
        )
        with pytest.raises(DoesNotFit):
            painted(found, book_of(engine), NOW, masks=False)


@pytest.mark.parametrize(
    "change",
    [
        # Widths that come from one row: without it, or with it as another, columns stand elsewhere.
        {"quantity": Decimal("1234567.25")},
        {"market_value": Decimal("123456789.5")},
        {"average_price": Decimal("1.2345"), "average_cost": Decimal("1.2345")},
        {"description": "A NAME THAT IS LONGER THAN ALL OTHERS"},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_an_outline_of_other_widths_is_not_used(
    running: Running, engine: FakeEngine, change: dict[str, object]
) -> None:
    """Wider is refused as narrower is: in both, the first frame would have other places."""
    at_rest(engine)
    rows = engine.reads.position_rows
    rows[:] = [
        replace(view, quantity=Decimal(5), average_price=Decimal(20), market_value=Decimal(100))
        for view in rows
        if view.sec_type == "STK"
    ]
    usual = book_of(engine)
    rows[-1] = replace(rows[-1], **change)  # type: ignore[arg-type]
    unusual = book_of(engine)
    async with running((160, 50)) as pilot:
        found = outline(pilot)
        assert painted(found, unusual, NOW, masks=False)
        with pytest.raises(DoesNotFit):
            painted(found, usual, NOW, masks=False)


async def test_another_account_means_other_columns(running: Running, engine: FakeEngine) -> None:
    at_rest(engine)
    async with running((160, 50)) as pilot:
        found = outline(pilot)
        engine.reads.position_rows[:] = engine.reads.position_rows[:3]
        with pytest.raises(DoesNotFit):
            painted(found, book_of(engine), NOW, masks=False)


async def test_a_file_that_was_tampered_with_is_passed_over(
    running: Running, engine: FakeEngine
) -> None:
    at_rest(engine)
    async with running((160, 50)) as pilot:
        found = outline_of(dashboard(pilot))
        assert found is not None
        text = found.to_text("inputs", "/ledger", False)
    assert from_text(text, "inputs")[1] == "/ledger"
    rows = text.splitlines()
    spoiled = {
        "other inputs": text.replace("inputs", "others"),
        "an escape": text.replace("Symbol", "\x1b]52;c;x\x07", 1),
        "half of it": text[: len(text) // 2],
        "no numbers": "\n".join([*rows[:5], "a\tb", *rows[6:], ""]),
        "more than a look": "\n".join([*rows[:6], "plain\t1m;", *rows[7:], ""]),
        "nothing": "",
    }
    for changed in spoiled.values():
        with pytest.raises(NoOutline):
            from_text(changed, "inputs")
