"""Progress as the command line tells it: a line on stderr for each new stage."""

from __future__ import annotations

import sys

from converter.progress import Progress


class ProgressLine:
    """Prints each new stage on stderr."""

    def __init__(self) -> None:
        self._last = ""

    def __call__(self, progress: Progress) -> None:
        """Print the stage when it has changed."""
        if progress.is_active:
            self.show(progress.stage, progress.fraction, progress.seconds_left)

    def show_share(self, stage: str, share: float) -> None:
        """Print a stage when it has changed, and the share of all that is done by then."""
        self.show(stage, share, None)

    def show(self, stage: str, fraction: float, seconds_left: float | None) -> None:
        """Print a stage when it has changed."""
        if stage == self._last:
            return
        self._last = stage
        left = "" if seconds_left is None else f", about {seconds_left:.0f} s left"
        print(f"[{fraction:4.0%}{left}] {stage}", file=sys.stderr, flush=True)
