"""A project with one environment, and a release of it that has just begun."""

from __future__ import annotations

from pathlib import Path

from release import builds
from release.coordination.run import Run
from release.coordination.selection import Mode, Selection
from release.settings import load

RELEASE = """
[env.local]
cloud = "local"
resource_group = "shop"
image_resource_group = "shop"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""


def begun(folder: Path) -> Run:
    """Write the project's settings into a folder; return a release that begins."""
    (folder / "release.toml").write_text(RELEASE)
    return Run(
        settings=load(folder, "local", options={}, variables={}),
        selection=Selection(mode=Mode.RELEASE, reason=""),
        build=builds.begin(folder, "local", attached=False),
    )
