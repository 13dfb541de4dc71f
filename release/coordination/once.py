"""Exactly once a build, whatever ``-n`` says.

The first process that asks does the work under a file lock and writes the result to
the journal; the others wait for the lock and read it. A process that dies at work
leaves no result: the next one says so, and nothing hangs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from release.errors import ReleaseError
from release.journal import Journal, Kind


class NotRun(ReleaseError):
    """The work was not done, because it failed already."""


class Once:
    """Work that a build does once.

    Args:
        folder: Where the build's locks are.
        journal: Where results go.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal
        self._position = 0
        self._failed = ""

    def get(self, name: str, work: Callable[[], Any]) -> Any:
        """Return the result of `work`, done now or earlier, here or elsewhere.

        Args:
            name: What the work is called, such as "image".
            work: Returns a JSON value.

        Raises:
            ReleaseError: The work fails, here and now, or the process that did it
                died.
            NotRun: It failed before.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / f"{name}.lock"):
            known = self._journal.value(name)
            if known is not None:
                return self._told(name, known)
            if self._journal.value(f"{name}.begun"):
                died = ReleaseError(
                    f"the process that made the {name} died at it",
                    fix="read the journal of this build and the system's log; "
                    "then release again",
                )
                self._hand_over(name, error={"what": died.what, "fix": died.fix})
                raise died
            self._journal.write(Kind.VALUE, name=f"{name}.begun", value=True)
            try:
                value = work()
            except ReleaseError as error:
                self._hand_over(name, error={"what": error.what, "fix": error.fix})
                raise
            except BaseException as error:
                self._hand_over(name, error={"what": repr(error), "fix": "see the log"})
                raise
            self._hand_over(name, value=value)
            return value

    def failed(self) -> str:
        """Return what has failed first, such as "image", or "".

        Asked before each test: it reads only what is new in the journal.
        """
        new, self._position = self._journal.after(self._position)
        for event in new:
            if event.kind is Kind.VALUE and not self._failed:
                given = event.data["value"]
                if isinstance(given, dict) and "error" in given:
                    self._failed = str(event.data["name"])
        return self._failed

    def _hand_over(self, name: str, **result: Any) -> None:
        self._journal.write(Kind.VALUE, name=name, value=result)

    def _told(self, name: str, known: dict[str, Any]) -> Any:
        if "error" in known:
            raise NotRun(f"not run: {name} failed before", fix=known["error"]["fix"])
        return known["value"]
