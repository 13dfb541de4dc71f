"""Tell a webhook what a build came to. A failure is told, and changes nothing else.

One policy of tries: what may pass by itself (no connection, no answer in time, status
429 or 5xx) is tried again every `INTERVAL_S` seconds until `LONGEST_S` are over. The
address of a webhook is a secret, so only its host is ever named.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests

from release.errors import WaitTimedOut
from release.processes import owner
from release.report import summary
from release.settings import Settings
from release.wait import Clock, Seen, wait_until

LONGEST_S = 30
INTERVAL_S = 3
ANSWER_S = 10
"""Seconds that one try may take."""
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS}


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """How it went."""

    arrived: bool
    text: str


def tell(settings: Settings, record: Mapping[str, Any]) -> str:
    """Tell what a build came to, if its settings name a webhook; say how that went."""
    url = settings.env.notify_url.get_secret_value()
    if not url:
        return ""
    run = owner(os.environ)
    link = run if "://" in run else ""
    return post(url, summary.document(record, link)).text


def post(url: str, document: Mapping[str, Any], *, clock: Clock | None = None) -> Told:
    """Post a document as JSON, and return how that went.

    Args:
        url: Address of the webhook.
        document: What `release.report.summary.document` returns.
        clock: The time to use.
    """
    host = _host(url)
    if not host:
        wanted = "such as https://hooks.example.com/services/1"
        return _failed(f"what was given is no address {wanted}")
    with requests.Session() as session:
        try:
            return wait_until(
                f"answer of {host}",
                lambda: _try(session, url, host, document),
                timeout_s=LONGEST_S,
                interval_s=INTERVAL_S,
                fix="see that the webhook is there",
                clock=clock,
            )
        except WaitTimedOut as error:
            return _failed(f"{error.last_seen}, for {LONGEST_S} s")


def _host(url: str) -> str:
    """Return the host of an address that can be posted to, or ""."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.scheme in {"https", "http"} else ""


def _try(
    session: requests.Session, url: str, host: str, document: Mapping[str, Any]
) -> Seen[Told]:
    try:
        # Streamed: what it has to say beside its status is not waited for.
        with session.post(
            url, json=document, timeout=ANSWER_S, allow_redirects=False, stream=True
        ) as answer:
            status = answer.status_code
    except (requests.ConnectionError, requests.Timeout) as error:
        return Seen(what=f"{host} did not answer ({type(error).__name__})")
    except requests.RequestException as error:
        what = f"{host} cannot be asked ({type(error).__name__})"
        return Seen(what=what, value=_failed(what))
    what = f"{host} answered {status}"
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _BUSY:
        return Seen(what=what)
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Seen(what=what, value=Told(arrived=True, text=f"notified {host}"))
    return Seen(what=what, value=_failed(what))


def _failed(why: str) -> Told:
    return Told(arrived=False, text=f"nobody was notified: {why}")
