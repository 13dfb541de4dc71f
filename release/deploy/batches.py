"""What became of each batch of a roll-out, handed over for the record."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from release.deploy.deployed import Deployed, Instance
from release.deploy.health import Health
from release.deploy.work import Work
from release.journal import BATCH, Kind


@contextmanager
def batch(
    work: Work,
    health: Health,
    named: str,
    instances: Sequence[Instance],
    seen: Deployed,
) -> Iterator[None]:
    """Hand over what becomes of a batch in the block, however that ends.

    Args:
        work: What it works with.
        health: Looks at the instances in the block.
        named: Which batch, such as "1 of 2".
        instances: Those of it, as they were before.
        seen: What is deployed; its model has the image that they get.
    """
    for each in instances:
        health.well_at_s.pop(each.id, None)
    since_s = time.monotonic()
    try:
        yield
    finally:
        tell(work, health, named, instances, seen.image_id, since_s=since_s)


def tell(
    work: Work,
    health: Health,
    named: str,
    instances: Sequence[Instance],
    image_id: str,
    *,
    since_s: float,
    new: bool = False,
) -> None:
    """Hand over a batch that is over.

    Args:
        work: What it works with.
        health: Has looked at the instances.
        named: Which batch.
        instances: Those of it.
        image_id: The image that they got.
        since_s: When their change began, on the monotonic clock.
        new: Whether there were none before.
    """
    well = health.well_at_s
    work.journal.write(
        Kind.VALUE,
        stage=work.stage,
        name=BATCH,
        value={
            "batch": named,
            "took_s": round(time.monotonic() - since_s, 3),
            "instances": [
                {
                    "name": each.name,
                    "before": "" if new else _version(each.image_id),
                    "after": _version(image_id),
                    "healthy_s": round(well[each.id] - since_s, 3)
                    if each.id in well
                    else None,
                }
                for each in instances
            ],
        },
    )


def _version(image_id: str) -> str:
    return image_id.rpartition("/")[2]
