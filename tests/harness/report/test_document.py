import json
from pathlib import Path

import jsonschema
import pytest

from release.report import document
from tests.harness.report.test_report import RECORD

PUBLISHED = Path(__file__).parents[3] / "docs" / "release.schema.json"


def test_the_published_schema_is_that_of_the_records():
    # Write it anew with: python -m release schema > docs/release.schema.json
    assert PUBLISHED.read_text() == document.text()


def test_the_published_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(json.loads(PUBLISHED.read_text()))


def test_a_reader_is_not_stopped_by_a_key_that_was_added_since():
    later = RECORD | {"later": 1}
    jsonschema.validate(later, json.loads(PUBLISHED.read_text()))
    assert document.problems(later) == [
        "later: not in the schema; add it to release/report/document.py"
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"verdict": "green"}, "Input should be 'passed', 'failed' or 'inconclusive'"),
        ({"schema": 2}, "Input should be 1"),
        ({"duration_s": "long"}, "Input should be a valid number, unable to parse"),
    ],
)
def test_a_record_that_differs_is_told_where(changes, problem):
    (name,) = changes
    (told,) = document.problems(RECORD | changes)
    assert told.startswith(f"{name}: {problem}")


def test_a_key_that_is_missing_is_told():
    short = {name: value for name, value in RECORD.items() if name != "gates"}
    assert document.problems(short) == ["gates: Field required"]


def test_a_new_key_inside_is_told_by_its_path():
    stage = RECORD["stages"][0] | {"colour": "red"}
    assert document.problems(RECORD | {"stages": [stage]}) == [
        "stages.0.colour: not in the schema; add it to release/report/document.py"
    ]
