"""Spoilt files: Flex statements into a real ledger, and the files that settings are read from.

A statement is refused in words, whole, or imported; what it then puts into the ledger stands in it.
Settings are read or refused in one line.
"""

import contextlib
import io
import re
import shutil
import sqlite3
import tempfile
from argparse import Namespace
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from random import Random
from unittest import mock
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from possync_tui.cli.call import Call
from possync_tui.cli.exits import CommandFailed, Exit
from possync_tui.cli.import_flex import import_flex
from possync_tui.cli.render import Output
from possync_tui.domain.clock import SystemClock
from possync_tui.domain.connection import Environment
from possync_tui.domain.observations import (
    Adjusted,
    AdjustmentKind,
    AdjustmentSource,
    Fill,
    FillSource,
)
from possync_tui.domain.text import printable
from possync_tui.ledger.codec import decode
from possync_tui.ledger.store import open_ledger
from possync_tui.settings import Given, SettingsError, load, models, plain
from possync_tui.tui.choices import Choices, ChoicesError, from_text, to_text
from tests.flex.build import (
    STOCK,
    Attributes,
    Sheet,
    action,
    booking,
    call,
    document,
    ended,
    put,
    trade,
    transfer,
)
from tests.ledger.world import ACCOUNT, START, row, sync
from tests.simulation.broken import InvariantBroken
from tests.simulation.mutations import NASTY, spoil_bytes
from tests.simulation.run import Report

_OTHER = {"conid": "2", "symbol": "ABC", "description": "ABC INC"}
_WORDS = "XYZ(US0000000001) MERGED WITH ABC 1 FOR 2"
_MERGED = {"proceeds": "0", "fifoPnlRealized": "0", "value": "0", "actionID": "A1", "kind": "TC"}
_ON = "20260306;202500"
_SHEETS = (
    Sheet(
        trades=(
            trade("100", "10", "20260303;100000", "-1"),
            trade("-40", "12.5", "20260304;110000", "-0.35", fifoPnlRealized="98.25"),
            trade("1,000", "10", "20260305;100000", "-1", taxes="-0.5"),
            trade("-2", "1.5", "20260302;100000", "-1.3", what=put()),
            booking("2", "A", "20260306", what=put()),
            booking("200", "A", "20260306", what=STOCK, price="50"),
        ),
        options=(
            ended("2", "Assignment", "20260306", what=put()),
            ended("-1", "Expiration", "20260306", what=call()),
        ),
    ),
    Sheet(
        trades=(trade("100", "10", "20260303;100000", "-1"),),
        actions=(
            action("-100", _WORDS, _ON, **_MERGED),
            action("50", _WORDS, _ON, **(_MERGED | _OTHER)),
            action("300", "XYZ(US0000000001) SPLIT 4 FOR 1", "20260310;202500"),
        ),
        transfers=(transfer("25", "20260311", positionAmount="2500"),),
    ),
    Sheet(
        trades=(
            trade("10", "10", "20260303;100000", "-1", tradeID="T1", transactionID="X1"),
            trade(
                *("-10", "10", "20260303;100000", "1"),
                transactionType="TradeCancel",
                buySell="BUY (Ca.)",
                ibExecID="",
                origTradeID="T1",
            ),
        ),
    ),
)
_TEXTS = tuple(token.decode(errors="replace") for token in NASTY)
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Templates:
    """A ledger that knows the account of the statements, made once and copied for each seed."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "template.sqlite3"

    async def make(self) -> None:
        ledger = await open_ledger(self.ledger, clock=SystemClock())
        await ledger.bind(Environment.PAPER, [ACCOUNT])
        await sync(ledger, [row("100")], START)
        await ledger.close()


# --- Flex ------------------------------------------------------------------------------------


def run_flex_seed(seed: int, templates: Templates) -> Report:
    """Import a spoilt statement, twice. What goes wrong is in the report."""
    rng, report = Random(f"flex {seed}"), Report(seed)
    with tempfile.TemporaryDirectory(prefix="possync-fuzz-") as name:
        folder = Path(name)
        ledger, statement = folder / "ledger.sqlite3", folder / "flex.xml"
        shutil.copyfile(templates.ledger, ledger)
        statement.write_bytes(spoilt_statement(rng))
        try:
            for _ in range(2):
                report.deeds[_import(statement, ledger)] += 1
            _judge_ledger(ledger, statement)
        except InvariantBroken as broken:
            report.failure = f"{broken}"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            report.failure = f"{type(error).__name__}: {error}"
    return report


def spoilt_statement(rng: Random) -> bytes:
    sheet = rng.choice(_SHEETS)
    how = rng.choice(("attribute", "attribute", "attribute", "bytes", "head", "both"))
    if how in ("attribute", "both"):
        sheet = _spoilt_sheet(sheet, rng)
    if how == "head":
        name = rng.choice(("accountId", "fromDate", "toDate", "whenGenerated"))
        sheet = Sheet(sheet.trades, attributes={name: _writable(rng.choice(_TEXTS))})
    text = document(*[sheet] * rng.choice((1, 1, 1, 2))).encode("utf-8", "replace")
    return spoil_bytes(text, rng) if how in ("bytes", "both") else text


def _spoilt_sheet(sheet: Sheet, rng: Random) -> Sheet:
    parts = [list(part) for part in (sheet.trades, sheet.options, sheet.actions, sheet.transfers)]
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        part = rng.choice([part for part in parts if part])
        at = rng.randrange(len(part))
        part[at] = _spoilt_row(part[at], rng.choice(part), rng)
        if rng.random() < 0.1:
            part.insert(rng.randrange(len(part) + 1), part[at])
        if rng.random() < 0.05:
            rng.shuffle(part)
    trades, options, actions, transfers = parts
    return Sheet(trades, options, actions, transfers)


def _spoilt_row(attributes: Attributes, other: Attributes, rng: Random) -> Attributes:
    name = rng.choice(sorted(attributes))
    match rng.choice(("nasty", "nasty", "nasty", "gone", "other", "swap", "bytes")):
        case "nasty":
            return attributes | {name: _writable(rng.choice(_TEXTS))}
        case "gone":
            return {key: text for key, text in attributes.items() if key != name}
        case "other":
            return attributes | {name: other.get(name, "")}
        case "swap":
            to = rng.choice(sorted(attributes))
            return attributes | {name: attributes[to], to: attributes[name]}
        case _:
            spoilt = spoil_bytes(attributes[name].encode("utf-8", "replace"), rng)
            return attributes | {name: _writable(spoilt.decode(errors="replace"))}


def _writable(text: str) -> str:
    """What XML can hold; the rest is tried by spoiling the file's bytes."""
    assert quoteattr(text)
    return _UNWRITABLE.sub("?", text)


