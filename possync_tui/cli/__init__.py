"""The command line, and with it the composition root."""

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one command and return its exit code.

    The dashboard's first look comes before all else: it loads next to nothing.
    """
    words = sys.argv[1:] if argv is None else argv
    from possync_tui.cli import first_paint

    # Until all is loaded there is nothing to find for it, and much to look at.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        first_paint.show(words)
        if first_paint.now_up() is None and was_enabled:
            gc.enable()
        from possync_tui.cli.run import run

        return run(words)
    except KeyboardInterrupt:
        return 130
    finally:
        first_paint.leave()
