"""What visitors do: a plain Locust file."""

from locust import FastHttpUser, between, task


class Visitor(FastHttpUser):
    """Somebody who looks at the page."""

    wait_time = between(0.05, 0.2)

    @task
    def look(self) -> None:
        """Open the page."""
        self.client.get("/", name="GET /")
