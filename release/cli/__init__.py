"""``python -m release``: what stands beside a release.

The release itself is ``pytest --env NAME``.
"""

from release.cli.program import main

__all__ = ["main"]
