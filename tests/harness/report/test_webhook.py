"""A webhook is told once, in time, and its failure is only told."""

import pytest

from release.report.webhook import Told, post


class Clock:
    """Time that passes as soon as it is waited for."""

    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


def test_a_document_arrives_as_json(webhook):
    webhook.answers[:] = [204]
    told = post(webhook.url, {"text": "Passed: ü"}, clock=Clock())
    assert told == Told(arrived=True, text="notified 127.0.0.1")
    assert webhook.sent == [{"text": "Passed: ü"}]


def test_what_may_pass_by_itself_is_tried_again(webhook):
    webhook.answers[:] = [429, 503, 200]
    assert post(webhook.url, {}, clock=Clock()).arrived
    assert len(webhook.sent) == 3


@pytest.mark.parametrize("status", [302, 404])
def test_what_will_not_pass_is_told_at_once(webhook, status):
    webhook.answers[:] = [status]
    assert post(webhook.url, {}, clock=Clock()) == Told(
        arrived=False,
        text=f"nobody was notified: 127.0.0.1 answered {status}",
    )
    assert len(webhook.sent) == 1


def test_trying_ends_in_time(webhook):
    webhook.answers[:] = [500]
    clock = Clock()
    assert post(webhook.url, {}, clock=clock) == Told(
        arrived=False,
        text="nobody was notified: 127.0.0.1 answered 500, for 30 s",
    )
    assert (clock.at, len(webhook.sent)) == (30, 11)


def test_a_webhook_that_is_gone_is_told_without_its_address():
    told = post("http://127.0.0.1:9/T0/b7c1e2f9", {}, clock=Clock())
    assert told == Told(
        arrived=False,
        text="nobody was notified: 127.0.0.1 did not answer (ConnectionError), "
        "for 30 s",
    )


@pytest.mark.parametrize("url", ["hooks.example.com/T0", "ftp://a/b", "http://[a"])
def test_what_is_no_address_is_told(url):
    assert post(url, {}) == Told(
        arrived=False,
        text="nobody was notified: what was given is no address such as "
        "https://hooks.example.com/services/1",
    )
