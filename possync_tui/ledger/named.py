"""A life by the names that stand beside it in the tables."""

from typing import NamedTuple


class NamedLife(NamedTuple):
    """A life, and what the tables call the contract that it is of."""

    life_id: int
    symbol: str
    description: str
    sec_type: str
    currency: str
