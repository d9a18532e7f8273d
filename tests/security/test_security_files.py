"""Files: the owner's alone whatever was there before, no link followed, and what doctor says."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from possync_tui import logs, paths
from possync_tui.cli import main
from possync_tui.domain.text import mask_accounts
from possync_tui.settings import SettingsError, load
from possync_tui.tui import export
from possync_tui.tui.choices import ChoiceMemory
from tests.cli.conftest import closed_port

__all__ = ["closed_port"]


@pytest.fixture(autouse=True)
def everything_allowed() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's folders, none of them there yet; the logging of pytest is put back."""
    for name in ("CONFIG", "DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    for name in ("POSSYNC_LEDGER", "POSSYNC_MASK_ACCOUNTS", "IBKR_ACCOUNTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    root, own = logging.getLogger(), logging.getLogger("possync_tui")
    kept = (tuple(root.handlers), root.level, own.level, logging.raiseExceptions)
    root.handlers.clear()
    yield tmp_path
    for handler in tuple(root.handlers):
        root.removeHandler(handler)
        handler.close()
    root.handlers[:], (root.level, own.level, logging.raiseExceptions) = kept[0], kept[1:]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_that_choices_make_are_the_owners(tmp_path: Path) -> None:
    path = tmp_path / "new" / "state" / "choices.json"
    ChoiceMemory(path).keep(theme="nord")
    assert mode(path) == 0o600
    assert mode(path.parent) == mode(path.parent.parent) == 0o700


@pytest.mark.parametrize("is_link", [False, True])
def test_what_lies_in_the_way_of_a_file_is_not_written_through(
    tmp_path: Path, is_link: bool
) -> None:
    """In a folder that others may write, too: a link of theirs, or a file that they can read."""
    other = tmp_path / "somebody's"
    other.write_text("theirs")
    target = tmp_path / "export.csv"
    partial = tmp_path / f"export.csv.{os.getpid()}.part"
    for path in (partial, target):
        path.symlink_to(other) if is_link else path.write_text("old")
    with pytest.raises(FileExistsError):
        export.write(target, "ours", replace=False)
    export.write(target, "ours", replace=True)
    assert (target.read_text(), target.is_symlink(), mode(target)) == ("ours", False, 0o600)
    assert other.read_text() == "theirs"
    assert not partial.exists()


def test_a_log_that_others_could_read_is_closed_to_them(folders: Path) -> None:
    path = paths.log_file()
    path.parent.mkdir(parents=True)
    path.write_text("of before\n")
    path.chmod(0o644)
    assert logs.configure("INFO", mask=False, stderr_level=None) is None
    assert mode(path) == 0o600
    assert path.read_text() == "of before\n"


@pytest.mark.parametrize("command", ["positions", "sync"])
def test_a_crash_report_has_no_account_numbers(
    folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    def fall(*_: object, **__: object) -> None:
        raise RuntimeError("what of DU1000001 and of U0000002?")

    monkeypatch.setattr("possync_tui.cli.run._handler", fall)
    assert main([command, "--mask-accounts"]) == 1
    shown = capsys.readouterr()
    log = paths.log_file().read_text()
    assert "RuntimeError: what of DU•••••01 and of U0••••02?" in log
    assert "1000001" not in log + shown.out + shown.err


def test_a_complaint_about_settings_masks_where_that_is_asked_for(folders: Path) -> None:
    wrong = {"IBKR_ACCOUNTS": "U0000002 U0000001"}
    with pytest.raises(SettingsError, match="U0000002"):
        load(environ=wrong)
    with pytest.raises(SettingsError, match="IBKR_ACCOUNTS=U0••••02 U0••••01") as told:
        load(environ={**wrong, "POSSYNC_MASK_ACCOUNTS": "true"})
    assert "0000002" not in str(told.value)


def test_masks_are_made_of_codes_in_the_names_of_files_too() -> None:
    text = "U0000001_20260101_DU1000002.xml DI1000003 F0000001A"
    assert mask_accounts(text) == "U0••••01_20260101_DU•••••02.xml DI•••••03 F0•••••1A"
    for other in ("US0378331005", "CUSIP12345", "0000e0d5.6553d1f9.01.01", "ESZ6", "MSFT 260116"):
        assert mask_accounts(other) == other


@pytest.mark.parametrize(
    ("file_mode", "folder_mode", "says"),
    [
        (0o600, 0o700, ""),
        (0o644, 0o755, ""),
        (0o666, 0o700, "can be written by everybody"),
        (0o600, 0o777, "the folder of"),
        (0o600, 0o1777, ""),
    ],
)
def test_doctor_says_who_else_may_change_the_settings(
    folders: Path,
    capsys: pytest.CaptureFixture[str],
    closed_port: str,
    file_mode: int,
    folder_mode: int,
    says: str,
) -> None:
    folder = folders / "elsewhere"
    folder.mkdir()
    file = folder / "mine.env"
    file.write_text("POSSYNC_MASK_ACCOUNTS=true\n")
    file.chmod(file_mode)
    folder.chmod(folder_mode)
    link = folders / "link.env"
    link.symlink_to(file)
    for path in (file, link):
        assert main(["doctor", "--env-file", str(path), "--port", closed_port]) == 3
        shown = capsys.readouterr().out
        assert ("make it yours alone" in shown) == bool(says)
        assert says in shown


def test_a_file_of_another_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / ".env"
    path.write_text("")
    path.chmod(0o600)
    assert paths.who_else_may_change(path) == ""
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    expected = "" if owner == 0 else f"{path} belongs to another user"
    assert paths.who_else_may_change(path) == expected
