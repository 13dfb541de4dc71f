"""Follow every link of a site that stays on it."""

from collections import deque
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

_MOST_PAGES = 200
_TIMEOUT_S = 10
_LINKS = {"a": "href", "link": "href", "script": "src", "img": "src"}


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get(_LINKS.get(tag, ""))
        if address:
            self.found.append(address)


def broken_links(url: str) -> tuple[int, list[str]]:
    """Return how many addresses were tried, and those that failed with why."""
    opener = build_opener(HTTPCookieProcessor(CookieJar()), *_proxy(url))
    start = url.rstrip("/") + "/"
    waiting, seen, broken = deque([(start, "the start")]), {start}, []
    while waiting and len(seen) <= _MOST_PAGES:
        address, linked_from = waiting.popleft()
        try:
            with opener.open(address, timeout=_TIMEOUT_S) as answer:
                is_page = answer.headers.get_content_type() == "text/html"
                text = answer.read().decode() if is_page else ""
        except HTTPError as error:
            broken.append(f"{address} answers {error.code}; linked from {linked_from}")
            error.close()
            continue
        for link in _links(text, address, start):
            if link not in seen:
                seen.add(link)
                waiting.append((link, address))
    return len(seen), broken


def _proxy(url: str) -> list[ProxyHandler]:
    """Leave out the proxy that the environment may name for this machine itself."""
    is_here = (urlsplit(url).hostname or "").startswith("127.")
    return [ProxyHandler({})] if is_here else []


def _links(text: str, address: str, start: str) -> list[str]:
    parser = _Links()
    parser.feed(text)
    links = [urldefrag(urljoin(address, each)).url for each in parser.found]
    return [each for each in links if urlsplit(each).netloc == urlsplit(start).netloc]
