"""The log file: private, in UTC, on one line, masked when asked, and never a condition."""

import logging
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from possync_tui import logs, paths


@pytest.fixture(autouse=True)
def log_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A log of the test's own; the logging of pytest is put back afterwards."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    root, own = logging.getLogger(), logging.getLogger("possync_tui")
    kept = (tuple(root.handlers), root.level, own.level, logging.raiseExceptions)
    root.handlers.clear()
    yield paths.log_file()
    for handler in tuple(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = kept[0]
    root.setLevel(kept[1])
    own.setLevel(kept[2])
    logging.raiseExceptions = kept[3]


def test_lines_have_utc_time_level_and_place(log_file: Path) -> None:
    assert logs.configure("INFO", mask=False, stderr_level=None) is None
    logging.getLogger("possync_tui.sync.service").info("synced %d", 3)
    logging.getLogger("possync_tui.sync.service").debug("too much")
    logging.getLogger("somebody.else").info("not ours")
    logging.getLogger("somebody.else").warning("trouble")
    lines = log_file.read_text().splitlines()
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    sync\.service: synced 3", lines[0]
    )
    assert lines[1].endswith("WARNING somebody.else: trouble")
    assert len(lines) == 2


def test_only_the_owner_can_read_it_after_rotation_too(
    log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_MOST_BYTES", 200)
    logs.configure("INFO", mask=False, stderr_level=None)
    for number in range(10):
        logging.getLogger("possync_tui").info("line %d %s", number, "x" * 50)
    files = sorted(log_file.parent.iterdir())
    assert len(files) > 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(log_file.parent.stat().st_mode) == 0o700


def test_a_log_that_another_instance_has_rotated_away(
    log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_MOST_BYTES", 200)
    logs.configure("INFO", mask=False, stderr_level=None)
    for number in range(10):
        log_file.unlink(missing_ok=True)
        logging.getLogger("possync_tui").info("line %d %s", number, "x" * 150)
    assert "line 9" in log_file.read_text()


def test_what_comes_from_outside_cannot_forge_a_line(log_file: Path) -> None:
    logs.configure("INFO", mask=False, stderr_level=None)
    try:
        raise ValueError("bad\x1b[2J\nvalue")
    except ValueError:
        logging.getLogger("possync_tui").exception("a\n2026-01-01T00:00:00Z INFO b\x1b]0;t\x07")
    text = log_file.read_text()
    assert text.isascii()
    assert all(char.isprintable() or char == "\n" for char in text)
    assert not re.search(r"^2026-01-01", text, re.MULTILINE)
    assert "Traceback" in text


def test_accounts_are_masked_in_messages_and_tracebacks(log_file: Path) -> None:
    logs.configure("INFO", mask=True, stderr_level=None)
    try:
        raise ValueError("no DU1000002")
    except ValueError:
        logging.getLogger("possync_tui").exception("account U0000001 refused")
    text = log_file.read_text()
    assert "U0000001" not in text
    assert "U0••••01" in text
    assert "DU1000002" not in text


def test_stderr_is_for_headless_commands(
    log_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("ERROR", mask=False, stderr_level=logging.WARNING)
    logging.getLogger("possync_tui").warning("held")
    logging.getLogger("possync_tui").info("calm")
    logging.getLogger("ib_insync").error("the library's own words")
    assert capsys.readouterr().err == "warning: held\n"
    assert "held" not in log_file.read_text()


def test_without_stderr_nothing_reaches_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("INFO", mask=False, stderr_level=None, to_file=False)
    logging.getLogger("possync_tui").error("a")
    logging.getLogger("other").critical("b")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_no_log_file_is_said_and_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    problem = logs.configure("INFO", mask=False, stderr_level=None)
    assert problem is not None
    assert problem.startswith("no log file: ")
    logging.getLogger("possync_tui").error("goes nowhere")
