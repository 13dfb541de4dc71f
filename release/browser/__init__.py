"""A real browser for smoke tests, and the evidence it leaves.

What needs selenium is imported when it is first asked for: a run without a browser
test need not wait for it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from release.browser.programs import Kind, Programs, find

if TYPE_CHECKING:
    from release.browser.accessibility import violations
    from release.browser.driver import started, versions
    from release.browser.evidence import Evidence, capture, console, picture, scaled
    from release.browser.loading import load_times_ms
    from release.browser.network import remarkable, requests
    from release.browser.session import clean, resize

__all__ = [
    "Evidence",
    "Kind",
    "Programs",
    "capture",
    "clean",
    "console",
    "find",
    "load_times_ms",
    "picture",
    "remarkable",
    "requests",
    "resize",
    "scaled",
    "started",
    "versions",
    "violations",
]

_HOMES = {
    "Evidence": "evidence",
    "capture": "evidence",
    "clean": "session",
    "console": "evidence",
    "picture": "evidence",
    "load_times_ms": "loading",
    "remarkable": "network",
    "requests": "network",
    "violations": "accessibility",
    "scaled": "evidence",
    "resize": "session",
    "started": "driver",
    "versions": "driver",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
