"""Housekeeping: what killed releases left goes before a release, what is old after.

One mechanism for a release and for ``python -m release clean``: rows of
`release.cleaning`, let go under the lock of the scale set.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from release import builds, cleaning
from release.azure import gallery, groups, lease, references, tags
from release.azure.clients import Azure
from release.bake import packer
from release.builds import Build
from release.deploy import Target, settle
from release.errors import LockLost, ReleaseError
from release.journal import Kind
from release.settings import Settings


def sweep(
    settings: Settings, build: Build, azure: Azure, *, dead: Sequence[str]
) -> None:
    """Begin to delete what killed builds left.

    What is in a new release's way, that is: their temporary groups, the deployments
    that still go on, the images that came to nothing. A whole image, a payload and
    the scale set as they left it are what a release goes on from; `clear` takes them.

    Args:
        settings: Of the release.
        build: That holds the lock.
        azure: Where.
        dead: Ids of the builds that were killed, as far as they are known.
    """
    env, journal = settings.env, build.journal
    killed = builds.unfinished(settings.root, settings.environment, but=build.id)
    groups.sweep(
        azure,
        journal,
        unfinished=[each.journal for each in killed],
        scale_set=tags.scale_set(env.resource_group, env.scale_set),
        running=build.id,
    )
    if not dead:
        return
    for each in dead:
        settle(_target(settings, build, azure), build=each)
        if settings.image.builder == "packer":
            _forget_packers_image(settings, build, azure, dead=each)
    rows = cleaning.half_images(
        gallery.versions(azure, env),
        _whose(settings, build.id),
        needed=references.needed(azure),
    )
    _remove(settings, build, azure, rows)


def _forget_packers_image(
    settings: Settings, build: Build, azure: Azure, *, dead: str
) -> None:
    packer.forget_image(
        azure,
        settings.env,
        dead,
        progress=lambda text: build.journal.write(Kind.PROGRESS, text=text),
    )


def left_over(settings: Settings, azure: Azure, *, running: str) -> list[cleaning.Row]:
    """Return all that builds of an environment left which run no more.

    Args:
        settings: Of the environment, to which nobody releases now.
        azure: Where.
        running: The build that holds its lock, or "".
    """
    killed = builds.unfinished(settings.root, settings.environment, but=running)
    found = cleaning.left_over(
        cleaning.look(azure, settings.env),
        _whose(settings, running, killed),
        datetime.now(UTC),
    )
    others = groups.by_others(each.journal for each in killed)
    dead = lease.abandoned(azure, settings.env)
    return [*cleaning.killed(killed, dead, others), *found]


def clear(
    settings: Settings, build: Build, azure: Azure, rows: Sequence[cleaning.Row]
) -> None:
    """Delete what was left over, or put it right; the journal tells of each.

    Raises:
        ReleaseError: What could not be, after all others were.
    """
    failed = _remove(settings, build, azure, rows)
    if failed:
        raise failed[0]


def retain(settings: Settings, build: Build, azure: Azure) -> None:
    """Begin to delete what is older than a release that passed needs.

    Nobody waits for the deletions: Azure goes on by itself, and what fails is begun
    again after the next release.
    """
    try:
        rows = cleaning.outdated(
            cleaning.look(azure, settings.env),
            _whose(settings, build.id),
            settings.env.retention,
            datetime.now(UTC),
        )
        _remove(settings, build, azure, rows)
    except ReleaseError as error:
        text = f"what is old stays for now: {error.what}"
        build.journal.write(Kind.PROGRESS, text=text)


def _whose(
    settings: Settings, running: str, killed: Sequence[Build] = ()
) -> cleaning.Whose:
    env = settings.env
    return cleaning.Whose(
        environment=settings.environment,
        scale_set=tags.scale_set(env.resource_group, env.scale_set),
        running=running,
        named=frozenset(groups.named(each.journal for each in killed)),
    )


def _remove(
    settings: Settings, build: Build, azure: Azure, rows: Sequence[cleaning.Row]
) -> list[ReleaseError]:
    """Let rows go, one after the other; return what failed."""
    target, journal = _target(settings, build, azure), build.journal
    gone, failed = list(journal.value("cleaned") or []), list[ReleaseError]()
    before = len(gone)
    for row in rows:
        journal.write(Kind.PROGRESS, text=str(row))
        try:
            cleaning.remove(target, row, build=build)
            gone.append(row.to_json())
        except LockLost:
            raise
        except ReleaseError as error:
            journal.write(Kind.PROGRESS, text=f"{row.name} is left: {error.what}")
            failed.append(error)
            if row.kind is cleaning.Kind.SCALE_SET:
                # Its instances may need what would go next.
                break
    if len(gone) > before:
        journal.write(Kind.VALUE, name="cleaned", value=gone)
    return failed


def _target(settings: Settings, build: Build, azure: Azure) -> Target:
    return Target(
        environment=settings.environment,
        env=settings.env,
        azure=azure,
        journal=build.journal,
    )
