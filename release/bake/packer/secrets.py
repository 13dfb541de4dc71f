"""Take secrets out of what Packer prints. Pure.

Packer shows signed addresses of VHDs at the end, and a script may show anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

HIDDEN = "***"
_NAMES = re.compile(r"SECRET|PASSW|PASSPHRASE|TOKEN|CREDENTIAL|_KEY\b", re.IGNORECASE)
_SIGNATURE = re.compile(r"(?<=[?&]sig=)[^&\s\"']+")
_SHORTEST = 6
"""Characters of a secret: a shorter text may stand anywhere by chance."""


def hider(environment: Mapping[str, str]) -> Callable[[str], str]:
    """Return a function that hides secrets in a text.

    Args:
        environment: That of the child; variables whose names speak of secrets hold
            them.
    """
    secrets = sorted(
        {
            text
            for name, text in environment.items()
            if _NAMES.search(name) and len(text) >= _SHORTEST
        },
        key=len,
        reverse=True,
    )

    def hide(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, HIDDEN)
        return _SIGNATURE.sub(HIDDEN, text)

    return hide
