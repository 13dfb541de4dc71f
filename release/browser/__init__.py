"""A real browser for smoke tests, and the evidence it leaves."""

from release.browser.driver import started
from release.browser.evidence import Evidence, capture, console
from release.browser.programs import Kind, Programs, find
from release.browser.session import clean, resize

__all__ = [
    "Evidence",
    "Kind",
    "Programs",
    "capture",
    "clean",
    "console",
    "find",
    "resize",
    "started",
]
