"""Tables, JSON and CSV: exact numbers, harmless text."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from possync_tui.cli.json_text import to_json
from possync_tui.cli.render import Column, Output, Row
from possync_tui.domain.exports import csv_text
from possync_tui.domain.text import mask_account, mask_accounts, printable

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**15)).filter(
    lambda amount: abs(amount) < 10**15
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | amounts | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.sampled_from([None, 2]))
def test_json_says_exactly_what_was_meant(value: object, indent: int | None) -> None:
    text = to_json(value, indent=indent)
    assert text.isascii()
    assert json.loads(text, parse_float=Decimal) == value
    assert indent is not None or "\n" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1.10"), "1.1"),
        (Decimal("0.1"), "0.1"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.00"), "0"),
        (Decimal("123456789012345.123456"), "123456789012345.123456"),
        (Decimal("NaN"), "null"),
        (12.5, "12.5"),
        (datetime(2026, 1, 31, 22, 0, tzinfo=timezone(timedelta(hours=1))), None),
        ({}, "{}"),
        ([], "[]"),
    ],
)
def test_json_of_single_values(value: object, text: str | None) -> None:
    assert to_json(value) == (text or '"2026-01-31T21:00:00+00:00"')


def test_json_of_something_else_is_a_bug() -> None:
    with pytest.raises(TypeError):
        to_json(object())


COLUMNS = (Column("name", "Name"), Column("amount", "Amount", 2), Column("size", "Size"))
ROWS: list[Row] = [
    {"name": "AAPL", "amount": Decimal("1234.5"), "size": Decimal("0.3333")},
    {"name": "日本\x1b[2J", "amount": None, "size": Decimal(-100)},
]


def test_table(capsys: pytest.CaptureFixture[str]) -> None:
    Output("table", mask=False).table(COLUMNS, ROWS)
    assert capsys.readouterr().out.splitlines() == [
        "Name       Amount    Size",
        "AAPL     1,234.50  0.3333",
        "日本[2J         –    -100",
    ]


@pytest.mark.parametrize("symbol", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_holds_no_formula(symbol: str, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"symbol": symbol, "amount": Decimal("-5.50"), "at": datetime(2026, 1, 2, tzinfo=UTC)}
    Output("csv", mask=False).csv(("symbol", "amount", "at", "none"), [row])
    head, line = capsys.readouterr().out.splitlines()
    assert head == "symbol,amount,at,none"
    shown, amount, at, none = line.split(",")
    assert not shown.startswith(("=", "+", "-", "@", "\t"))
    assert (amount, at, none) == ("-5.5", "2026-01-02T00:00:00+00:00", "")


def test_masking_reaches_codes_and_messages_but_not_paths(
    capsys: pytest.CaptureFixture[str],
) -> None:
    value = {
        "accounts": [{"code": "DU1000003"}],
        "message": "U0000001 is new",
        "path": "/home/me/U0000001/ledger",
        "symbol": "U",
    }
    Output("json", mask=True).json(value)
    assert json.loads(capsys.readouterr().out) == {
        "accounts": [{"code": "DU•••••03"}],
        "message": "U0••••01 is new",
        "path": "/home/me/U0000001/ledger",
        "symbol": "U",
    }


@given(st.text())
def test_printable_text_is_one_safe_line(text: str) -> None:
    shown = printable(text)
    assert "\n" not in shown
    assert all(ord(char) >= 32 and not 127 <= ord(char) < 160 for char in shown)
    assert printable(shown) == shown


def test_masks() -> None:
    assert mask_account("DU1000003") == "DU•••••03"
    assert mask_account("U1") == "••"
    assert mask_accounts("from U0000002, to DUH123456.") == "from U0••••02, to DU•••••56."
    assert mask_accounts("AAPL ESZ6 US0378331005 F 12345") == "AAPL ESZ6 US0378331005 F 12345"


@pytest.mark.parametrize("sizes", [[], [0], [3], [1, 2], [2, 0, 1]])
async def test_what_is_written_page_by_page_is_what_would_be_at_once(
    sizes: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    rows: list[Row] = [{"name": f"=A{n}", "amount": Decimal(n)} for n in range(sum(sizes))]

    async def pages() -> AsyncIterator[list[Row]]:
        start = 0
        for size in sizes:
            yield rows[start : start + size]
            start += size

    rest = {"totals": [{"currency": "USD", "realized_pnl": Decimal("1.5")}], "none": []}
    out = Output("json", mask=False)
    await out.json_pages("entries", pages(), rest)
    assert capsys.readouterr().out == to_json({"entries": rows, **rest}) + "\n"
    await out.csv_pages(("name", "amount"), pages())
    assert capsys.readouterr().out == csv_text(("name", "amount"), rows)
