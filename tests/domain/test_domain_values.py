"""Our quicker value classes are what the standard library's would be."""

import dataclasses
import pickle
from dataclasses import field
from pathlib import Path

import pytest

import possync_tui
from possync_tui.domain.values import dataclass


@dataclass(frozen=True, slots=True)
class Quote:
    """A value as ours are."""

    symbol: str
    price: int = 0
    note: str = field(default="", compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Standard:
    """The same, as the standard library makes it."""

    symbol: str
    price: int = 0
    note: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Other:
    """Other values with the same fields."""

    symbol: str
    price: int = 0
    note: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Nothing:
    """A value that says all by its class."""


@dataclass(frozen=True, slots=True)
class Named:
    """A value that has a way of its own to be looked up."""

    symbol: str

    def __hash__(self) -> int:
        return 7


QUOTES = [("A",), ("A", 0, "n"), ("A", 1), ("B",), ("B", 1, "n")]


@pytest.mark.parametrize("left", QUOTES)
@pytest.mark.parametrize("right", QUOTES)
def test_equal_where_the_standard_ones_are(left: tuple[str], right: tuple[str]) -> None:
    assert (Quote(*left) == Quote(*right)) is (Standard(*left) == Standard(*right))
    assert ({Quote(*left): 1}.get(Quote(*right)) is None) is (Standard(*left) != Standard(*right))


def test_values_of_two_classes_are_never_equal() -> None:
    others: list[object] = [Other("A"), ("A", 0), Nothing(), Standard("A")]
    assert Quote("A") not in others
    assert Nothing() == Nothing()


def test_shown_as_the_standard_ones_are() -> None:
    assert repr(Quote("A", 1, "n")) == repr(Standard("A", 1, "n")).replace("Standard", "Quote")
    assert repr(Nothing()) == "Nothing()"


def test_replaced_matched_and_pickled_like_them() -> None:
    quote = dataclasses.replace(Quote("A", 1), price=2)
    assert pickle.loads(pickle.dumps(quote)) == quote
    match quote:
        case Quote(symbol, price):
            assert (symbol, price) == ("A", 2)
    assert not hasattr(quote, "__dict__")


def test_a_class_keeps_its_own_ways() -> None:
    assert hash(Named("A")) == 7


def test_all_frozen_values_are_made_so() -> None:
    """One that the standard library makes costs half a millisecond of each start."""
    folder = Path(possync_tui.__file__).parent
    dear = [
        path.name
        for path in folder.rglob("*.py")
        if "(frozen=True" in (text := path.read_text(encoding="utf-8"))
        and "from possync_tui.domain.values import dataclass" not in text
    ]
    assert dear == []
