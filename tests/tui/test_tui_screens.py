"""What opens over the dashboard: every key, at every size."""

from dataclasses import replace
from decimal import Decimal

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from possync_tui.domain.plan import Plan
from possync_tui.domain.terms import HoldKind
from possync_tui.domain.word import Word
from possync_tui.ledger.port import LedgerError
from possync_tui.sync.events import Arming, LedgerChanged
from possync_tui.tui.key_check import check
from possync_tui.tui.keymap import keymap_of
from possync_tui.tui.screens.arming import ArmingDialog
from possync_tui.tui.screens.dashboard import DashboardScreen
from possync_tui.tui.screens.decision_dialog import DecisionDialog
from possync_tui.tui.screens.entry import EntryScreen
from possync_tui.tui.screens.export_dialog import ExportDialog
from possync_tui.tui.screens.help import HelpDialog
from possync_tui.tui.screens.life import LifeScreen
from possync_tui.tui.screens.plan_diff import PlanScreen
from possync_tui.tui.screens.realized import RealizedScreen
from possync_tui.tui.screens.review import ReviewScreen
from possync_tui.tui.screens.runs import RunsScreen
from tests.tui import desk_book
from tests.tui.conftest import Running, app_of, dashboard, press, screen_text, settle
from tests.tui.desk_book import CODES
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.test_tui_dashboard import SIZES

KEYS = {
    "p": RealizedScreen,
    "v": ReviewScreen,
    "d": PlanScreen,
    "r": RunsScreen,
    "enter": LifeScreen,
    "question_mark": HelpDialog,
    "m": ArmingDialog,
}


def top_of(pilot: Pilot[None]) -> type:
    return type(pilot.app.screen)


@pytest.mark.parametrize("size", SIZES)
async def test_every_key_opens_its_screen_and_escape_comes_back(
    running: Running, size: tuple[int, int]
) -> None:
    async with running(size) as pilot:
        for key, screen in KEYS.items():
            await press(pilot, key)
            assert top_of(pilot) is screen, key
            for strip in pilot.app.screen._compositor.render_strips():
                assert sum(segment.cell_length for segment in strip) == size[0]
            await press(pilot, "escape")
            assert top_of(pilot) is DashboardScreen, key
        assert dashboard(pilot).positions.table.has_focus


async def test_escape_steps_back_a_screen_at_a_time(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "p", "enter", "r", "v", "question_mark")
        for screen in (ReviewScreen, RunsScreen, EntryScreen, RealizedScreen, DashboardScreen):
            await press(pilot, "escape")
            assert top_of(pilot) is screen
        assert dashboard(pilot).positions.table.has_focus


async def test_a_screen_asked_for_again_comes_on_top_and_lies_there_once(running: Running) -> None:
    async with running() as pilot:
        for key in ("p", "r", "v", "d", "p", "r", "v", "d", "p", "p"):
            await press(pilot, key)
            assert len(pilot.app.screen_stack) <= 5
        for screen in (PlanScreen, ReviewScreen, RunsScreen, DashboardScreen):
            await press(pilot, "escape")
            assert top_of(pilot) is screen
        await press(pilot, "escape")
        assert top_of(pilot) is DashboardScreen


async def test_a_dialog_gives_way_to_the_screen_under_it(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "p", "e")
        assert top_of(pilot) is ExportDialog
        await press(pilot, "escape")
        assert top_of(pilot) is RealizedScreen
        await press(pilot, "e")
        app_of(pilot).action_show_runs()
        await settle(pilot)
        assert top_of(pilot) is RunsScreen
        await press(pilot, "escape")
        assert top_of(pilot) is RealizedScreen


async def test_what_lies_under_a_screen_is_read_when_it_is_seen_again(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "v", "p")
        review = next(s for s in pilot.app.screen_stack if isinstance(s, ReviewScreen))
        before = len(review.table.rows)
        engine.reads.hold_rows.clear()
        engine.bus.emit(LedgerChanged())
        await settle(pilot)
        assert len(review.table.rows) == before > 0
        await press(pilot, "escape")
        assert not review.table.rows


async def test_leaving_at_once_breaks_nothing(running: Running) -> None:
    async with running() as pilot:
        for key in ("d", "p", "r", "v"):
            await pilot.press(key, "escape")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DashboardScreen)
        assert "failed" not in screen_text(pilot).replace("5 failed", "")


# --- missing -> closed ---------------------------------------------------------------------------


