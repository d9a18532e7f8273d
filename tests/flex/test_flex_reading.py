"""What a Flex file is taken for: every field strictly, everything else refused with a reason."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.domain.observations import Adjusted, AdjustmentKind, FillSource, Side
from possync_tui.flex import document as documents
from possync_tui.flex.cancels import Imported, carry_out
from possync_tui.flex.document import FlexRefused
from possync_tui.flex.statement import Statement, read_flex
from possync_tui.flex.times import NoTime, parse_day, parse_instant
from tests.flex.build import ACCOUNT, STOCK, Attributes, Sheet, action, document, put, trade, write

ROW = trade("100", "10.25", "20260302;093000", "-1.0443", openCloseIndicator="O")


def read(folder: Path, text: str | bytes) -> tuple[Statement, ...]:
    path = folder / "statement.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_flex(path)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(FlexRefused) as refused:
        read(folder, text)
    message = str(refused.value)
    assert message.isprintable(), message
    assert len(message) < 400
    return message


def test_an_execution(tmp_path: Path) -> None:
    (statement,) = read(tmp_path, document(Sheet([ROW])))
    assert (statement.account, statement.from_date, statement.to_date, statement.notes) == (
        ACCOUNT,
        date(2026, 1, 1),
        date(2026, 3, 31),
        (),
    )
    assert statement.when_generated == datetime(2026, 4, 1, 7, 15, tzinfo=UTC)
    fill, report = statement.fills[0], statement.commissions[0]
    assert (fill.side, fill.quantity, fill.price) == (
        Side.BOUGHT,
        Decimal(100),
        Decimal("10.25"),
    )
    assert fill.time == datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    assert (fill.exec_id, fill.source) == (ROW["ibExecID"], FillSource.FLEX)
    assert (fill.quantity_text, fill.price_text, fill.raw_time) == (
        "100",
        "10.25",
        "20260302;093000",
    )
    assert (report.exec_id, report.amount, report.currency) == (
        fill.exec_id,
        Decimal("1.0443"),
        "USD",
    )
    assert report.broker_realized_pnl is None, "an opening trade realizes nothing"
    assert statement.observations == (fill, report)


def test_contracts_are_described_as_tws_does(tmp_path: Path) -> None:
    future = {**STOCK, "assetCategory": "FUT", "symbol": "ESZ6", "underlyingSymbol": "ES"}
    future |= {"multiplier": "50", "expiry": "2026-12-18", "conid": "7"}
    pair = {**STOCK, "assetCategory": "CASH", "symbol": "EUR.USD", "conid": "12087792"}
    rows = [
        trade("1", "5", "20260302;093000", what=what, exec_id=f"{what['conid']}.01")
        for what in (STOCK, put("47.5"), future, pair)
    ]
    (statement,) = read(tmp_path, document(Sheet(rows)))
    stock, option, es, euro = (fill.instrument for fill in statement.fills)
    assert (stock.symbol, stock.sec_type, stock.multiplier) == ("XYZ", "STK", "")
    assert option.description == "XYZ 06MAR26 47.5 P"
    assert (option.symbol, option.unit_value, option.right) == ("XYZ", Decimal(100), "P")
    assert (es.symbol, es.local_symbol, es.expiry) == ("ES", "ESZ6", "20261218")
    assert (euro.symbol, euro.local_symbol) == ("EUR", "EUR.USD")


def test_a_rebate_and_a_commission_in_another_currency(tmp_path: Path) -> None:
    rebate = trade("1", "10", "20260302;093000", "0.35", ibCommissionCurrency="EUR")
    (statement,) = read(tmp_path, document(Sheet([rebate])))
    (report,) = statement.commissions
    assert (report.amount, report.currency) == (Decimal("-0.35"), "EUR")


def test_sums_lots_and_combinations_are_no_executions(tmp_path: Path) -> None:
    rows = [
        ROW,
        ROW | {"levelOfDetail": "ORDER", "ibExecID": ""},
        ROW | {"levelOfDetail": "SYMBOL_SUMMARY", "conid": ""},
        ROW | {"assetCategory": "BAG", "ibExecID": "x.1"},
        ROW | {"quantity": "0", "ibExecID": "x.2"},
        ROW,
    ]
    (statement,) = read(tmp_path, document(Sheet(rows)))
    assert len(statement.fills) == 1


def test_what_is_not_for_positions_is_passed_over(tmp_path: Path) -> None:
    other = (
        '<CashTransactions><CashTransaction type="Dividends" amount="x"/></CashTransactions>'
        '<NewIn2027 strange="yes"><Thing><Deep a="1"/></Thing></NewIn2027>'
    )
    new = ROW | {"brandNewField": "whatever", "anotherOne": "many"}
    (statement,) = read(tmp_path, document(Sheet([new], other=other)))
    assert len(statement.fills) == 1


def test_several_statements_in_one_file(tmp_path: Path) -> None:
    both = read(tmp_path, document(Sheet([ROW]), Sheet([ROW], account="DU1000002")))
    assert [statement.account for statement in both] == [ACCOUNT, "DU1000002"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"quantity": ""}, "quantity is blank, or not among the fields of the query"),
        ({"quantity": "ten"}, "quantity is not a number ('ten')"),
        ({"quantity": "1e400"}, "quantity is absurdly large"),
        ({"tradePrice": "NaN"}, "tradePrice is not finite"),
        ({"tradePrice": "１０"}, "tradePrice is not a number"),
        ({"conid": "-5"}, "conid is no contract id"),
        ({"conid": "99999999999"}, "conid is no contract id"),
        ({"conid": ""}, "conid is blank"),
        ({"ibExecID": ""}, "ibExecID is blank"),
        ({"ibCommission": ""}, "ibCommission is blank"),
        ({"dateTime": "20260302"}, "dateTime is not a date and time"),
        ({"dateTime": "03/04/2026;093000"}, "dateTime is a date and time with slashes"),
        ({"dateTime": "20261302;093000"}, "dateTime is not a date"),
        ({"dateTime": "20260302;093000 Mars/Olympus"}, "dateTime is not a date and time"),
        ({"buySell": "SELL"}, "buySell does not go with the sign of the quantity"),
        ({"buySell": "GIVE"}, "buySell does not go with the sign of the quantity"),
        ({"accountId": "DU1000002"}, "accountId is not that of its statement"),
        ({"assetCategory": "OPT", "multiplier": ""}, "multiplier is blank"),
        ({"assetCategory": "OPT", "multiplier": "-100"}, "multiplier is not positive"),
        ({"assetCategory": ""}, "assetCategory is blank"),
        ({"currency": ""}, "currency is blank"),
        ({"symbol": "X" * 3000}, "3000 characters in symbol"),
    ],
)
def test_a_row_that_cannot_be_read_refuses_the_file(
    tmp_path: Path, changed: Attributes, words: str
) -> None:
    message = refusal(tmp_path, document(Sheet([ROW, ROW | {"ibExecID": "y.01"} | changed])))
    assert words in message
    assert "line 7: " in message


def test_one_id_for_two_executions(tmp_path: Path) -> None:
    message = refusal(tmp_path, document(Sheet([ROW, ROW | {"tradePrice": "11"}])))
    assert "ibExecID is that of another execution, too" in message


WHOLE = document(Sheet([ROW]))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "not XML"),
        ("Date,Symbol,Quantity\n20260302,XYZ,100\n", "not XML"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not XML"),
        (b"PK\x03\x04" + bytes(200), "not XML"),
        ("<html><body>Log in</body></html>", "no Flex statement: it begins with <html>"),
        (WHOLE[:-60], "damaged or cut short"),
        (WHOLE[: WHOLE.index("ibCommission=")], "damaged or cut short"),
        (WHOLE.replace('count="1"', 'count="2"'), "says that it has 2 statements, and has 1"),
        ("<FlexQueryResponse/>", "holds no statement"),
        (WHOLE.replace(f'accountId="{ACCOUNT}"', ""), "names no account"),
        (WHOLE.replace('toDate="20260331"', 'toDate="soon"'), "toDate of its statement"),
        (document(Sheet([ROW | {"levelOfDetail": "ORDER"}])), "tick Executions"),
        (document(Sheet([ROW | {"dateTime": "20260402;120000"}])), "later than the statement"),
        (document(Sheet([ROW | {"dateTime": "20300101;120000"}])), "later than the statement"),
        (
            document(
                Sheet([ROW | {"dateTime": "20260402;120000"}], attributes={"whenGenerated": ""})
            ),
            "later than the statement",
        ),
        (
            WHOLE.replace("Trades>", "TradeConfirms>").replace("<Trade ", "<TradeConfirm ")
            .replace("OptionEAE>", "A>").replace("CorporateActions>", "B>")
            .replace("Transfers>", "C>"),
            "Trade Confirmation query",
        ),
        (
            "<FlexStatementResponse timestamp='now'><Status>Fail</Status>"
            "<ErrorCode>1012</ErrorCode><ErrorMessage>Token has expired.</ErrorMessage>"
            "</FlexStatementResponse>",
            "without a statement: Token has expired.",
        ),
        (WHOLE.replace('encoding="UTF-8"', 'encoding="klingon"'), "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_statement_or_not_a_whole_one(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    assert words in refusal(tmp_path, content)


BOMB = (
    '<!DOCTYPE lol [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{"&a" + (str(n - 1) if n > 1 else "") + ";"}">' for n in range(1, 9))
    + "]>"
)


@pytest.mark.parametrize(
    "head",
    [
        BOMB,
        '<!DOCTYPE x [<!ENTITY file SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/evil.dtd">',
    ],
)
def test_no_entities_of_its_own(tmp_path: Path, head: str) -> None:
    assert "document type" in refusal(tmp_path, document(Sheet([ROW]), head=head))


def test_hostile_text_is_data(tmp_path: Path) -> None:
    evil = "\u202e[red]=1+1'; DROP TABLE lives;--\u2066"
    (statement,) = read(tmp_path, document(Sheet([ROW | {"symbol": evil}])))
    assert statement.fills[0].instrument.symbol == evil
    message = refusal(tmp_path, document(Sheet([ROW | {"symbol": evil, "quantity": evil}])))
    assert "\u202e" not in message


def test_a_file_that_is_too_large_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FlexRefused, match="no such file"):
        read_flex(tmp_path / "nowhere.xml")
    with pytest.raises(FlexRefused, match="not a file"):
        read_flex(tmp_path)
    monkeypatch.setattr(documents, "LARGEST_FILE", 1024)
    with pytest.raises(FlexRefused, match="larger than"):
        read_flex(write(tmp_path / "big.xml", Sheet([ROW] * 10)))


@pytest.mark.parametrize(
    "text",
    [
        "20260302;093001",
        "2026-03-02;09:30:01",
        "2026-03-02, 09:30:01",
        "2026-03-02 09:30:01",
        "2026-03-02T09:30:01",
        "20260302093001",
        "02-Mar-26;093001",
        "02-Mar-2026,09:30:01",
        "20260302;093001 EST",
        "2026-03-02;143001 UTC",
        "2026-03-02;14:30:01 +00:00",
        "2026-03-02;153001 Europe/Berlin",
        "2026-03-02;09:30:01-0500",
    ],
)
def test_times(text: str) -> None:
    assert parse_instant(text) == datetime(2026, 3, 2, 14, 30, 1, tzinfo=UTC)


def test_summer_in_new_york_and_minutes_alone() -> None:
    assert parse_instant("20260702;0930") == datetime(2026, 7, 2, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "20260230", "2026-3-2", "02/03/2026", "3 March", "20260302x"])
def test_days_that_are_none(text: str) -> None:
    with pytest.raises(NoTime):
        parse_day(text)


@pytest.mark.parametrize(
    ("clock", "told"),
    [
        ("20261101;012100", True),
        ("20261101;005959", False),
        ("20261101;020000", False),
        ("20261101;012100 EST", False),
        ("20261101;012100 America/Chicago", True),
        ("20260308;023000", False),
    ],
)
def test_a_time_that_the_clock_repeats_is_told(tmp_path: Path, clock: str, told: bool) -> None:
    generated = {"whenGenerated": "20261201;070000"}
    sheet = Sheet([{**ROW, "dateTime": clock}], until="20261130", attributes=generated)
    (statement,) = read(tmp_path, document(sheet))
    (fill,) = statement.fills
    assert bool(statement.notes) == told
    if told:
        assert "a row is in the hour that the clock repeats" in statement.notes[0]
        assert fill.time.day == 1
        assert fill.time.minute == 21


def test_notes_say_what_was_left_out(tmp_path: Path) -> None:
    cancel = ROW | {
        "quantity": "-100",
        "buySell": "BUY (Ca.)",
        "transactionType": "TradeCancel",
        "ibExecID": "",
        "origTradeID": "elsewhere",
    }
    merger = action("-10", "XYZ\u202e MERGED WITH ABC 1 FOR 2", "20260306;202500", kind="TC")
    (statement,) = read(tmp_path, document(Sheet([cancel], actions=[merger])))
    (unresolved,) = statement.observations
    assert isinstance(unresolved, Adjusted)
    assert unresolved.kind is AdjustmentKind.UNRESOLVED
    (merged,) = statement.notes
    assert "left for review, a corporate action (it does not say the proceeds" in merged
    assert merged.endswith("XYZ MERGED WITH ABC 1 FOR 2")
    (cancelled,) = carry_out(statement.cancellations, {}, Imported([])).notes
    assert "the trade is not known here" in cancelled


def test_a_trade_cancelled_within_its_statement(tmp_path: Path) -> None:
    cancel = ROW | {
        "quantity": "-100",
        "buySell": "BUY (Ca.)",
        "transactionType": "TradeCancel",
        "ibExecID": "",
        "tradeID": "",
        "origTradeID": ROW["tradeID"],
        "transactionID": "900",
    }
    (statement,) = read(tmp_path, document(Sheet([ROW, cancel])))
    (fill,) = statement.fills
    assert fill.quantity == 0
    assert fill.base_id == ROW["ibExecID"].rpartition(".")[0]
    # What both rows charge counts if it is booked again in another statement.
    (report,) = statement.commissions
    assert (report.exec_id, report.amount) == (fill.exec_id, 2 * Decimal("1.0443"))
    again = ROW | {"transactionID": "901"}
    (statement,) = read(tmp_path, document(Sheet([ROW, cancel, again])))
    assert [fill.quantity for fill in statement.fills] == [100]


def test_a_query_of_2017_has_day_and_time_apart(tmp_path: Path) -> None:
    row = ROW | {"dateTime": "", "tradeDate": "2017-04-25", "tradeTime": "105558"}
    sheet = Sheet([row], attributes={"fromDate": "2017-04-25", "toDate": "2017-04-25"})
    (statement,) = read(tmp_path, document(sheet))
    assert [fill.time for fill in statement.fills] == [
        datetime(2017, 4, 25, 14, 55, 58, tzinfo=UTC)
    ]
