"""A browser's requests are told with what came of them."""

from release.browser import requests
from release.browser.network import Request, read, remarkable


def sent(number, url, at, **more):
    request = {"method": "GET", "url": url}
    told = {"requestId": number, "request": request, "timestamp": at, **more}
    return {"method": "Network.requestWillBeSent", "params": told}


def event(name, number, **told):
    return {"method": f"Network.{name}", "params": {"requestId": number, **told}}


EVENTS = [
    sent("1", "http://shop/old", 10.0),
    sent("1", "http://shop/", 10.02, redirectResponse={"status": 302}),
    event("responseReceived", "1", response={"status": 200}),
    sent("2", "http://shop/missing.css", 10.1),
    sent("3", "http://other/font", 10.1),
    sent("4", "http://shop/slow", 10.2),
    sent("5", "http://shop/left", 10.2),
    sent("6", "data:,", 10.2),
    event("loadingFinished", "1", timestamp=10.1),
    event("responseReceived", "2", response={"status": 404}),
    event("loadingFinished", "2", timestamp=10.15),
    event("loadingFailed", "3", timestamp=10.2, errorText="net::ERR_REFUSED"),
    event("responseReceived", "4", response={"status": 200}),
    event("loadingFinished", "4", timestamp=12.2),
    event("loadingFailed", "5", timestamp=10.3, errorText="-", canceled=True),
    event("dataReceived", "unknown"),
]


def test_each_request_is_told_once_with_status_and_time():
    assert [str(each) for each in read(EVENTS)] == [
        "302 GET http://shop/old 20 ms",
        "200 GET http://shop/ 80 ms",
        "404 GET http://shop/missing.css 50 ms",
        "net::ERR_REFUSED GET http://other/font 100 ms",
        "200 GET http://shop/slow 2000 ms",
        "- GET http://shop/left 100 ms",
    ]


def test_failed_and_slow_requests_are_remarkable():
    waiting = Request(method="POST", url="http://shop/buy")
    assert remarkable([*read(EVENTS), waiting], slow_ms=1000) == [
        "failed: 404 GET http://shop/missing.css 50 ms",
        "failed: net::ERR_REFUSED GET http://other/font 100 ms",
        "slow: 200 GET http://shop/slow 2000 ms",
        "slow: - POST http://shop/buy not ended",
    ]


def test_a_browser_tells_its_requests_since_it_was_cleaned(browser, traces):
    browser.get(traces)
    browser.execute_async_script(
        "fetch('/late').then(it => it.text()).then(arguments[0])"
    )
    found = requests(browser)
    # When the browser asks for an icon is its own affair.
    asked = [each.url for each in found if not each.url.endswith("favicon.ico")]
    assert asked == [traces, f"{traces}late"]
    assert {each.status for each in found} == {200}
    assert found[0].took_ms > 0
    assert requests(browser) == []
