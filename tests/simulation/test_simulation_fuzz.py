"""A little nonsense in each run; more by `python -m tests.simulation.fuzz wire 0:10000`."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from possync_tui.domain.money import BadNumber, parse_number
from possync_tui.flex.document import FlexRefused
from possync_tui.flex.statement import read_flex
from possync_tui.settings import SettingsError, load
from tests.flex.build import Sheet, trade, write
from tests.simulation import fuzz_files, fuzz_wire


@pytest.mark.parametrize("first", range(8, 20, 4))
def test_a_broker_that_talks_nonsense(first: int) -> None:
    for seed in range(first, first + 4):
        report = fuzz_wire.run_seed(seed)
        story = "\n".join(report.story)
        why = f"python -m tests.simulation.fuzz wire {seed}:{seed + 1}\n{story}\n{report.failure}"
        assert report.ok, why


def test_spoilt_statements(tmp_path: Path) -> None:
    templates = fuzz_files.Templates(tmp_path)
    asyncio.run(templates.make())
    done = Counter[str]()
    for seed in range(30):
        report = fuzz_files.run_flex_seed(seed, templates)
        assert report.ok, f"fuzz flex {seed}:{seed + 1}: {report.failure}"
        done += report.deeds
    assert min(done["imported"], done["refused"]) > 10


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("quantity", "1E+9999999"),
        ("tradePrice", "-1E+9999999"),
        ("conid", "000000000001" + 1000 * "9"),
        ("ibCommission", "-1e15"),
        ("quantity", "1e12"),
    ],
)
def test_a_number_too_large_to_be_worked_with_refuses_the_statement(
    tmp_path: Path, field: str, text: str
) -> None:
    row = trade("100", "10", "20260303;100000") | {field: text}
    with pytest.raises(FlexRefused, match=f"{field}|absurdly large"):
        read_flex(write(tmp_path / "flex.xml", Sheet([row])))


def test_a_zero_with_a_huge_exponent_is_a_plain_zero() -> None:
    assert str(parse_number("quantity", "-0E+9999999")) == "0"
    with pytest.raises(BadNumber, match="absurdly large"):
        parse_number("quantity", "1E+9999999")


def test_spoilt_settings() -> None:
    done = Counter[str]()
    for seed in range(60):
        report = fuzz_files.run_settings_seed(seed)
        assert report.ok, f"python -m tests.simulation.fuzz settings {seed}:{seed + 1}"
        done += report.deeds
    assert {"settings read", "settings refused", "choices read", "choices refused"} <= done.keys()


def test_an_endless_name_of_a_setting_is_named_in_short() -> None:
    with pytest.raises(SettingsError) as refused:
        load(environ={"IBKR_" + "9" * 100_000: "1"}, env_file=Path("/dev/null"))
    assert len(str(refused.value)) < 160
