"""Follow the links of a site that stay on it, and look at each page on the way."""

from collections import Counter, deque
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.request import (
    HTTPCookieProcessor,
    OpenerDirector,
    ProxyHandler,
    build_opener,
)

_MOST_PER_PATH = 12
"""Addresses that differ in their query only: after so many, no more."""
_TIMEOUT_S = 10
_LINKS = {"a": "href", "link": "href", "script": "src", "img": "src"}
_ONCE = ("h1", "main", "header", "title")


@dataclass
class Found:
    """What a crawl found."""

    addresses: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    """Address, status, and the page that links to it."""
    hard_to_read: list[str] = field(default_factory=list)
    """Address, and what a screen reader misses there."""


class _Reader(HTMLParser):
    """Collects a page's links and what makes it readable."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: Counter[str] = Counter()
        self.language = ""
        self.fields: dict[str, str] = {}
        self.labels: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        if address := given.get(_LINKS.get(tag, "")):
            self.links.append(address)
        if tag == "html":
            self.language = given.get("lang", "")
        if tag == "label":
            self.labels.add(given.get("for", ""))
        if tag == "input" and given.get("type") != "hidden":
            self.fields[given.get("id", "")] = given.get("name", "")
        if tag == "img" and "alt" not in given:
            self.tags["img without alt"] += 1

    def problems(self) -> list[str]:
        """Return what is wrong for a screen reader."""
        wrong = [f"{self.tags[each]} {each}" for each in _ONCE if self.tags[each] != 1]
        if not self.language:
            wrong.append("no language")
        if self.tags["img without alt"]:
            wrong.append("img without alt")
        return wrong + [
            f"no label for {name}"
            for identity, name in self.fields.items()
            if identity not in self.labels
        ]


def crawl(url: str) -> Found:
    """Follow links from the first page, breadth first."""
    opener = build_opener(HTTPCookieProcessor(CookieJar()), *_proxy(url))
    start = url.rstrip("/") + "/"
    found, variants = Found(addresses={start}), Counter[str]()
    waiting = deque([(start, "nowhere")])
    while waiting:
        address, linked_from = waiting.popleft()
        for link in _look(opener, address, linked_from, found):
            path = urlsplit(link).path
            is_ours = urlsplit(link).netloc == urlsplit(start).netloc
            if (
                is_ours
                and link not in found.addresses
                and variants[path] < _MOST_PER_PATH
            ):
                variants[path] += 1
                found.addresses.add(link)
                waiting.append((link, address))
    return found


def _look(
    opener: OpenerDirector, address: str, linked_from: str, found: Found
) -> list[str]:
    """Read one address, note what is wrong with it, and return its links."""
    try:
        with opener.open(address, timeout=_TIMEOUT_S) as answer:
            if answer.headers.get_content_type() != "text/html":
                return []
            text = answer.read().decode()
    except HTTPError as error:
        found.broken.append(f"{address}: {error.code}, linked from {linked_from}")
        error.close()
        return []
    reader = _Reader()
    reader.feed(text)
    found.hard_to_read += [f"{address}: {problem}" for problem in reader.problems()]
    return [urldefrag(urljoin(address, link)).url for link in reader.links]


def _proxy(url: str) -> list[ProxyHandler]:
    """Leave out the proxy that the environment may name for this machine itself."""
    is_here = (urlsplit(url).hostname or "").startswith("127.")
    return [ProxyHandler({})] if is_here else []
