"""What every check of the simulation raises."""


class InvariantBroken(AssertionError):
    """The program did what it promises never to do."""