def _import(statement: Path, ledger: Path) -> str:
    settings = load({"POSSYNC_LEDGER": Given(str(ledger), "test")}, environ={}, env_file=_NOTHING)
    call = Call(Namespace(files=[str(statement)]), settings, Output("json", mask=False))
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            import_flex(call)
        except CommandFailed as refused:
            if refused.code is not Exit.USAGE:
                raise
            said = printable(str(refused))
            if not said or len(said) > 400 or "\n" in str(refused):
                raise InvariantBroken(f"a refusal that nobody can read: {said[:500]!r}") from None
            return "refused"
    return "imported"


def _judge_ledger(ledger: Path, statement: Path) -> None:
    import asyncio

    async def verified() -> tuple[str, ...]:
        opened = await open_ledger(ledger, clock=SystemClock())
        try:
            return (await opened.verify()).problems
        finally:
            await opened.close()

    if problems := asyncio.run(verified()):
        raise InvariantBroken(f"verify: {problems[:3]}")
    with closing(sqlite3.connect(ledger)) as db:
        inbox = db.execute("SELECT kind, payload FROM inbox").fetchall()
    stored = [decode(kind, payload) for kind, payload in inbox]
    fills = [o for o in stored if isinstance(o, Fill) and o.source is FillSource.FLEX]
    adjusted = [o for o in stored if isinstance(o, Adjusted) and o.source is AdjustmentSource.FLEX]
    if not fills and not adjusted:
        return
    said = _attributes_in(statement)
    for fill in fills:
        if fill.quantity and not any(_is_of(fill, attributes) for attributes in said):
            raise InvariantBroken(f"no row says {fill}")
    quantities = (_number(texts.get("quantity")) for texts in said)
    # Rows of one event that came twice are added up.
    told = {abs(q) * times for q in quantities if q is not None for times in range(1, 9)}
    for item in adjusted:
        is_told = abs(item.quantity) in told or not item.quantity
        if not is_told and item.kind is not AdjustmentKind.DELIVERY:
            raise InvariantBroken(f"no row says {item}")
        if item.key.account != ACCOUNT:
            raise InvariantBroken(f"of another account: {item}")


