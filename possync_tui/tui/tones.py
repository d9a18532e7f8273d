"""What a piece of text means, apart from how the theme shows that."""

from enum import StrEnum

from textual.content import Content


class Tone(StrEnum):
    """A meaning; `styles/possync.tcss` and `STYLES` give it its look."""

    PLAIN = "plain"
    STRONG = "strong"
    DIM = "dim"
    STALE = "stale"
    GAIN = "gain"
    LOSS = "loss"
    WARNING = "warning"
    ERROR = "error"
    ACCENT = "accent"
    BADGE = "badge"
    LIVE = "live"
    PAPER = "paper"
    DEMO = "demo"
    TITLE = "title"


STYLES = {
    Tone.PLAIN: "",
    Tone.STRONG: "bold",
    Tone.DIM: "$quiet",
    Tone.STALE: "$quiet italic",
    Tone.GAIN: "$gain",
    Tone.LOSS: "$loss",
    Tone.WARNING: "$text-warning",
    Tone.ERROR: "$text-error",
    Tone.ACCENT: "$text-primary",
    Tone.BADGE: "bold $text-warning reverse",
    Tone.LIVE: "bold $live-text reverse",
    Tone.PAPER: "bold $paper",
    Tone.DEMO: "bold $demo",
    Tone.TITLE: "bold $text-primary",
}

Piece = str | tuple[str, Tone] | Content


def say(*pieces: Piece) -> Content:
    """One text from pieces, none of which is read as markup."""
    parts: list[Content] = []
    for piece in pieces:
        if isinstance(piece, tuple):
            text, tone = piece
            parts.append(Content.styled(text, STYLES[tone]) if STYLES[tone] else Content(text))
        else:
            parts.append(Content(piece) if isinstance(piece, str) else piece)
    return Content("").join(parts)


def lines(*rows: Content) -> Content:
    return Content("\n").join(rows)
