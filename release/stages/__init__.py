"""The stages of a release, each run, timed and recorded; and how it ends.

Each function is one step of the route; fixtures and the controller call them.
"""

from release.stages.history import begun, broken, told, tools, unclear, unfinished
from release.stages.image import bake, promote
from release.stages.loading import compared_endpoints, load
from release.stages.rollback import OPTIONS, tidy, undo
from release.stages.rollout import attach, confirm, deploy, look
from release.stages.timing import CANARY, PREFLIGHT, count, on_azure, stage

__all__ = [
    "CANARY",
    "OPTIONS",
    "PREFLIGHT",
    "attach",
    "bake",
    "begun",
    "broken",
    "compared_endpoints",
    "confirm",
    "count",
    "deploy",
    "load",
    "look",
    "on_azure",
    "promote",
    "stage",
    "tidy",
    "told",
    "tools",
    "unclear",
    "undo",
    "unfinished",
]
