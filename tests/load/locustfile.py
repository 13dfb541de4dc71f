"""What the visitors of rocdash do all day. A plain Locust file.

It runs under Locust alone as well:

    locust -f tests/load/locustfile.py --headless -u 10 -t 30s --host http://SITE
"""

import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from locust import FastHttpUser, between, task

# ruff: noqa: S311 - chance picks what a visitor does; no secret hangs on it

SEGMENTS = ("all", "enterprise", "business", "starter")
RANGES = ("7d", "28d", "91d", "364d")
QUESTIONS = (
    "How many orders last week?",
    "Revenue by segment this month",
    "Top 5 customers in the last 90 days",
    "New customers in Europe this year",
)


class Analyst(FastHttpUser):
    """Somebody who looks at figures, asks questions and now and then signs in."""

    wait_time = between(0.1, 0.5)

    @task(4)
    def look(self) -> None:
        """Open the dashboard of some segment."""
        query = f"segment={random.choice(SEGMENTS)}&range={random.choice(RANGES)}"
        self._get(f"/?{query}", "GET /", lambda answer: "Customer overview" in answer)

    @task(3)
    def ask(self) -> None:
        """Ask a question that can be answered."""
        self._get(
            *("/ask", "GET /ask", lambda answer: 'data-test="answer"' in answer),
            params={"q": random.choice(QUESTIONS)},
        )

    @task(3)
    def read(self) -> None:
        """Read figures as a program does."""
        query = f"segment={random.choice(SEGMENTS)}&range={random.choice(RANGES)}"
        self._get(
            *(f"/api/metrics?{query}", "GET /api/metrics"),
            lambda answer: '"revenue"' in answer,
        )

    @task(2)
    def sign_in(self) -> None:
        """Sign in with the account that everybody may use."""
        with self.client.post(
            "/login",
            data={"email": "ada@rocdash.example", "password": "roc-demo-2026"},
            name="POST /login",
            allow_redirects=False,
            catch_response=True,
        ) as answer:
            if answer.status_code == HTTPStatus.SEE_OTHER:
                answer.success()
            else:
                answer.failure(f"answered {answer.status_code}, not 303")

    def _get(
        self, path: str, name: str, is_right: Callable[[str], bool], **more: Any
    ) -> None:
        """Get a page and look whether it is the right one."""
        with self.client.get(path, name=name, catch_response=True, **more) as answer:
            if answer.status_code != HTTPStatus.OK:
                answer.failure(f"answered {answer.status_code}, not 200")
            elif not is_right(answer.text or ""):
                answer.failure("answered 200 with another page")
