"""How a build that did not pass is undone, and what came back is proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from release import deploy as deploying
from release.azure import groups
from release.azure.clients import Azure
from release.builds import Build
from release.deploy import Deployed
from release.errors import ReleaseError
from release.journal import Journal, Kind
from release.settings import Settings
from release.stages import essential
from release.stages.rollout import target as target_of
from release.stages.timing import ROLLBACK, on_azure, progress, stage

OPTIONS = "options"
"""Name of the journal's value that holds the options of a proof: browsers, settings."""


def tidy(build: Build, azure: Azure) -> None:
    """Delete what an interrupted build has not: its own clearing up was cut short."""
    journal = build.journal
    try:
        groups.sweep(azure, journal, unfinished=[journal])
    except ReleaseError as error:
        # Its tags say when it expires, and then the next release deletes it.
        journal.write(Kind.PROGRESS, text=f"a group is left for now: {error.what}")


def undo(
    settings: Settings, build: Build, azure: Callable[[], Azure], *, keep_failed: bool
) -> None:
    """Bring back what ran before a build that did not pass, and prove it.

    Does nothing where the build has not touched the scale set.

    Raises:
        ReleaseError: It did not come back; the message says what runs now.
    """
    journal = build.journal
    if not journal.value("touched"):
        return
    if keep_failed:
        _undone(journal, f"Build {build.id} was left in place, as --keep-failed asks.")
        return
    with stage(journal, ROLLBACK):
        connected = azure()
        target = target_of(settings, build, connected)
        previous = _previous(journal)
        with on_azure(journal, connected, ROLLBACK):
            deploying.settle(target, build=build.id)
        if previous is None:
            with on_azure(journal, connected, ROLLBACK):
                deploying.remove_first(target, build=build.id)
            _undone(
                journal,
                "Nothing ran here before, so there is nothing to go back to; "
                "what this build had made was deleted.",
            )
            return
        previous = previous.to_go_back_to()
        name = previous.build or previous.image_id.rpartition("/")[2]
        _undone(journal, f"Build {name} was to come back, and is not proved.")
        with on_azure(journal, connected, ROLLBACK):
            proved = deploying.roll_back(target, previous)
        progress(journal, ROLLBACK)("running the essential smoke tests again")
        options = journal.value(OPTIONS) or []
        tested = essential.prove(settings.root, build, options)
        _undone(
            journal,
            f"The previous build {name} is back and proved on "
            f"{len(proved.instances)} instances; {tested}.",
            deployment=proved.to_json(),
        )


def _previous(journal: Journal) -> Deployed | None:
    found = journal.value("previous")
    return Deployed.from_json(found) if found else None


def _undone(journal: Journal, text: str, **more: Any) -> None:
    journal.write(
        Kind.VALUE, stage=ROLLBACK, name="rollback", value={"text": text, **more}
    )
