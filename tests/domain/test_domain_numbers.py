"""Numbers of the wire: the short way of reading the plain ones says what the long way says."""

from hypothesis import example, given
from hypothesis import strategies as st

from possync_tui.domain.money import BadNumber, _parse_any, parse_number

_WRITTEN = st.from_regex(r"\A-?[0-9]{0,12}\.?[0-9]{0,8}(E-?[0-9]{1,3})?\Z")


@given(st.one_of(_WRITTEN, st.text(max_size=20), st.integers().map(str), st.floats().map(str)))
@example("2147483647")
@example("2147483647.00")
@example("-0.00")
@example("007")
@example("1٣")
@example("12345678901234\n")
def test_a_plain_number_is_read_as_any_other(text: str) -> None:
    assert _told(text, parse_number) == _told(text, _parse_any)


def _told(text: str, parse: object) -> tuple[object, ...]:
    assert callable(parse)
    try:
        number = parse("value", text)
    except BadNumber as bad:
        return (str(bad),)
    return (str(number), number.as_tuple())
