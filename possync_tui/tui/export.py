"""Realized entries as a file that a spreadsheet opens right and a program reads exactly."""

from collections.abc import Iterable
from pathlib import Path

from possync_tui.domain.exports import ENTRY_KEYS, csv_text, entry_row
from possync_tui.domain.views import EntryView
from possync_tui.paths import create_private, make_private_folder, write_private
from possync_tui.tui.format import Redaction

_MOST_BESIDE = 100


def entries_text(entries: Iterable[EntryView], shown: Redaction) -> str:
    """The entries as `pnl --format csv` prints them."""
    rows = ({**entry_row(entry), "account": shown.account(entry.account)} for entry in entries)
    return csv_text(ENTRY_KEYS, rows)


def destination(typed: str, default_name: str, folder: Path) -> Path:
    """Where to write, in full: a path from `folder` on; of a folder, the default name in it.

    Raises `ValueError` for what no path can be.
    """
    if not typed.isprintable():
        raise ValueError("a path has no control characters")
    path = folder / Path(typed.strip() or default_name).expanduser()
    return (path / default_name if path.is_dir() else path).resolve()


def write(path: Path, text: str, *, replace: bool) -> None:
    """Write the file into a folder that is there, readable by its owner alone (design promise 14).

    Raises `FileExistsError` for one that is there already, unless it may be replaced.
    """
    # Excel takes UTF-8 for what it is only with this mark; plain ASCII needs none.
    encoded = text.encode("utf-8" if text.isascii() else "utf-8-sig", errors="replace")
    if replace:
        write_private(path, encoded)
    else:
        create_private(path, encoded)


def write_beside(folder: Path, name: str, picture: str) -> Path:
    """Write a picture into `folder`, made if need be; another of that name stays. Returns where."""
    make_private_folder(folder)
    path = folder / f"{name}.svg"
    for number in range(2, _MOST_BESIDE):
        if not path.exists():
            break
        path = folder / f"{name}-{number}.svg"
    write(path, picture, replace=False)
    return path
