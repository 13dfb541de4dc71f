"""After the first batch: its instance compared with an old one beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from release.builds import Build
from release.deploy import Batch
from release.errors import CanaryFailed, CanaryUnclear
from release.journal import Journal, Kind
from release.load import Canary, Outcome
from release.settings import Settings
from release.stages.timing import CANARY, progress, stage

DRAWN = "canary_pictures"


def compare_first(settings: Settings, build: Build, batch: Batch) -> None:
    """After the first batch, compare its instance with an old one beside it.

    Raises:
        CanaryFailed: It answers worse.
        CanaryUnclear: That could not be told in time.
    """
    rules, journal = settings.env.canary, build.journal
    new, old = (
        next((each for each in several if each.healthy and each.address), None)
        for several in (batch.upgraded, batch.waiting)
    )
    if not rules.enabled or batch.number > 1:
        return
    if new is None or old is None:
        tell(journal, Canary.of_nothing("nothing to compare: no old instance serves"))
        return
    # It imports numpy and SciPy, as the load does.
    from release.load import pictures, profile, side_by_side  # noqa: PLC0415

    with stage(journal, CANARY):
        say = progress(journal, CANARY)
        say(f"the same to {new.name} and to {old.name}, {rules.users} users")
        found = side_by_side.compare(
            profile.profile(settings.env.load, settings.root),
            rules,
            new=side_by_side.Instance(name=new.name, url=f"http://{new.address}"),
            old=side_by_side.Instance(name=old.name, url=f"http://{old.address}"),
            folder=build.folder / CANARY,
            progress=say,
        )
        drawn = pictures.side_by_side(found, effect_ratio=rules.effect_ratio)
        for name, picture in drawn.items():
            path = build.folder / CANARY / name
            path.write_text(picture["svg"], encoding="utf-8")
        tell(journal, found, pictures.as_json(drawn, CANARY))
        if found.outcome is Outcome.FAILED:
            raise CanaryFailed(
                f"{new.name} answers worse than {old.name}: {found.text}",
                fix="see what the new build does at what is named; only this instance "
                "ran it",
            )
        if found.outcome is Outcome.INCONCLUSIVE:
            raise CanaryUnclear(
                f"{new.name} against {old.name} is {found.text}",
                fix="release again on quieter machines, or give canary.users or "
                "canary.most_s more",
            )
        say(found.text)


def tell(
    journal: Journal, found: Canary, drawn: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Note how the comparison ended, and which pictures show it."""
    journal.write(Kind.VALUE, stage=CANARY, name=CANARY, value=found.as_json())
    journal.write(Kind.VALUE, stage=CANARY, name=DRAWN, value=list(drawn))
