"""Rows as escape codes: the least that a live table writes."""

SHOWN = 40


class RawFrames:
    """What each row says now, and where the cursor is."""

    def __init__(self) -> None:
        self._cursor = 0
        self._rows: dict[int, tuple[str, str, str]] = {}

    def take(self, values: list[tuple[str, str, str, str]]) -> str:
        """The rows that changed, as they are written."""
        changed = set()
        for symbol, *amounts in values:
            number = int(symbol[1:])
            self._rows[number] = (amounts[0], amounts[1], amounts[2])
            changed.add(number)
        return self.lines(changed)

    def move(self, keys: bytes) -> str:
        """The rows that the cursor leaves and comes to."""
        before = self._cursor
        for key in keys:
            self._cursor += {106: 1, 107: -1}.get(key, 0)
        return self.lines({before, self._cursor})

    def lines(self, numbers: set[int]) -> str:
        return "".join(self._line(number) for number in numbers if number < SHOWN)

    def _line(self, number: int) -> str:
        amounts = self._rows.get(number, ("0", "0", "0"))
        mark = "▸" if number == self._cursor else " "
        cells = "".join(f"{float(text):>20,.2f}" for text in amounts)
        return f"\x1b[{number + 2};1H{mark} S{number:05d}{cells}"
