"""What is wrong with a position, and what to do about it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from possync_tui.tui.columns import Cell
from possync_tui.tui.format import clean, counted, moment
from possync_tui.tui.holdings import Holding
from possync_tui.tui.tones import Tone

NAMES_SHOWN = 6
"""Of the rows that something is wrong with."""


def missing_note(holding: Holding, now: datetime, review_key: str) -> Cell | None:
    """What to do about a position that the broker no longer reports."""
    if not holding.is_missing:
        return None
    what = "kept by your word" if holding.is_kept else f"{review_key} to review"
    since = holding.view.missing_since
    briefer = (
        *((f"missing {moment(since, now)} — {what}",) if since else ()),
        "missing: kept" if holding.is_kept else f"missing: {review_key} reviews",
        "missing" if holding.is_kept else f"missing: {review_key}",
        "missing",
    )
    return Cell(f"{_missing_since(holding, now)} — {what}", Tone.WARNING, briefer=briefer)


def _missing_since(holding: Holding, now: datetime) -> str:
    since = holding.view.missing_since
    return f"missing since {moment(since, now)}" if since else "missing at the broker"


def explained(holding: Holding, now: datetime, key: Callable[[str], str]) -> str:
    """What is wrong with a row and what to do about it; empty where all is well.

    `key` names the key of a deed.
    """
    name = clean(holding.view.description or holding.view.symbol)
    if holding.is_missing:
        since = f"{name} is {_missing_since(holding, now)}: TWS does not list it and no closing "
        return f"{since}fill is known. {_ways_out(holding, key)}"
    if holding.held is not None:
        return f"{name} is held: {holding.held} {key('review')} decides."
    return ""


def _ways_out(holding: Holding, key: Callable[[str], str]) -> str:
    """What settles a missing position: one that is held in bulk, or kept, no sync closes."""
    review = key("review")
    if holding.is_kept:
        return f"You kept it so; {review} decides anew, a statement settles it."
    if holding.together > 1:
        others = counted(holding.together - 1, "other")
        return (
            f"It vanished together with {others}, so no sync closes it: {review} decides on "
            "those still gone, a statement settles it."
        )
    return f"{review} decides; {key('missing')} lets syncs close it; a statement settles it."


def in_need_of_a_word(rows: Iterable[Holding], key: Callable[[str], str]) -> str:
    """Which rows something is wrong with, for where the cursor is on none of them."""
    rows = tuple(rows)
    missing = [row for row in rows if row.is_missing]
    held = [row for row in rows if row.held is not None and not row.is_missing]
    named = [_named("Missing", missing), _named("Held", held)]
    said = " ".join(words for words in named if words)
    return f"{said} {key('review')} decides; the row under the cursor says why." if said else ""


def _named(word: str, rows: Sequence[Holding]) -> str:
    names = [clean(row.view.description or row.view.symbol) for row in rows]
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"{word}: {', '.join(names[:NAMES_SHOWN])}{more}." if names else ""
