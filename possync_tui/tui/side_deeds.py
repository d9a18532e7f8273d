"""What can be done on the screens that lie over the dashboard, but for that of realized P&L."""

from possync_tui.tui.actions import Area, Deed

BOTH_METHODS = Deed(
    "both-methods",
    "f",
    "toggle_methods",
    "Both methods",
    "Journal by both cost methods, or by the one in use",
    Area.LOOK,
    -2,
)

ENTRY_DEEDS = (BOTH_METHODS,)
"""An entry's evidence."""

LIFE_DEEDS = (
    Deed("part-1", "1", "show_part(0)", "Story", "What happened, from the journal", Area.MOVE, -5),
    Deed("part-2", "2", "show_part(1)", "Realized", "What it realized", Area.MOVE, -4),
    Deed("part-3", "3", "show_part(2)", "Lots", "Its open lots", Area.MOVE, -3),
    Deed("next-part", "tab", "next_part(1)", "Next part", "The next part", Area.MOVE),
    Deed("last-part", "shift+tab", "next_part(-1)", "Part before", "The part before", Area.MOVE),
    BOTH_METHODS,
)
"""A position's life."""

REVIEW_DEEDS = (
    Deed("accept", "A", "decide(True)", "Accept", "Accept what is held", Area.SYNC, -3),
    Deed("keep", "K", "decide(False)", "Keep", "Keep things as they are", Area.SYNC, -2),
)
"""What is held. Capitals: a decision is not made by a slip of the finger."""
