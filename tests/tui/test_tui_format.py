"""Text from outside, numbers and times."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from possync_tui.tui import format as shown
from tests.tui.desk_book import NOW
from tests.tui.hostile import HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_clean_leaves_no_control_character(text: str) -> None:
    cleaned = shown.clean(text)
    assert all(character.isprintable() for character in cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("AAPL", "AAPL"),
        ("[red]AAPL[/red]", "[red]AAPL[/red]"),
        ("a\x1b]52;c;c2VjcmV0\x07b", "ab"),
        ("a\x1b]52;c;c2VjcmV0\x1b\\b", "ab"),
        ("a\x1b]0;title", "a"),
        ("a\x1b[31mb\x1b[0m", "ab"),
        ("a\x9b31mb", "ab"),
        ("a\x1bcb", "ab"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("\u202eevil\u202c", "evil"),
        ("nul\x00 del\x7f", "nul del"),
        ("日本 ünïcode", "日本 ünïcode"),
    ],
)
def test_clean_takes_whole_sequences_out(text: str, cleaned: str) -> None:
    assert shown.clean(text) == cleaned


def test_clean_cuts_what_nobody_reads() -> None:
    assert len(shown.clean("x" * 100_000)) <= shown.LONGEST + 1


@given(st.text(max_size=60), st.integers(0, 40), st.booleans())
def test_fit_is_exactly_as_wide_as_asked(text: str, width: int, right: bool) -> None:
    assert cell_len(shown.fit(shown.clean(text), width, right=right)) == width


@given(st.text(max_size=200), st.integers(8, 60))
def test_wrap_never_exceeds_its_width(text: str, width: int) -> None:
    rows = shown.wrap(shown.clean(text), width, 4)
    assert 1 <= len(rows) <= 4
    assert all(cell_len(row) <= width for row in rows)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (Decimal("NaN"), "–"),
        (Decimal(0), "0.00"),
        (Decimal("-0.001"), "0.00"),
        (Decimal("1234567.891"), "1,234,567.89"),
        (Decimal("-42.1"), "−42.10"),
    ],
)
def test_money(value: Decimal | None, text: str) -> None:
    assert shown.money(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("400.0"), "400"),
        (Decimal("0.4321"), "0.4321"),
        (Decimal(-12000), "−12,000"),
        (Decimal("1E+3"), "1,000"),
    ],
)
def test_quantities_have_no_needless_zeros(value: Decimal, text: str) -> None:
    assert shown.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (Decimal("231.5"), "231.50"),
        (Decimal("98.125"), "98.125"),
        (Decimal("402.8133333"), "402.81"),
        (Decimal("1.08412"), "1.08412"),
        (Decimal("1.084125"), "1.0841"),
        (Decimal("0.734215"), "0.734215"),
        (Decimal("61220.15"), "61,220.15"),
    ],
)
def test_prices_show_more_decimals_the_smaller_they_are(value: Decimal | None, text: str) -> None:
    assert shown.price(value) == text


def test_fx_prices_are_fine() -> None:
    assert shown.price(Decimal("1.084125"), fine=True) == "1.08412"


def test_direction_never_hangs_on_colour() -> None:
    assert shown.marked(Decimal(5)) == "▲ 5.00"
    assert shown.marked(Decimal(-5)) == "▼ −5.00"
    assert shown.marked(Decimal("0.001")) == "0.00"
    assert shown.marked(None) == "–"
    assert shown.signed(Decimal(5)) == "+5.00"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "now"), (9.9, "now"), (12, "10 s"), (59, "50 s"), (61, "1 m"), (7200, "2 h")],
)
def test_age_is_coarse(seconds: float, text: str) -> None:
    assert shown.age(seconds) == text


def test_countdowns() -> None:
    assert shown.countdown(288) == "4:48"
    assert shown.countdown(-5) == "0:00"
    assert shown.long_countdown(3552) == "0:59:12"
    assert shown.long_countdown(3600) == "1:00:00"
    assert shown.long_countdown(9) == "0:00:09"


def test_spans_and_durations() -> None:
    assert shown.span(9) == "9 s"
    assert shown.span(724) == "12 m 4 s"
    assert shown.span(3 * 3600 + 720) == "3 h 12 m"
    assert shown.span(200_000) == "2 d 7 h"
    assert shown.milliseconds(17.6) == "18 ms"
    assert shown.milliseconds(0.2) == "<1 ms"
    assert shown.milliseconds(30_000) == "30.0 s"
    assert shown.milliseconds(None) == "–"


def test_moments_near_and_far() -> None:
    assert shown.moment(NOW - timedelta(hours=1), NOW) == "13:30"
    assert shown.moment(NOW - timedelta(days=2), NOW) == "Mon 14:30"
    assert shown.moment(NOW - timedelta(days=30), NOW) == "19 Oct 14:30"
    assert shown.moment(NOW - timedelta(days=400), NOW) == "2025-10-14"


def test_accounts_are_masked_where_asked() -> None:
    masking = shown.Redaction(mask_accounts=True)
    masking.learn(["DU7654303", "DU76543"])
    assert masking.account("DU7654303") == "DU•••••03"
    assert masking.text("DU7654303 is new, DU76543 is not") == "DU•••••03 is new, DU•••43 is not"
    plain = shown.Redaction(mask_accounts=False)
    plain.learn(["DU7654303"])
    assert plain.text("DU7654303") == "DU7654303"


SENTENCES = (
    (
        "AAPL 1234567.8900000001 → 2000000, average cost 33.33333333333333333",
        "AAPL 1,234,567.89 → 2,000,000, average cost 33.33",
    ),
    ("600519 new, 1000000", "600519 new, 1,000,000"),
    ("closed 1500 @ 231.5, -1204.5 USD", "closed 1,500 @ 231.5, −1,204.5 USD"),
    # What the ledger keeps is shown to its last digit.
    ("AAPL: realized 12345.678901 USD", "AAPL: realized 12,345.678901 USD"),
    ("quantity -2 → -30000", "quantity −2 → −30,000"),
    ("0.43210001 BTC", "0.43210001 BTC"),
    # Names, ids, ports, codes and addresses are no amounts.
    ("SPX 19DEC26 5012.5 P: closed", "SPX 19DEC26 5012.5 P: closed"),
    ("port 7497 of 127.0.0.1:7497, code 10167", "port 7497 of 127.0.0.1:7497, code 10167"),
    ("execution 0000e0d5.66f0c11b.01 of contract 265598", None),
    ("entry 12345 reversed; hold 10001; T 4 1/4 11/15/34", None),
    ("version 10.19, 1,234.5, 2026-11-18, /tmp/12345.678", None),
    # Times, in the zone of the user.
    ("at 2026-11-18T14:30:12.123456+00:00", "at 2026-11-18 20:00:12"),
    ("at 2026-11-18T14:30:12Z.", "at 2026-11-18 20:00:12."),
    ("9f31 at 2026-11-18 14:30:12 UTC", "9f31 at 2026-11-18 20:00:12"),
    ("at 2026-13-18T14:30:12Z", None),
)


@pytest.mark.parametrize(("told", "seen"), SENTENCES, ids=[told for told, _ in SENTENCES])
def test_sentences_have_figures_and_times_as_tables_do(
    told: str, seen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    assert shown.readable(told) == (told if seen is None else seen)
    assert shown.readable(shown.readable(told)) == shown.readable(told)


@given(st.text(max_size=80))
def test_what_has_no_digit_stays(text: str) -> None:
    told = "".join(character for character in text if not character.isdigit())
    assert shown.readable(told) == told


@given(st.text(alphabet="0123456789.,-→ @TZ:+abUC", max_size=60))
def test_no_sentence_is_too_odd(text: str) -> None:
    assert shown.readable(shown.readable(text)) is not None
