"""What a release is going to do, and the preflight of it.

The preflight runs in a thread beside whatever is done before anything is created.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from release import deploy as deploying
from release import preflight
from release.azure import deployments, tags
from release.azure.clients import Azure
from release.azure.gallery import Image
from release.azure.ids import resource_id
from release.azure.storage import account_of
from release.bake import recipe
from release.builds import Build
from release.deploy import Deployed
from release.deploy.deployed import ACTIONS
from release.deploy.rollout import limits
from release.environments import subscription_of
from release.errors import PreflightFailed, ReleaseError
from release.journal import Journal, Kind
from release.preflight import Plan, Preflight, Source
from release.settings import Environment, Settings
from release.stages import PREFLIGHT, on_azure, stage

BAKES_WITH = ("builder.json", "gallery.json")


def plan(
    settings: Settings,
    build: Build,
    azure: Azure,
    seen: Deployed | None,
    *,
    source: Settings | None = None,
    unfinished: Sequence[str] = (),
    locked: bool = False,
) -> Plan:
    """Return what a release is going to do.

    The image to come is not known before the service is built; the one that runs
    stands in for it.

    Args:
        settings: Of the environment.
        build: This build.
        azure: Where.
        seen: What runs now.
        source: Of the environment that the image comes from, unbaked, if any.
        unfinished: Builds that were killed here before.
        locked: Whether this run holds the release lock.
    """
    env = settings.env
    native = source is None and settings.image.builder == "native"
    origin = _source(source)
    stand_in = _stand_in(azure, settings, build, seen)
    target = deploying.Target(
        environment=settings.environment, env=env, azure=azure, journal=build.journal
    )
    verdict = seen.tags.get(tags.VERDICT) if seen else ""
    return Plan(
        environment=settings.environment,
        env=env,
        build=build.id,
        account=account_of(azure, env),
        source=origin,
        definition=_definition(
            origin.subscription if origin else azure.subscription,
            origin.env if origin else env,
        ),
        # With others to try, one size that cannot be had stops nothing.
        builder_size=env.builder_size if native and not env.builder_sizes else "",
        base=_base(settings) if native else None,
        template=deployments.template(deploying.TEMPLATE),
        values=deploying.values(target, stand_in, previous=seen),
        image=seen.image_id if seen else "",
        others=[deployments.template(name) for name in BAKES_WITH] if native else [],
        running=len(seen.instances) if seen else 0,
        wanted=seen.capacity if seen else env.instance_count,
        surge=_surge(settings, seen),
        protected=[
            each.name
            for each in (seen.instances if seen else ())
            if each.protection == ACTIONS
        ],
        unfinished=unfinished,
        locked=locked,
        unproved=seen.build if seen and verdict != tags.PASSED else "",
    )


def _source(settings: Settings | None) -> Source | None:
    if settings is None:
        return None
    return Source(
        environment=settings.environment,
        env=settings.env,
        subscription=subscription_of(settings),
    )


def _surge(settings: Settings, seen: Deployed | None) -> int:
    """Return how many instances there are besides while it rolls out."""
    rollout = settings.env.rollout
    if seen is None or rollout.strategy != "surge":
        return 0
    return limits(len(seen.instances), batch_ratio=rollout.batch_ratio).size


def _stand_in(
    azure: Azure, settings: Settings, build: Build, seen: Deployed | None
) -> Image:
    version = f"{_definition(azure.subscription, settings.env)}/versions/{build.id}"
    labels = seen.tags if seen else {}
    return Image(
        id=seen.image_id if seen else version,
        version=build.id,
        build=seen.build if seen else build.id,
        digest=labels.get(tags.DIGEST, ""),
        commit=labels.get(tags.COMMIT, ""),
        reused=False,
        baked_at="",
    )


def _definition(subscription: str, env: Environment) -> str:
    """Return the id of the image definition of an environment."""
    return resource_id(
        subscription,
        env.image_resource_group,
        "Microsoft.Compute/galleries/images",
        env.gallery,
        env.image_definition,
    )


def _base(settings: Settings) -> preflight.Base | None:
    folder = settings.root / settings.image.recipe
    if not (folder / recipe.FILE).is_file():
        return None
    base = recipe.document(folder).base
    return preflight.Base(
        publisher=base.publisher, offer=base.offer, sku=base.sku, version=base.version
    )


class Preflighting:
    """A preflight under way, in a thread.

    Args:
        build: Told of everything through its journal.
        azure: Where; asked for in the thread, as connecting may take a while.
        planned: Plans the release there.
    """

    def __init__(
        self,
        build: Build,
        azure: Callable[[], Azure],
        planned: Callable[[Azure], Plan],
    ) -> None:
        self._journal = build.journal
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=PREFLIGHT)

        def work() -> Preflight:
            with stage(build.journal, PREFLIGHT), _handing_over(build.journal):
                here = azure()
                with on_azure(build.journal, here, PREFLIGHT):
                    found = preflight.examine(here, planned(here))
                _tell(build, found)
                return found

        self._work: Future[Preflight] = self._pool.submit(work)

    def wait(self) -> None:
        """Wait for its end, whatever that is; a second time does nothing."""
        self._pool.shutdown(cancel_futures=True)

    def result(self) -> Preflight | None:
        """Return what was found, once it is over; None where it could not be told.

        Raises:
            BaseException: What went wrong other than in Azure; an error there, and
                what stops the release, stand in the journal.
        """
        with contextlib.suppress(ReleaseError):
            self._work.result()
        return told(self._journal)


@contextlib.contextmanager
def _handing_over(journal: Journal) -> Iterator[None]:
    """Tell the other processes of an error: no test may begin then."""
    try:
        yield
    except ReleaseError as error:
        found = (journal.value(PREFLIGHT) or {}).get("value")
        failed = {"what": error.what, "fix": error.fix}
        _hand_over(journal, {"value": found, "error": failed})
        raise


def _hand_over(journal: Journal, value: dict[str, Any]) -> None:
    journal.write(Kind.VALUE, stage=PREFLIGHT, name=PREFLIGHT, value=value)


def _tell(build: Build, found: Preflight) -> None:
    """Hand over what was found, and say it in short.

    Raises:
        PreflightFailed: Something stops the release.
    """
    journal = build.journal
    _hand_over(journal, {"value": found.to_json()})
    lines = found.what_if.lines() if found.what_if else []
    summary = found.what_if.summary if found.what_if else "not to be had"
    image = [f"image: {found.image}"] if found.image else []
    for line in (*image, f"what-if: {summary}", *lines, found.summary):
        journal.write(Kind.PROGRESS, stage=PREFLIGHT, text=line)
    if found.stopping:
        first, *rest = found.stopping
        more = f" (and {len(rest)} more)" if rest else ""
        raise PreflightFailed(
            f"{first}{more}",
            fix=f"{first.fix}; then see: pytest --env {build.environment} --plan",
        )


def told(journal: Journal) -> Preflight | None:
    """Return what a build's preflight found; None where it did not come so far."""
    found = (journal.value(PREFLIGHT) or {}).get("value")
    return Preflight.from_json(found) if found else None
