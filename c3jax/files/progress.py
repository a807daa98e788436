"""Progress of long work: a bar on a terminal; in a log file a line every half minute."""

import sys
from collections.abc import Iterable
from typing import Any, TextIO

EVERY_S = 30


class _Lines:
    """A text stream for tqdm, which redraws one line: here each state is a line of its own."""

    def __init__(self, stream: TextIO):
        self._stream, self._last = stream, ""

    def write(self, text: str) -> None:
        if (line := text.strip()) and line != self._last:
            self._last = line
            print(line, file=self._stream, flush=True)

    def flush(self) -> None:
        self._stream.flush()


def progress_bar(items: Iterable | None = None, *, label: str, unit: str, **options: Any) -> Any:
    """A progress bar of `tqdm` on stderr; work of less than half a minute leaves no line in a log.

    Args:
      items: to go through; without them call `update(count)`, and close it or use it in `with`.
      label: what is done.
      unit: of what is counted.
      **options: of `tqdm`, such as `total`.
    """
    from tqdm import tqdm

    look: dict[str, Any] = {"file": sys.stderr, "dynamic_ncols": True}
    if not sys.stderr.isatty():
        form = "{desc}: {n_fmt}/{total_fmt}{unit}, {remaining} left"
        look = {"file": _Lines(sys.stderr), "bar_format": form, "delay": EVERY_S}
        look |= {"mininterval": EVERY_S, "maxinterval": EVERY_S, "miniters": 1}
    return tqdm(items, desc=label, unit=unit, **(look | options))