async def test_arming_asks_and_enter_does_not_arm_by_habit(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "m")
        text = screen_text(pilot)
        assert "Let syncs close missing positions?" in text
        assert "1 position is missing now." in text
        await press(pilot, "enter")
        assert not engine.arming.armed
        await press(pilot, "m", "escape", "m", "n")
        assert not engine.arming.armed


async def test_arming_by_key_and_disarming_at_once(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "m", "y")
        assert engine.arming.armed
        assert "missing→closed ARMED 1:00:00" in screen_text(pilot)
        await press(pilot, "m")
        assert engine.arming == Arming(armed=False, by_settings=False)
        assert "ARMED" not in screen_text(pilot)


async def test_arming_by_mouse(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "m")
        await pilot.click("#yes")
        await settle(pilot)
        assert engine.arming.armed


# --- review --------------------------------------------------------------------------------------


async def test_review_shows_message_evidence_and_what_each_word_does(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j")
        text = screen_text(pilot)
        assert "2 held" in text
        assert "TSLA is not in the broker's positions any more" in text
        assert "absent from 214 complete snapshots" in text
        assert "the position is booked as closed, by your word" in text
        assert "it stays on the books as MISSING" in text


async def test_accepting_takes_a_note(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j", "A")
        assert isinstance(pilot.app.screen, DecisionDialog)
        pilot.app.screen.query_one(Input).value = "sold at the bank [red]"
        await press(pilot, "enter")
        # What it realized cannot be told later: once it is asked.
        assert "stays unknown; enter once more" in screen_text(pilot)
        assert engine.decisions == []
        await press(pilot, "enter")
        assert engine.decisions == [(1, Word(accept=True, note="sold at the bank [red]"))]
        assert "1 held" in screen_text(pilot)


async def test_accepting_at_a_price(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j", "A", "s", "o", "l", "d", "tab", "x", "enter")
        assert "the price is not a number" in screen_text(pilot)
        assert engine.decisions == []
        await press(pilot, "backspace", "1")
        assert "the price is not a number" not in screen_text(pilot)
        await press(pilot, "2", "enter")
        assert engine.decisions == [(1, Word(accept=True, note="sold", price=Decimal(12)))]


async def test_a_price_that_cannot_be_keeps_the_dialog_and_the_note(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j", "A", *"note", "tab")
        pilot.app.screen.query_one("#price", Input).value = "-5"
        await press(pilot, "enter")
        assert "cannot be negative" in screen_text(pilot)
        assert pilot.app.screen.query_one("#note", Input).value == "note"
        assert engine.decisions == []


async def test_accepting_as_a_transfer(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j", "A", "tab", "7")
        await pilot.click("#transfer")
        await settle(pilot)
        assert "a transfer has no price" in screen_text(pilot)
        await press(pilot, "shift+tab", "shift+tab")
        pilot.app.screen.query_one("#price", Input).value = ""
        # What was wrong has no row any more, so the buttons move.
        await settle(pilot)
        await pilot.click("#transfer")
        await settle(pilot)
        assert engine.decisions == [(1, Word(accept=True, is_transfer=True))]


async def test_a_transfer_has_a_key_that_is_shown_and_may_be_another(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j", "A", *"to IBIE", "ctrl+t")
        assert engine.decisions == [(1, Word(accept=True, note="to IBIE", is_transfer=True))]
    async with running(keymap=check(keymap_of([("transfer", "f8")]))) as pilot:
        engine.decisions.clear()
        engine.reads.hold_rows = desk_book.holds()
        await press(pilot, "v", "j", "A")
        assert "It is a transfer  (f8)" in screen_text(pilot)
        await press(pilot, "question_mark", "ctrl+t")
        await press(pilot, "f8")
        assert [word.is_transfer for _, word in engine.decisions] == [True]


async def test_a_transfer_is_reached_by_tab(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "v", "j", "A", "tab", "tab", "tab", "enter")
        assert engine.decisions == [(1, Word(accept=True, is_transfer=True))]


async def test_a_dialog_tells_of_what_it_asks(running: Running, engine: FakeEngine) -> None:
    """Prices and transfers only where they can be named."""
    missing = next(hold for hold in desk_book.holds() if hold.kind == HoldKind.MISSING)
    other = next(hold for hold in desk_book.holds() if hold.kind != HoldKind.MISSING)
    for holds, key, told, not_told in (
        ([missing], "A", ("at the price that you name", "book it as a transfer"), ()),
        (
            [missing, replace(missing, id=9)],
            "E",
            ("without a price", "book them as transfers"),
            ("that you name",),
        ),
        ([missing, other], "E", ("without a price",), ("that you name", "transfer")),
        ([missing], "K", (), ("price", "transfer")),
    ):
        engine.reads.hold_rows = list(holds)
        async with running() as pilot:
            await press(pilot, "v", key)
            dialog = pilot.app.screen
            assert isinstance(dialog, DecisionDialog)
            text = " ".join(str(dialog.query_one(".dialog-text", Static).content).split())
            for words in told:
                assert words in text
            for words in not_told:
                assert words not in text
            may_be_transfer = any("transfer" in words for words in told)
            assert bool(dialog.query("#transfer")) == may_be_transfer
            await press(pilot, "ctrl+t")
            assert (pilot.app.screen is dialog) != may_be_transfer


async def test_what_is_no_missing_position_has_no_price(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "v", "A")
        assert not pilot.app.screen.query("#price, #transfer")
        await press(pilot, "enter")
        assert engine.decisions == [(2, Word(accept=True))]


async def test_keeping_by_mouse_and_cancelling(running: Running, engine: FakeEngine) -> None:
    async with running((80, 24)) as pilot:
        await press(pilot, "v", "K", "escape")
        assert engine.decisions == []
        await press(pilot, "K")
        await pilot.click("#yes")
        await settle(pilot)
        assert engine.decisions == [(2, Word(accept=False))]
        assert "1 held · 1 kept" in screen_text(pilot)


async def test_a_decision_that_fails_is_said(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "v", "A")
        engine.reads.hold_rows = []
        await press(pilot, "enter")
        assert "hold 2 is not open" in screen_text(pilot)


async def test_read_only_decides_nothing(running: Running, engine: FakeEngine) -> None:
    engine.is_read_only = True
    async with running() as pilot:
        await press(pilot, "v", "A")
        assert isinstance(pilot.app.screen, ReviewScreen)


# --- runs, plan, life, help ----------------------------------------------------------------------


async def test_runs_show_the_journal_of_each(running: Running, engine: FakeEngine) -> None:
    async with running() as pilot:
        await press(pilot, "r")
        assert "60 runs" in screen_text(pilot)
        assert "400, average cost 194.14" in screen_text(pilot)
        await press(pilot, "j")
        assert "This run changed nothing." in screen_text(pilot)
        await press(pilot, *("j" * 16))
        assert "no end marker within 30 s; the session was thrown away" in screen_text(pilot)
        await press(pilot, "s")
        assert "61 runs" in screen_text(pilot)


async def test_the_plan_is_a_diff_with_evidence(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "d")
        text = screen_text(pilot)
        # An absence beside its position going missing is no change of its own.
        assert "7 changes" in text
        assert "nothing written" in text
        for words in ("SHOP", "400 → 300", "OPEN → MISSING", "▲ 3,731.95 realized on 100, EXACT"):
            assert words in text
        assert "fill 0000e0d5.6719aa80.01.01" in text


async def test_an_empty_plan_is_a_sentence(running: Running, engine: FakeEngine) -> None:
    engine.plan = Plan(as_of=NOW, accounts=(), digest="", positions_seen=25)
    async with running() as pilot:
        await press(pilot, "d")
        assert "the ledger says what the broker says" in screen_text(pilot)


async def test_a_dry_run_that_fails_says_so(running: Running, engine: FakeEngine) -> None:
    engine.failure = LedgerError("not connected to TWS")
    async with running() as pilot:
        await press(pilot, "d")
        text = screen_text(pilot)
        assert "dry run failed: not connected to TWS" in text
        assert "not connected to TWS Esc goes back." in text
        assert "the Sync log says why" not in text


async def test_a_dry_run_of_a_reader_says_who_writes(running: Running, engine: FakeEngine) -> None:
    engine.failure = LedgerError("Not connected to TWS.")
    engine.is_read_only = True
    async with running((80, 24)) as pilot:
        await press(pilot, "d")
        text = " ".join(screen_text(pilot).split())
        assert "Read-only: another instance writes this ledger." in text
        assert "Esc goes back." in text


async def test_a_position_has_a_life(running: Running) -> None:
    async with running() as pilot:
        await press(pilot, "enter")
        text = screen_text(pilot)
        assert "AAPL" in text
        assert "500 → 400" in text
        assert "fill 0000e0d5.66e1aa10.01.01" in text
        assert "▲ 9,814.84" in text
        assert "cost 194.14 a share" in text


async def test_a_life_that_realized_nothing_says_so_to_both_methods(
    running: Running, engine: FakeEngine
) -> None:
    engine.reads.entry_rows = []
    async with running() as pilot:
        await press(pilot, "enter", "f")
        assert "Nothing was realized here" in screen_text(pilot)


@pytest.mark.parametrize("words", ["csv", "export"])
@pytest.mark.parametrize("keys", [(), ("p",)], ids=["dashboard", "pnl"])
async def test_the_palette_finds_the_table_as_csv(
    running: Running, words: str, keys: tuple[str, ...]
) -> None:
    async with running((140, 40)) as pilot:
        await press(pilot, *keys, "ctrl+p")
        await pilot.press(*words)
        await pilot.pause(0.3)
        text = screen_text(pilot)
        assert "Copy the table as CSV" in text
        assert ("Write what is shown as CSV" in text) is bool(keys)


async def test_the_palette_holds_every_action_and_every_position(
    running: Running, engine: FakeEngine
) -> None:
    async with running() as pilot:
        await press(pilot, "ctrl+p")
        await pilot.press(*"IBM")
        await pilot.pause(0.3)
        assert "Go to IBM" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause(0.2)
        await settle(pilot)
        row = dashboard(pilot).positions.table.cursor_holding
        assert row is not None
        assert row.view.symbol == "IBM"
        await press(pilot, "ctrl+p")
        await pilot.press(*"sync now")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await pilot.pause(0.2)
        await settle(pilot)
        assert engine.syncs == 1


async def test_the_key_bar_is_clickable(running: Running) -> None:
    async with running() as pilot:
        bar = screen_text(pilot).splitlines()[-1]
        await pilot.click("KeyBar", offset=(bar.index("p P&L"), 0))
        await settle(pilot)
        assert top_of(pilot) is RealizedScreen
        bar = screen_text(pilot).splitlines()[-1]
        await pilot.click("KeyBar", offset=(bar.index("Back"), 0))
        await settle(pilot)
        assert isinstance(pilot.app.screen, DashboardScreen)


async def test_what_is_held_is_one_count(running: Running, engine: FakeEngine) -> None:
    """Header and review say the same number; of one account's part it is said in words."""
    other = replace(engine.reads.hold_rows[0], id=99, account=CODES[2])
    engine.reads.hold_rows.append(other)
    async with running((140, 40)) as pilot:
        assert "⚑ 3 held  " in screen_text(pilot)
        assert " held" not in str(dashboard(pilot).positions.subtitle)
        await press(pilot, "v")
        assert "Review  3 held ━" in screen_text(pilot)
        await press(pilot, "escape", "a", "a", "a")
        assert "⚑ 3 held · 1 in this account" in screen_text(pilot)
        await press(pilot, "v")
        assert "Review  3 held · 1 in this account ━" in screen_text(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ReviewScreen)
        assert [hold.account for hold in screen.table.rows][:1] == [CODES[2]]
        assert len(screen.table.rows) == 3


async def test_no_key_does_nothing_in_silence(running: Running, engine: FakeEngine) -> None:
    """Also those that the key bar does not offer now: whoever presses one is told why."""
    engine.reads.account_rows = engine.reads.account_rows[:1]
    engine.reads.hold_rows = []
    euro = [entry for entry in engine.reads.entry_rows if entry.currency == "EUR"]
    engine.reads.entry_rows = euro[:3]
    told = (
        ((), "C", "brings a simulated TWS along"),
        ((), "P", "nothing to pause"),
        ((), "a", "no other account"),
        (("4",), "n", "Nothing is found in the log"),
        (("v",), "A", "Nothing is held."),
        (("v",), "U", "Nothing is held."),
        (("p",), "x", "Nothing was reversed"),
        (("p",), "c", "no other currency"),
        (("p",), "left", "no other beside it"),
    )
    for way, key, why in told:
        async with running((200, 60)) as pilot:
            await press(pilot, *way)
            before = screen_text(pilot).count(why)
            await press(pilot, key)
            assert screen_text(pilot).count(why) == before + 1, key
    async with running((200, 60)) as pilot:
        assert "C Find TWS" not in screen_text(pilot)
        assert "a Account" not in screen_text(pilot)


async def test_before_the_holds_are_read_it_does_not_say_that_there_are_none(
    running: Running, engine: FakeEngine
) -> None:
    async with running((200, 60)) as pilot:
        await press(pilot, "v")
        screen = pilot.app.screen
        assert isinstance(screen, ReviewScreen)
        screen.has_read = False
        screen.table.set_rows([])
        for key in ("A", "E"):
            await press(pilot, key)
            assert "What is held is still being read." in screen_text(pilot)
            assert screen_text(pilot).count("Nothing is held.") == 1, "the table's own sentence"
