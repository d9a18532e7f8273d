"""The terminal goes away under the app: nothing waits for it."""

import errno
import io
import threading

from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread

from possync_tui.tui.terminal import LosableFile


class Closed(io.StringIO):
    """What a pseudo-terminal is after its other end was closed."""

    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_more_than_a_full_queue_can_be_written_to_a_closed_terminal() -> None:
    lost: list[bool] = []
    writer = WriterThread(LosableFile(Closed(), lambda: lost.append(True)))  # type: ignore[arg-type]

    def write_all() -> None:
        writer.start()
        for _ in range(10 * MAX_QUEUED_WRITES):
            writer.write("a line")
        writer.stop()

    app = threading.Thread(target=write_all, daemon=True)
    app.start()
    app.join(10)
    assert not app.is_alive()
    assert not writer.is_alive()
    assert lost == [True]


def test_what_is_written_before_arrives() -> None:
    under = io.StringIO()
    file = LosableFile(under, lambda: None)
    assert file.write("abc") == 3
    file.flush()
    assert under.getvalue() == "abc"
    under.close()
    file.write("nobody reads this")
