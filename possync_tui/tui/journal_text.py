"""Lines of the journal as running text: when, what, and on what evidence."""

from collections.abc import Iterable

from rich.cells import cell_len
from textual.content import Content

from possync_tui.domain.views import JournalView
from possync_tui.tui.format import Redaction, clean, readable, stamp, wrap
from possync_tui.tui.tones import Tone, lines, say

TIME_WIDTH = 21
KIND_WIDTH = 10
MOST_ROWS = 5
LEAST_BESIDE = 36
"""With fewer cells beside the time, the text goes under it."""
KINDS = {
    "created": ("+", Tone.GAIN),
    "updated": ("~", Tone.ACCENT),
    "closed": ("−", Tone.STRONG),
    "missing": ("?", Tone.WARNING),
    "absent": ("?", Tone.WARNING),
    "returned": ("+", Tone.GAIN),
    "voided": ("×", Tone.WARNING),
    "realized": ("$", Tone.STRONG),
    "reversed": ("↩", Tone.WARNING),
    "held": ("⚑", Tone.WARNING),
    "cleared": ("✓", Tone.GAIN),
    "decided": ("✎", Tone.ACCENT),
    "remark": ("·", Tone.DIM),
}


def without_name(text: str, name: str) -> str:
    """A line about a position names it first; where all lines are about one, that is noise."""
    return text.removeprefix(f"{name}: ") if name else text


def journal_lines(
    shown: Redaction, told: Iterable[JournalView], room: int, *, indent: str = "", name: str = ""
) -> list[Content]:
    """Each line with its evidence beside it where there is room, else under it."""
    found = []
    beside = room - TIME_WIDTH - KIND_WIDTH
    is_under = beside < LEAST_BESIDE
    hang = " " * (4 if is_under else TIME_WIDTH + KIND_WIDTH)
    space = max(24, room - len(hang))
    for line in told:
        text = readable(without_name(shown.text(line.text), clean(name)))
        evidence = shown.story(line.evidence)
        head = say(
            indent,
            (stamp(line.at).ljust(TIME_WIDTH), Tone.DIM),
            (f"{clean(line.kind)[: KIND_WIDTH - 1]:<{KIND_WIDTH}}", kind_tone(line.kind)),
        )
        if evidence and cell_len(text) + cell_len(evidence) + 2 <= beside:
            found.append(say(head, text, (f"  {evidence}", Tone.DIM)))
            continue
        if is_under and cell_len(text) > beside:
            first, others = "", wrap(text, space, MOST_ROWS)
        else:
            first, *others = wrap(text, space, MOST_ROWS)
        rows = [say(head, first), *(say(indent, hang, other) for other in others)]
        if evidence:
            rows += [say(indent, hang, (row, Tone.DIM)) for row in wrap(evidence, space, MOST_ROWS)]
        found.append(lines(*rows))
    return found


def kind_tone(kind: str) -> Tone:
    return KINDS.get(kind, ("·", Tone.ACCENT))[1]