def _attributes_in(statement: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _, attributes: found.append(attributes)
    parser.Parse(statement.read_bytes(), True)
    return found


def _is_of(fill: Fill, attributes: dict[str, str]) -> bool:
    return (
        attributes.get("conid", "").strip().lstrip("0") == str(fill.key.con_id)
        and _number(attributes.get("quantity")) == fill.signed_quantity
        and _number(attributes.get("tradePrice")) == fill.price
        and attributes.get("accountId", "").strip() in ("", "-", fill.account)
    )


def _number(text: str | None) -> Decimal | None:
    plain = (text or "").strip().replace(",", "")
    if not re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", plain, re.ASCII):
        return None
    return Decimal(plain)


# --- settings --------------------------------------------------------------------------------

_NOTHING = Path("/dev/null")
_EXAMPLE = Path(__file__).parents[2] / "settings.example.env"


def run_settings_seed(seed: int) -> Report:
    """Read a spoilt `.env` file, spoilt variables and a spoilt file of choices."""
    rng, report = Random(f"settings {seed}"), Report(seed)
    for work in (_read_env_file, _read_environment, _read_choices):
        try:
            report.deeds[work(rng)] += 1
        except InvariantBroken as broken:
            report.failure = f"{work.__name__}: {broken}"
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            report.failure = f"{work.__name__}: {type(error).__name__}: {error}"
    return report


def _read_env_file(rng: Random) -> str:
    text = _EXAMPLE.read_bytes()
    lines = text.splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 2, 6))):
        at = rng.randrange(len(lines))
        key, is_setting, _ = lines[at].partition(b"=")
        if is_setting and rng.random() < 0.5:
            lines[at] = key + b"=" + rng.choice(NASTY) + b"\n"
        else:
            lines[at] = spoil_bytes(lines[at], rng, lines)
    with tempfile.TemporaryDirectory(prefix="possync-fuzz-") as folder:
        file = Path(folder) / "spoilt.env"
        file.write_bytes(b"".join(lines))
        return _loaded(lambda: load(environ={}, env_file=file))


def _read_environment(rng: Random) -> str:
    names = [line.partition("=")[0] for line in _EXAMPLE.read_text().splitlines() if "=" in line]
    names = [name for name in names if name.isupper()]
    environ = {
        # A variable has no NUL; bytes that are no UTF-8 come as lone surrogates.
        rng.choice(names): rng.choice(NASTY).replace(b"\0", b"").decode(errors="surrogateescape")
        for _ in range(rng.choice((1, 2, 5)))
    }
    for name, text in environ.items():
        _read_both_ways(name, text)
    return _loaded(lambda: load(environ=environ, env_file=_NOTHING))


def _read_both_ways(name: str, text: str) -> None:
    """What is understood without pydantic is what pydantic understands."""
    given = {name: Given(text, "test")} if text.strip() else {}
    short = plain.read(given)
    if short is not None and short != models.read(given):
        raise InvariantBroken(f"{name}={text!r} is read in two ways")


def _loaded(read: Callable[[], object]) -> str:
    with mock.patch.dict("os.environ", {"HOME": "/nonexistent"}):
        try:
            settings = read()
        except SettingsError as refused:
            said = str(refused)
            if "\n" in said or len(said) > 500 or said != printable(said):
                raise InvariantBroken(f"a refusal that nobody can read: {said[:600]!r}") from None
            return "settings refused"
    settings.to_policy()  # type: ignore[attr-defined]
    return "settings read"


def _read_choices(rng: Random) -> str:
    good = to_text(Choices(theme="possync", columns=("symbol", "quantity"), sort="symbol"))
    text = spoil_bytes(good.encode(), rng)
    try:
        from_text(text.decode(errors="replace"))
    except ChoicesError:
        return "choices refused"
    return "choices read"
