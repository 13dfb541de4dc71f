"""Ask a service that has just been started for pages, as the image's check does.

python -m rocdash.check http://127.0.0.1:8080 PATH...
"""

from __future__ import annotations

import sys
import time
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

_PATIENCE_S = 20.0
_LOOK_EVERY_S = 0.05


def ask(address: str) -> tuple[int, str]:
    """Return status and body, waiting for a service that is not yet there.

    Raises:
        URLError: It was not there within 20 seconds.
    """
    opener = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            with opener.open(address, timeout=_PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_EVERY_S)


def main(site: str, *paths: str) -> None:
    """Exit with a message at the first page that is not answered with 200."""
    for path in paths:
        try:
            status, body = ask(site + path)
        except URLError as error:
            sys.exit(f"check: {site} does not answer: {error.reason}")
        if status != HTTPStatus.OK:
            sys.exit(f"check: GET {path} answered {status}: {body[:500]}")
        sys.stdout.write(f"check: GET {path} answered {status}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
