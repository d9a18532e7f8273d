"""The dashboard: what the ledger holds, whether it is right, and what changed."""

import os

# Textual's own sixty a second would hold back a key's answer for a frame more. Read when it is
# imported, which is after this.
os.environ.setdefault("TEXTUAL_FPS", "240")
