"""Contracts in the order in which a trader looks for them."""

import random

import pytest

from possync_tui.domain.label_order import label_order

IN_ORDER = (
    ["AAPL", "AAPL 18DEC26 250 C", "AAPL 18DEC26 250 P", "AAPL 15JAN27 95 C", "AAPL 15JAN27 250 C"],
    ["SPX 9DEC26 5000 P", "SPX 19DEC26 95 C", "SPX 19DEC26 95.5 C", "SPX 19DEC26 1000 C", "SPXW"],
    ["ES", "ESZ6", "ES 19DEC26 5000 P", "ESH7", "ESZ9", "ESH0", "ESTX50"],
    ["FESX", "FESX DEC 26", "FESX MAR 27", "FESX JUN 27"],
    ["700", "6758", "7203", "alv", "BMW", "EUR.USD", "sap"],
    ["T 4 1/4 11/15/34", "T 4 1/4 11/15/35", "T 10 11/15/30"],
    ["", "A", "B 31XYZ26 5 C", "B 500DEC26 5 C", "B x C", "²"],
)


@pytest.mark.parametrize("labels", IN_ORDER, ids=lambda labels: labels[1])
def test_strikes_and_dates_count_as_such(labels: list[str]) -> None:
    mixed = random.Random(7).sample(labels, len(labels))
    assert sorted(mixed, key=label_order) == labels
