"""Keeps the outline of this start for the first look of the next one."""

import logging
import os
import sys
from pathlib import Path

from possync_tui import __version__, paths
from possync_tui import outline as outlines
from possync_tui.cli.call import Call
from possync_tui.cli.first_rows import NAMES, SORTS
from possync_tui.outline import NoOutline, Outline

logger = logging.getLogger(__name__)


class OutlineKeeper:
    """Made before the dashboard opens: what is changed in there, the next start draws up anew."""

    def __init__(self, call: Call, *, is_own: bool) -> None:
        """`is_own`: on the user's ledger; that of a simulated desk begins anew at every start."""
        found, ledger = call.settings.env_file, call.settings.possync.ledger
        self._env_file = "" if found is None else str(found)
        self._ledger = str(ledger)
        self._masks = call.settings.possync.mask_accounts
        self._words = sys.argv[1:]
        given = {*os.environ.values(), *(word.rpartition("=")[2] for word in self._words)}
        # Any other path may have been given from the current folder on.
        self._is_anywhere = ledger == paths.default_ledger() or self._ledger in given
        self._inputs = ""
        folders = outlines.user_folders()
        # Where a library says otherwise, the next start would not look there.
        if is_own and folders is not None and Path(folders[0]) == paths.state_folder():
            self._inputs = outlines.inputs_of(
                __version__, self._words, folders, self._env_file, is_anywhere=self._is_anywhere
            )

    def keep(self, outline: Outline) -> None:
        """Remember it for the next start, which does without where that cannot be."""
        if not self._inputs or outline.sort not in SORTS:
            return
        if not {slot.id for slot in outline.slots} <= NAMES:
            # Columns that take more to be drawn than the first look may.
            return
        try:
            self._write(outline)
        except (NoOutline, OSError) as error:
            logger.info("no first look at the next start: %s", error)

    def _write(self, outline: Outline) -> None:
        text = outlines.head(self._env_file, is_anywhere=self._is_anywhere)
        text += outline.to_text(self._inputs, self._ledger, self._masks)
        path = Path(outlines.file_of(str(paths.state_folder()), outline.size, self._words))
        if path.is_file() and path.read_bytes() == text.encode():
            return
        paths.make_private_folder(path.parent)
        paths.write_private(path, text.encode())
        files = sorted(path.parent.iterdir(), key=lambda file: -os.stat(file).st_mtime_ns)
        for old in files[outlines.MOST_KEPT :]:
            old.unlink(missing_ok=True)
