"""The command line's options, each declared once: flag, meaning, default.

The plugin adds them to pytest; the README's table is checked against them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option of ``pytest``."""

    flag: str
    help: str
    metavar: str = ""
    """What stands for its value in help; empty for a switch."""
    default: Any = None
    choices: tuple[str, ...] = ()
    repeats: bool = False
    several: bool = False
    """Whether it takes one value or more."""

    @property
    def name(self) -> str:
        """Its name on pytest's config."""
        return "release_" + self.flag.removeprefix("--").replace("-", "_")

    def arguments(self) -> dict[str, Any]:
        """Return what argparse's ``add_argument`` takes."""
        found: dict[str, Any] = {"dest": self.name, "help": self.help}
        if not self.metavar:
            return found | {"action": "store_true", "default": False}
        found |= {"metavar": self.metavar, "default": self.default}
        if self.choices:
            found["choices"] = self.choices
            del found["metavar"]
        if self.several:
            found["nargs"] = "+"
        if self.repeats:
            found |= {"action": "append", "default": []}
        return found


OPTIONS = (
    Option(
        flag="--env",
        metavar="NAME",
        help="environment of release.toml to release to, or to attach to",
    ),
    Option(
        flag="--attach",
        help="test what is deployed and change nothing, even with all tests selected",
    ),
    Option(
        flag="--plan",
        help="tell what a release would do and what stands in its way; change nothing",
    ),
    Option(
        flag="--image-from",
        metavar="NAME",
        help="release the image that passed last in this environment, unbaked",
    ),
    Option(
        flag="--yes-release",
        metavar="NAME",
        help="confirm the release to this protected environment; CI need not",
    ),
    Option(
        flag="--keep-failed",
        help="leave a failed build in place for a look, instead of rolling back",
    ),
    Option(
        flag="--set",
        metavar="PATH=VALUE",
        repeats=True,
        help="override a setting of the environment, such as load.users=5",
    ),
    Option(
        flag="--browser",
        metavar="NAME",
        default=("chrome",),
        choices=("chrome", "firefox", "edge"),
        several=True,
        help="browsers of the smoke tests: each runs in each (default: chrome)",
    ),
    Option(flag="--headed", help="show the browser's window"),
    Option(
        flag="--grid",
        metavar="URL",
        help="run the browser on a Selenium Grid at this address",
    ),
)
