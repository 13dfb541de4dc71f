"""What is live in an environment, and since when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from release.history.entry import Entry, Left
from release.report.figures import moment, short


@dataclass(frozen=True, kw_only=True, slots=True)
class Live:
    """What an environment runs, as far as its builds tell.

    Attributes:
        state: How certain it is: what the build that decided left behind.
        build: That build; None when none has.
        since: When its image went live; of one left in place or in doubt, when it
            ended; None when nothing runs.
    """

    state: Left
    build: Entry | None
    since: datetime | None

    @property
    def certain(self) -> bool:
        """Whether what runs was proved."""
        return self.state is Left.LIVE

    @property
    def text(self) -> str:
        """In a sentence."""
        if self.build is None:
            return "Nothing has been deployed here yet."
        name, since = self.build.build, ""
        if self.since is not None:
            since = moment(self.since.isoformat())
        if self.state is Left.LIVE:
            of = f" of commit {short(self.build.commit)}" if self.build.commit else ""
            return f"Build {name}{of} is live since {since}."
        if self.state is Left.REMOVED:
            return f"Nothing is live: build {name} failed, and nothing ran before it."
        if self.state is Left.IN_PLACE:
            return f"Build {name} failed and was left in place at {since}."
        return (
            f"It is not certain what is live: build {name} ended in the midst at "
            f"{since}. python -m release status tells."
        )


def live(entries: Sequence[Entry]) -> Live:
    """Return what is live.

    Args:
        entries: All builds of one environment, newest first.
    """
    told = [each for each in entries if each.left is not Left.UNCHANGED]
    if not told:
        return Live(state=Left.REMOVED, build=None, since=None)
    last = told[0]
    if last.left is Left.REMOVED:
        return Live(state=last.left, build=last, since=None)
    if last.left is not Left.LIVE:
        return Live(state=last.left, build=last, since=last.finished_at)
    first = last
    for each in told:
        # A release of what runs already changes no instance.
        if each.left is not Left.LIVE or each.image != last.image:
            break
        first = each
    return Live(state=last.left, build=last, since=first.live_at or first.finished_at)
