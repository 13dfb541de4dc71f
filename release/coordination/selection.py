"""Release or attach? The rule that makes a narrowed run safe.

Pure: what was asked for in, the mode and its reason out. A bare ``pytest --env X``
releases. As soon as the selection is narrowed, or ``--attach`` is given, the run
attaches: it tests what is deployed and can change nothing. So a release is always
all gates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Mode(StrEnum):
    """What a run may do to its environment."""

    RELEASE = "release"
    """Bake, deploy, test, undo."""
    ATTACH = "attach"
    """Test what is deployed, change nothing."""
    PLAN = "plan"
    """Look at what a release would do, change nothing, test nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The mode of a run, and why."""

    mode: Mode
    reason: str
    """Such as "narrowed by -k"; empty for a release."""

    @property
    def releases(self) -> bool:
        """Whether the run may change the environment."""
        return self.mode is Mode.RELEASE

    def __str__(self) -> str:
        return f"{self.mode} ({self.reason})" if self.reason else str(self.mode)


NARROWING = {
    "keyword": "-k",
    "markexpr": "-m",
    "lf": "--lf",
    "deselect": "--deselect",
    "ignore": "--ignore",
    "ignore_glob": "--ignore-glob",
    "stepwise": "--stepwise",
    # Each of them implies --stepwise, which pytest notes later only.
    "stepwise_skip": "--stepwise-skip",
    "stepwise_reset": "--stepwise-reset",
    "collectonly": "--collect-only",
}
"""pytest's options that may leave a test out, by their name on `config.option`."""
COLLECTING = (
    *("testpaths", "norecursedirs"),
    *("python_files", "python_classes", "python_functions"),
)
"""pytest's settings that say what is a test; `-o` overrides one for a run."""


def selection(
    *, attach: bool, named: bool, options: Mapping[str, object], plan: bool = False
) -> Selection:
    """Decide the mode of a run.

    Args:
        plan: Whether ``--plan`` was given: it tells of a whole release, whatever
            tests were selected.
        attach: Whether ``--attach`` was given.
        named: Whether paths or node ids were given, or the run started below the
            project's root.
        options: pytest's options by name; those of `NARROWING` count when true.
    """
    if plan:
        return Selection(mode=Mode.PLAN, reason="--plan")
    if attach:
        return Selection(mode=Mode.ATTACH, reason="--attach")
    if named:
        return Selection(mode=Mode.ATTACH, reason="narrowed by a path")
    flags = [flag for name, flag in NARROWING.items() if options.get(name)]
    flags += _overridden(options.get("override_ini"))
    if flags:
        return Selection(mode=Mode.ATTACH, reason=f"narrowed by {', '.join(flags)}")
    return Selection(mode=Mode.RELEASE, reason="")


def _overridden(given: object) -> list[str]:
    """Return which settings of `COLLECTING` ``-o`` overrides, as they were given."""
    names = [
        str(each).partition("=")[0].strip()
        for each in (given if isinstance(given, list) else ())
    ]
    return [f"-o {name}" for name in COLLECTING if name in names]
