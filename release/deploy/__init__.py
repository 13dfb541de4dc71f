"""Deploy an image to a scale set, prove it, undo it."""

from release.deploy.deploy import (
    TEMPLATE,
    Target,
    deploy,
    refuse_protected,
    tag_passed,
    values,
)
from release.deploy.deployed import Deployed, Instance
from release.deploy.observe import observe
from release.deploy.prove import prove
from release.deploy.rollback import remove_first, roll_back, settle
from release.deploy.rollout import Batch

__all__ = [
    "TEMPLATE",
    "Batch",
    "Deployed",
    "Instance",
    "Target",
    "deploy",
    "observe",
    "prove",
    "refuse_protected",
    "remove_first",
    "roll_back",
    "settle",
    "tag_passed",
    "values",
]
