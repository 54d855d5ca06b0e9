"""What a fake container wrote, as the kubelet keeps it: lines with the moment each was written."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_LAST_WORDS_LINES = 80
_LAST_WORDS_BYTES = 2048
# Both limits are the kubelet's for terminationMessagePolicy FallbackToLogsOnError.


@dataclass(frozen=True)
class LogLine:
    """One line a container wrote (stdout and stderr together), without its line end."""

    written: datetime
    text: bytes

    def stamped(self) -> bytes:
        """The line behind its moment, in RFC 3339 with nine digits, as `timestamps=true` asks for."""
        return self.written.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ").encode() + self.text


class ContainerLog:
    """A log that is written and followed at the same time.

    Args:
        changed: the cluster's condition, told of every line.
        ended: whether no more lines will come.
    """

    def __init__(self, changed: threading.Condition, ended: Callable[[], bool]) -> None:
        self._changed, self._ended = changed, ended
        self._lines: list[LogLine] = []

    @property
    def text(self) -> str:
        """Everything written so far."""
        with self._changed:
            return b"\n".join(line.text for line in self._lines).decode("utf-8", errors="replace")

    def write(self, line: bytes) -> None:
        """Add a line."""
        with self._changed:
            self._lines.append(LogLine(datetime.now(UTC), line.removesuffix(b"\n")))
            self._changed.notify_all()

    def last_words(self) -> str:
        """The end of the log, cut as for a termination message."""
        with self._changed:
            last = b"\n".join(line.text for line in self._lines[-_LAST_WORDS_LINES:])
        return last[-_LAST_WORDS_BYTES:].decode("utf-8", errors="replace")

    def read(self, since_s: float | None, tail: int | None, follow: bool) -> Iterator[LogLine]:
        """Yield the lines of the last `since_s` seconds, of those the last `tail`; with `follow` also all to come."""
        since = datetime.now(UTC) - timedelta(seconds=since_s) if since_s else None
        with self._changed:
            lines = [line for line in self._lines if since is None or line.written >= since]
            seen = len(self._lines)
        yield from lines[-tail:] if tail else lines
        while follow:
            with self._changed:
                while len(self._lines) == seen and not self._ended():
                    self._changed.wait(1)
                lines, seen, follow = self._lines[seen:], len(self._lines), not self._ended()
            yield from lines
