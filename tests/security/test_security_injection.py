"""Text from outside is data on its whole way: wire or file, ledger, tables, JSON, CSV, log."""

import asyncio
import csv
import io
import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from possync_tui.cli import main
from possync_tui.domain.connection import Environment
from possync_tui.domain.exports import FORMULA
from possync_tui.domain.instruments import Instrument
from possync_tui.domain.observations import Fill, Side
from possync_tui.ledger.store import open_ledger
from tests.flex.build import STOCK, Sheet, trade, write
from tests.ledger.world import START, TestClock, commission, fill, row, sync
from tests.tui.hostile import HOSTILE

SQL = (
    "'; DROP TABLE inbox; --",
    '"; DELETE FROM journal; --',
    "x' OR '1'='1",
    "?1 :name @p $v",
    "%_%' ESCAPE '\\",
    "NULL",
)
SPREADSHEET = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1")
# As the wire's bytes become text; a lone surrogate has none.
CORPUS = tuple(
    text.encode("utf-8", "backslashreplace").decode() for text in (*HOSTILE, *SQL, *SPREADSHEET)
)
READS = (
    *(("positions", "--all"), ("positions", "--lots"), ("pnl",), ("pnl", "--by", "symbol")),
    *(("pnl", "--fills", "1"), ("runs",), ("review", "--all"), ("status",), ("verify",)),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where everything of the program goes; the logging of pytest is put back."""
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.setenv("POSSYNC_LEDGER", str(tmp_path / "ledger.db"))
    monkeypatch.chdir(tmp_path)
    root, own = logging.getLogger(), logging.getLogger("possync_tui")
    kept = (tuple(root.handlers), root.level, own.level, logging.raiseExceptions)
    root.handlers.clear()
    yield tmp_path
    for handler in tuple(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.handlers[:], (root.level, own.level, logging.raiseExceptions) = kept[0], kept[1:]


async def make_poisoned(path: Path) -> None:
    """A ledger in which every text that TWS or the user can choose is hostile."""
    clock = TestClock()
    ledger = await open_ledger(path, clock=clock)
    accounts = [f"{text[:60]}#{number}" for number, text in enumerate(CORPUS)]
    await ledger.bind(Environment.PAPER, accounts)
    rows = []
    for number, (account, text) in enumerate(zip(accounts, CORPUS, strict=True), 1):
        what = Instrument(
            number, text, "STK", text, exchange=text, local_symbol=text, trading_class=text
        )
        rows.append(row("10", "5", what, account))
        sold = fill(f"{text}.{number:02d}", Side.SOLD, "4", "6", START, what, account)
        sold = replace(sold, raw_time=text, exchange=text, order_ref=text)
        if number == 1:
            await sync(ledger, [], START, accounts=accounts)
        await ledger.record([sold, replace(commission(sold.exec_id), currency=text)])
    rows.append(row("1", "5", Instrument(999, CORPUS[3], "BAG", "USD"), accounts[0]))
    await sync(ledger, rows, clock.forward(60), accounts=accounts)
    for hold in await ledger.holds():
        await ledger.decide(hold.id, accept=False, note=" ".join(SQL), at=clock.now())
    for text in CORPUS:
        await ledger.journal_remark(text, at=clock.now())
    assert (await ledger.verify()).problems == ()
    told = [
        item.observation.instrument.symbol
        for history in (await ledger.histories([r.key for r in rows[:-1]])).values()
        for item in history
        if isinstance(item.observation, Fill)
    ]
    assert sorted(told) == sorted(CORPUS), "to the letter"
    await ledger.close()


def assert_one_safe_line_each(text: str) -> None:
    for line in text.split("\n"):
        assert line.removesuffix("\r").isprintable(), repr(line)


async def test_a_poisoned_ledger_is_whole(folder: Path) -> None:
    await make_poisoned(folder / "ledger.db")
    with closing(sqlite3.connect(folder / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM executions").fetchone() == (len(CORPUS),)
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    assert {"inbox", "journal"} <= tables


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_commands_print_a_poisoned_ledger_as_data(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    asyncio.run(make_poisoned(folder / "ledger.db"))
    for command in READS:
        capsys.readouterr()
        assert main([*command, "--format", form]) in (0, 6), command
        out = capsys.readouterr().out
        assert out
        assert_one_safe_line_each(out)
        if form == "json":
            json.loads(out)
        if form == "csv":
            header, *lines = csv.reader(io.StringIO(out, newline=""))
            assert lines or command == ("verify",), command
            for line in lines:
                assert len(line) == len(header), command
                for cell in line:
                    is_number = cell.lstrip("-").replace(".", "").isdigit()
                    assert is_number or not cell.lstrip().startswith(FORMULA), (command, cell)


@pytest.mark.parametrize("text", [*SQL, *SPREADSHEET, "\x1b]52;c;eA==\x07", "[/red]", "\u202ex"])
def test_what_a_user_types_is_data(
    folder: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    asyncio.run(_small(folder / "ledger.db"))
    for option in ("--account", "--symbol", "--currency"):
        said(["pnl", f"{option}={text}"])
        shown = capsys.readouterr()
        assert_one_safe_line_each(shown.out + shown.err)
    assert main(["review", "accept", "7", f"--note={text}"]) != 0
    main(["status", f"--ledger={folder / 'none'}{text.replace('/', '')}"])
    said(["import-flex", text])
    main(["sync", f"--host={text}", f"--env-file={text}"])
    shown = capsys.readouterr()
    assert_one_safe_line_each(shown.out + shown.err)
    assert main(["verify"]) == 0


def said(arguments: list[str]) -> int:
    """The exit code, also where the command line is refused as such."""
    try:
        return main(arguments)
    except SystemExit as ended:
        return int(str(ended.code))


async def _small(path: Path) -> None:
    ledger = await open_ledger(path, clock=TestClock())
    await ledger.bind(Environment.PAPER, ["DU1000001"])
    await sync(ledger, [row("1")], START)
    await ledger.close()


def test_a_statement_full_of_hostile_text_is_data(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(_small(folder / "ledger.db"))
    # What XML can hold at all.
    texts = [t for t in CORPUS if all(c.isprintable() or c in "\t\r\n" for c in t) and t.isascii()]
    assert len(texts) > 20
    trades = []
    for number, text in enumerate(texts, 1000):
        what = {**STOCK, "conid": str(number), "symbol": text, "description": text}
        at = f"202601{number % 27 + 1:02d};100000"
        more = {"exchange": text, "orderReference": text}
        trades.append(trade("10", "2", at, what=what, exec_id=f"{text}.{number}.01", **more))
    path = write(folder / "=cmd [red]'; DROP.xml", Sheet(trades))
    for form in ("csv", "table", "json"):
        code = main(["import-flex", "--format", form, str(path)])
        shown = capsys.readouterr()
        assert code in (0, 2, 6), shown
        assert_one_safe_line_each(shown.out + shown.err)
    assert main(["verify"]) == 0
