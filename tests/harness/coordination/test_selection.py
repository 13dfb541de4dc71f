import pytest

from release.coordination.selection import Mode, Selection, selection


def test_a_bare_run_releases():
    assert selection(attach=False, named=False, options={}) == Selection(
        mode=Mode.RELEASE, reason=""
    )


@pytest.mark.parametrize(
    ("attach", "named", "options", "reason"),
    [
        (True, False, {}, "--attach"),
        (False, True, {}, "narrowed by a path"),
        (False, False, {"keyword": "ask"}, "narrowed by -k"),
        (False, False, {"markexpr": "essential"}, "narrowed by -m"),
        (False, False, {"lf": True}, "narrowed by --lf"),
        (False, False, {"deselect": ["a"]}, "narrowed by --deselect"),
        (False, False, {"ignore": ["a"]}, "narrowed by --ignore"),
        (False, False, {"ignore_glob": ["a"]}, "narrowed by --ignore-glob"),
        (False, False, {"stepwise": True}, "narrowed by --stepwise"),
        (False, False, {"stepwise_skip": True}, "narrowed by --stepwise-skip"),
        (False, False, {"stepwise_reset": True}, "narrowed by --stepwise-reset"),
        (False, False, {"collectonly": True}, "narrowed by --collect-only"),
        (
            False,
            False,
            {"override_ini": ["xfail_strict=true", "testpaths=tests/smoke"]},
            "narrowed by -o testpaths",
        ),
        (False, False, {"keyword": "a", "markexpr": "b"}, "narrowed by -k, -m"),
    ],
)
def test_a_narrowed_run_attaches_and_says_why(attach, named, options, reason):
    assert selection(attach=attach, named=named, options=options) == Selection(
        mode=Mode.ATTACH, reason=reason
    )


def test_options_that_narrow_nothing_do_not_attach():
    options = {
        "keyword": "",
        "deselect": None,
        "numprocesses": 2,
        "override_ini": ["xfail_strict=true"],
    }
    assert selection(attach=False, named=False, options=options).mode is Mode.RELEASE


def test_a_plan_is_one_whatever_is_selected():
    assert selection(
        plan=True, attach=False, named=True, options={"keyword": "ask"}
    ) == Selection(mode=Mode.PLAN, reason="--plan")
