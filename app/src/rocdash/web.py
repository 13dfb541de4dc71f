"""The WSGI application: health, headers, error pages, and the two sets of routes."""

from __future__ import annotations

import os
import socket
from http import HTTPStatus
from urllib.parse import urlsplit

from flask import Flask, Response, abort, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from rocdash import api, pages
from rocdash.configuration import Configuration

_POLICY = "; ".join(
    (
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("connect", "img", "script", "style")),
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


def create_app(configuration: Configuration | None = None) -> Flask:
    """Build the application.

    Args:
        configuration: What it is told; from the process environment if left out.
    """
    configuration = configuration or Configuration.read(os.environ)
    if not configuration.database.is_file():
        raise FileNotFoundError(
            f"no database at {configuration.database}: make it with "
            f"python -m rocdash.data {configuration.database}"
        )
    app = Flask(__name__)
    app.config.update(
        ROCDASH=configuration,
        SECRET_KEY=configuration.secret_key,
        SESSION_COOKIE_NAME="rocdash",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SEND_FILE_MAX_AGE_DEFAULT=3600,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.register_blueprint(pages.routes)
    app.register_blueprint(api.routes)
    app.before_request(_refuse_other_sites)
    app.after_request(_add_headers)
    app.register_error_handler(HTTPException, _show_error)
    app.register_error_handler(Exception, _show_failure(app))
    _add_health(app, configuration)
    return app


def _add_health(app: Flask, configuration: Configuration) -> None:
    @app.get("/healthz")
    def health() -> tuple[Response, HTTPStatus]:
        identity = {"build": configuration.build, "instance": socket.gethostname()}
        draining = configuration.drain_file.exists()
        answer = jsonify({"status": "draining" if draining else "ok", **identity})
        answer.cache_control.no_store = True
        return answer, (HTTPStatus.SERVICE_UNAVAILABLE if draining else HTTPStatus.OK)


def _refuse_other_sites() -> None:
    """Refuse a form that another site sends in a visitor's name."""
    origin = request.headers.get("Origin")
    if request.method == "POST" and origin and urlsplit(origin).netloc != request.host:
        abort(HTTPStatus.FORBIDDEN, "This form was sent from another site.")


def _add_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _show_error(error: HTTPException) -> tuple[Response | str, int]:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    if request.path.startswith("/api/"):
        return jsonify({"error": error.description}), status
    return render_template("error.html", title=error.name, error=error), status


def _show_failure(app: Flask):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def show(failure: Exception) -> tuple[Response | str, int]:
        app.logger.error("%s %s failed", request.method, request.path, exc_info=failure)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        if request.path.startswith("/api/"):
            return jsonify({"error": "something went wrong on our side"}), status
        return render_template("failure.html", title="Something went wrong"), status

    return show
