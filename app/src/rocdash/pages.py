"""The pages that people see."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import (
    Blueprint,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from werkzeug.wrappers import Response

from rocdash.accounts import DEMO, sign_in
from rocdash.answer import Answer, answer
from rocdash.chart import bars, line_chart, spark_line
from rocdash.data import LAST_DAY, SEGMENTS
from rocdash.metrics import figure, ranking, trend
from rocdash.periods import RANGES, day
from rocdash.question import EXAMPLES
from rocdash.view import SHOWN, view
from rocdash.wording import change_direction, change_text, short_text, value_text

routes = Blueprint("pages", __name__)

_QUESTIONS_KEPT = 5
_LONGEST_QUESTION = 200


@routes.app_context_processor
def _everywhere() -> dict[str, Any]:
    return {
        "account": session.get("account"),
        "build": current_app.config["ROCDASH"].build,
        "data_through": f"{LAST_DAY:%a} {day(LAST_DAY)} {LAST_DAY.year}",
        "change_direction": change_direction,
        "change_text": change_text,
        "short_text": short_text,
        "value_text": value_text,
    }


@routes.get("/")
def dashboard() -> str:
    """Show key figures, a trend, segments and customers."""
    database, seen = _database(), view(request.args)
    period, part, metric = seen.period, seen.part, seen.metric
    points = trend(database, metric, period, part)
    return render_template(
        "dashboard.html",
        view=seen,
        period=period,
        ranges=RANGES,
        segments=("all", *SEGMENTS),
        metrics=SHOWN,
        figures=[
            (
                figure(database, each, period, part),
                spark_line(trend(database, each, period, part)),
            )
            for each in SHOWN
        ],
        chart=line_chart(
            metric, points, trend(database, metric, period.previous, part)
        ),
        by_segment=bars(metric, ranking(database, metric, period, part, by="segment"))
        if part.segment is None
        else [],
        by_region=bars(metric, ranking(database, metric, period, part, by="region")),
        by_customer=ranking(database, SHOWN[0], period, part, by="name", at_most=8),
    )


@routes.get("/ask")
def ask() -> str:
    """Answer a question, or offer some."""
    question = request.args.get("q", "").strip()[:_LONGEST_QUESTION]
    result = answer(_database(), question) if question else None
    if result and session.get("account"):
        asked = [question, *(q for q in session.get("asked", []) if q != question)]
        session["asked"] = asked[:_QUESTIONS_KEPT]
    drawn: dict[str, Any] = {}
    if isinstance(result, Answer):
        metric = result.query.metric
        drawn = {
            "answer": result,
            "chart": line_chart(metric, result.points),
            "bars": bars(metric, result.shares),
        }
    return render_template(
        "ask.html", question=question, result=result, examples=EXAMPLES, **drawn
    )


@routes.get("/login")
def login() -> str:
    """Show the form to sign in."""
    return _login_page()


@routes.post("/login")
def enter() -> Response | tuple[str, HTTPStatus]:
    """Sign in, or say that it did not work."""
    email = request.form.get("email", "")
    found = sign_in(_database(), email, request.form.get("password", ""))
    if found is None:
        return _login_page(email=email, failed=True), HTTPStatus.UNAUTHORIZED
    session.clear()
    session["account"] = {"email": found.email, "name": found.name, "role": found.role}
    session["since"] = int(time.time())
    return redirect(_next_page(), HTTPStatus.SEE_OTHER)


@routes.post("/logout")
def leave() -> Response:
    """Sign out."""
    session.clear()
    return redirect(url_for("pages.login", left=1), HTTPStatus.SEE_OTHER)


@routes.get("/account")
def account() -> str | Response:
    """Show who is signed in; ask to sign in first."""
    if not session.get("account"):
        return redirect(url_for("pages.login", next=url_for("pages.account")))
    return render_template(
        "account.html",
        since=datetime.fromtimestamp(session["since"], tz=UTC),
        asked=session.get("asked", []),
    )


def _login_page(*, email: str = "", failed: bool = False) -> str:
    return render_template(
        "login.html",
        demo=DEMO,
        email=email,
        failed=failed,
        left="left" in request.args,
        next=_next_page(),
    )


def _next_page() -> str:
    """Return where to go after signing in: a path of this site, nothing else."""
    wanted = request.values.get("next", "")
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_ours else url_for("pages.dashboard")


def _database() -> Path:
    path: Path = current_app.config["ROCDASH"].database
    return path
