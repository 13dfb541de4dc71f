"""The sample service, asked in process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from rocdash.accounts import DEMO
from rocdash.configuration import Configuration
from rocdash.data import fill
from rocdash.web import create_app


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.getbasetemp() / "rocdash.sqlite"
    if not path.exists():
        fill(path)
    return path


@pytest.fixture
def draining(tmp_path: Path) -> Path:
    return tmp_path / "draining"


@pytest.fixture
def client(database: Path, draining: Path) -> Iterator[FlaskClient]:
    configuration = Configuration(
        database=database, drain_file=draining, build="2026.1123.1", secret_key="key"
    )
    with create_app(configuration).test_client() as client:
        yield client


def sign_in(client: FlaskClient, password: str = DEMO.password, **more: str) -> int:
    form = {"email": DEMO.email, "password": password, **more}
    return client.post("/login", data=form).status_code


def test_data_are_the_same_bytes_each_time(database: Path, tmp_path: Path) -> None:
    fill(tmp_path / "again.sqlite")
    assert (tmp_path / "again.sqlite").read_bytes() == database.read_bytes()


def test_health_names_build_and_instance(client: FlaskClient) -> None:
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["status"] == "ok"
    assert answer.json["build"] == "2026.1123.1"
    assert answer.json["instance"]


def test_health_is_503_while_draining(client: FlaskClient, draining: Path) -> None:
    draining.touch()
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json and answer.json["status"]) == (
        503,
        "draining",
    )
    draining.unlink()
    assert client.get("/healthz").status_code == 200


def test_segments_add_up_to_all_orders(client: FlaskClient) -> None:
    def orders(segment: str) -> int:
        answer = client.get(f"/api/metrics?range=28d&segment={segment}").json
        assert answer is not None
        value: int = answer["metrics"]["orders"]["value"]
        return value

    parts = sum(orders(segment) for segment in ("enterprise", "business", "starter"))
    assert parts == orders("all") > 0


def test_trend_adds_up_to_the_figure(client: FlaskClient) -> None:
    trend = client.get("/api/trend?metric=revenue&range=91d").json
    figures = client.get("/api/metrics?range=91d").json
    assert trend is not None
    assert figures is not None
    assert len(trend["points"]) == 13
    assert (
        sum(point["value"] for point in trend["points"])
        == figures["metrics"]["revenue"]["value"]
    )


def test_unknown_parameter_value_names_those_allowed(client: FlaskClient) -> None:
    answer = client.get("/api/metrics?segment=gold")
    assert answer.status_code == 400
    assert answer.json == {
        "error": "segment is 'gold'; it can be all, enterprise, business, starter."
    }


def test_account_asks_to_sign_in_and_comes_back(client: FlaskClient) -> None:
    asked = client.get("/account")
    assert (asked.status_code, asked.location) == (302, "/login?next=/account")
    form = {"email": DEMO.email, "password": DEMO.password, "next": "/account"}
    entered = client.post("/login", data=form)
    assert (entered.status_code, entered.location) == (303, "/account")
    assert "Hello, Ada" in client.get("/account").text


def test_signing_out_ends_the_session(client: FlaskClient) -> None:
    assert sign_in(client) == 303
    client.post("/logout")
    assert client.get("/account").status_code == 302


def test_account_remembers_questions_without_repeating_them(
    client: FlaskClient,
) -> None:
    sign_in(client)
    for question in ("orders", "revenue", "orders"):
        client.get(f"/ask?q={question}")
    page = client.get("/account").text
    assert page.count("/ask?q=orders") == page.count("/ask?q=revenue") == 1


def test_wrong_password_is_refused(client: FlaskClient) -> None:
    assert sign_in(client, "wrong") == 401
    assert client.get("/account").status_code == 302


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "x"])
def test_signing_in_leads_nowhere_else(client: FlaskClient, elsewhere: str) -> None:
    form = {"email": DEMO.email, "password": DEMO.password, "next": elsewhere}
    assert client.post("/login", data=form).location == "/"


def test_form_of_another_site_is_refused(client: FlaskClient) -> None:
    form = {"email": DEMO.email, "password": DEMO.password}
    answer = client.post(
        "/login", data=form, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


def test_every_answer_forbids_foreign_content(client: FlaskClient) -> None:
    for path in ("/", "/ask?q=orders", "/login", "/nowhere", "/api/ask?q=x"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")


def test_a_question_is_escaped(client: FlaskClient) -> None:
    assert "<script>alert" not in client.get("/ask?q=<script>alert(1)</script>").text


def test_missing_database_says_how_to_make_it(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite"
    configuration = Configuration(
        database=missing, drain_file=tmp_path / "d", build="", secret_key="key"
    )
    with pytest.raises(FileNotFoundError) as raised:
        create_app(configuration)
    assert str(raised.value) == (
        f"no database at {missing}: make it with python -m rocdash.data {missing}"
    )
