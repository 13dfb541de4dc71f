"""A skeleton of a project that is released: ``python -m release init``.

``files/`` is such a project and works as it stands, as a service called ``myservice``:
linters read it, and to make another is to copy it under another name. Its CI files and
`.ci/programs` are links to those of this repository, so that there is one of each.
"""

from release.skeleton.project import make

__all__ = ["make"]
