"""A little nonsense in each run; more by `python -m tests.simulation.fuzz wire 0:10000`."""

import asyncio
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from possync_tui.domain.money import BadNumber, parse_number
from possync_tui.flex.document import FlexRefused
from possync_tui.flex.statement import read_flex
from possync_tui.settings import SettingsError, load
from tests.flex.build import Sheet, trade, write
from tests.simulation import fuzz_files, fuzz_wire
from tests.simulation.replay import read_recordings


@pytest.mark.parametrize("first", range(8, 20, 4))
def test_a_broker_that_talks_nonsense(first: int) -> None:
    for seed in range(first, first + 4):
        report = fuzz_wire.run_seed(seed)
        story = "\n".join(report.story)
        why = f"python -m tests.simulation.fuzz wire {seed}:{seed + 1}\n{story}\n{report.failure}"
        assert report.ok, why


def _recording() -> object:
    """A session in the form in which recordings of real ones are kept."""
    told = {
        "accounts": (15, "1|DU9000001", None),
        "next id": (9, "1|1", None),
        "time": (49, "1|1752606307", None),
        "stock": (61, "3|DU9000001|1|XYZ|STK||0.0|||NASDAQ|USD|XYZ|NMS|-110|201.8829709", None),
        "future": (61, "3|DU9000001|2|ES|FUT|20270919|0.0||50||USD|ESU7|ES|1|315114.75", None),
        "end": (62, "1", None),
        "value": (63, "1|0|DU9000001|NetLiquidation|246447.83|USD", 2),
        "values end": (64, "1|0", 2),
        "of another version": (62, "1", None),
    }
    messages = [
        {
            "name": name,
            "raw": f"{number}|{text}|".replace("|", "\0"),
            "req_id_field": at,
            "versions": [190, 200] if name == "of another version" else [157, 200],
        }
        for name, (number, text, at) in told.items()
    ]
    answers = {
        "reqPositions": ["stock", "of another version", "future", "end"],
        "reqCurrentTime": ["time"],
        "reqAccountSummary": ["value", "values end"],
    }
    one = {"bootstrap": ["accounts", "next id"], "answers": answers, "push": ["stock", "end"]}
    return {"recorded": {"sets": {"one": one | {"messages": messages}}}}


def test_a_recorded_session_and_its_nonsense(tmp_path: Path) -> None:
    """What it told is in the ledger, once the messages are left as they are."""
    file = tmp_path / "recording.json"
    file.write_text(json.dumps(_recording()))
    recordings = read_recordings(file)
    assert recordings[0].rows() == {
        ("DU9000001", 1): (Decimal(-110), Decimal("201.8829709")),
        ("DU9000001", 2): (Decimal(1), Decimal("315114.75")),
    }
    spoilt = 0
    for seed in range(4):
        report = fuzz_wire.run_seed(seed, recordings)
        assert report.ok, f"{report.story}\n{report.failure}"
        spoilt += sum(report.deeds.values())
    assert spoilt > 20


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
