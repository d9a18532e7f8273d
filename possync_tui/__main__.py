"""`python -m possync_tui` is `possync-tui`."""

import sys

from possync_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
