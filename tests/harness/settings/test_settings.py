from collections.abc import Mapping
from pathlib import Path

import pytest

from release.errors import SettingsError, UsageError
from release.settings import Settings, Source, SourceKind, load
from release.settings.settings import environments

QA = """\
[env.qa]
cloud = "azure"
subscription = "22222222-2222-2222-2222-222222222222"
resource_group = "shop-qa"
image_resource_group = "shop-images"
scale_set = "shop"
gallery = "shop"
image_definition = "shop"
"""
LOCAL = QA.replace("qa", "local").replace('"azure"', '"local"')


def settings(
    folder: Path,
    text: str = QA,
    environment: str | None = "qa",
    *,
    options: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Settings:
    (folder / "release.toml").write_text(text)
    return load(folder, environment, options=options or {}, variables=variables or {})


def message(folder: Path, text: str, **more: Mapping[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        settings(folder, text, **more)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_setting_left_out_has_its_default(tmp_path: Path) -> None:
    read = settings(tmp_path)

    assert read.env.load.users == 10
    assert read.sources["load.users"] == Source(
        kind=SourceKind.DEFAULT, where="default"
    )


@pytest.mark.parametrize(
    ("variables", "options", "users", "source"),
    [
        pytest.param({}, {}, 3, "release.toml line 10", id="file"),
        pytest.param(
            {"RELEASE_LOAD_USERS": "4"}, {}, 4, "RELEASE_LOAD_USERS", id="variable"
        ),
        pytest.param(
            {"RELEASE_LOAD_USERS": ""}, {}, 3, "release.toml line 10", id="empty"
        ),
        pytest.param(
            {"RELEASE_LOAD_USERS": "4"},
            {"load.users": "5"},
            5,
            "--set load.users",
            id="option",
        ),
    ],
)
def test_the_stronger_source_wins(
    tmp_path: Path,
    variables: Mapping[str, str],
    options: Mapping[str, str],
    users: int,
    source: str,
) -> None:
    read = settings(
        tmp_path,
        QA + "[env.qa.load]\nusers = 3\n",
        variables=variables,
        options=options,
    )

    assert read.env.load.users == users
    assert str(read.sources["load.users"]) == source


def test_variables_that_teams_have_are_honoured(tmp_path: Path) -> None:
    variables = {
        "ARM_CLIENT_ID": "33333333-3333-3333-3333-333333333333",
        "ARM_CLIENT_SECRET": "hush",
        "ARM_TENANT_ID": "11111111-1111-1111-1111-111111111111",
        "ARM_SUBSCRIPTION_ID": "44444444-4444-4444-4444-444444444444",
        "ARM_RESOURCE_GROUP": "images",
        "ARM_STORAGE_ACCOUNT": "payloads",
        "ADMIN_USERNAME": "ops",
        "ADMIN_PASSWORD": "hush hush",
        "DEPLOYMENT_RESOURCE_GROUP": "group",
    }

    read = settings(tmp_path, variables=variables)

    assert read.account.client_id == variables["ARM_CLIENT_ID"]
    assert read.account.tenant_id == variables["ARM_TENANT_ID"]
    assert read.account.client_secret.get_secret_value() == "hush"
    assert read.env.subscription == variables["ARM_SUBSCRIPTION_ID"]
    assert read.env.image_resource_group == "images"
    assert read.env.storage_account == "payloads"
    assert read.env.admin_username == "ops"
    assert read.env.admin_password.get_secret_value() == "hush hush"
    assert read.env.resource_group == "group"
    assert str(read.sources["storage_account"]) == "ARM_STORAGE_ACCOUNT"


def test_the_embedded_azure_takes_nothing_meant_for_the_real_one(
    tmp_path: Path,
) -> None:
    read = settings(
        tmp_path,
        LOCAL,
        "local",
        variables={"ARM_RESOURCE_GROUP": "images", "ARM_CLIENT_SECRET": "hush"},
    )

    assert read.env.image_resource_group == "shop-images"
    assert read.account.client_secret.get_secret_value() == ""


def test_arm_names_win_over_azure_names(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        variables={
            "AZURE_TENANT_ID": "11111111-1111-1111-1111-111111111111",
            "AZURE_CLIENT_ID": "11111111-1111-1111-1111-111111111111",
            "ARM_CLIENT_ID": "33333333-3333-3333-3333-333333333333",
        },
    )

    assert read.account.tenant_id == "11111111-1111-1111-1111-111111111111"
    assert read.account.client_id == "33333333-3333-3333-3333-333333333333"
    assert read.account.client_secret.get_secret_value() == ""


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        variables={"ARM_CLIENT_SECRET": "hush", "ADMIN_PASSWORD": "hush"},
    )

    assert "hush" not in f"{read} {read!r} {read.env.model_dump_json()}"
    assert repr(read.env.admin_password) == "***"
    assert str(read.account.client_secret) == "***"


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = f"""{QA}locaton = "westeurope"
site_port = "80"
users = 4
disposable = 1

[env.qa.rollout]
batch_ratio = 40
drain_s = -1

[env.qa.load]
users = 1.5
time_s = inf

[env.qa.load.thresholds."GET /"]
p95_ms = -5
p9x_ms = 5
error_ratio = 2

[imag]
recipe = "x"
"""

    assert (
        message(tmp_path, text)
        == """\
release.toml has 12 problems:
  line 9   env.qa.locaton = "westeurope": no such setting; did you mean location?
  line 10  env.qa.site_port = "80": must be a whole number; did you mean 80?
  line 11  env.qa.users = 4: no such setting; it belongs to env.NAME.load
  line 12  env.qa.disposable = 1: must be true or false
  line 15  env.qa.rollout.batch_ratio = 40: must be above 0 and at most 1; \
did you mean 0.4?
  line 16  env.qa.rollout.drain_s = -1: must be at least 0 (seconds)
  line 19  env.qa.load.users = 1.5: must be a whole number
  line 20  env.qa.load.time_s = Infinity: must be a finite number
  line 23  env.qa.load.thresholds."GET /".p95_ms = -5: must be above 0 (milliseconds)
  line 24  env.qa.load.thresholds."GET /".p9x_ms: no such setting; \
did you mean p99_ms?
  line 25  env.qa.load.thresholds."GET /".error_ratio = 2: must be from 0 to 1; \
did you mean 0.02?
  line 27  imag: no such table; did you mean image?"""
    )


def test_names_that_cannot_be_are_told(tmp_path: Path) -> None:
    text = f"""{QA}location = "West Europe"

[env.qa.smoke]
pages_ms = {{ "home" = 1500 }}

[env.qa.load.thresholds]
"" = {{ p95_ms = 5 }}
"GET /" = {{}}

[env."../etc"]
"""
    assert (
        message(tmp_path, text)
        == """\
release.toml has 5 problems:
  line 9   env.qa.location = "West Europe": must be a region's name, such as \
westeurope; did you mean "westeurope"?
  line 12  env.qa.smoke.pages_ms.home: must be a path that starts with /
  line 15  env.qa.load.thresholds."": must be the name of an endpoint, such as "GET /"
  line 16  env.qa.load.thresholds."GET /": limits nothing: give a limit, such as \
p95_ms, or leave it out
  line 18  env."../etc": must be letters, digits and any of _ . -, a letter or digit \
first"""
    )


def test_a_table_that_no_line_names_begins_where_something_in_it_does(
    tmp_path: Path,
) -> None:
    text = "[image]\n\n[evn.qa]\ncloud = 'local'\n\n[env.qa.load]\nusers = 4\n"
    problems = message(tmp_path, text).splitlines()
    assert problems[1] == "  line 3  evn: no such table; did you mean env?"
    assert problems[2].startswith("  line 6  env.qa.cloud: missing (local is the ")


def test_a_folder_in_the_files_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "release.toml").mkdir()
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "qa", options={}, variables={})
    assert str(caught.value) == (
        f"release.toml in {tmp_path} cannot be read: Is a directory\n"
        "  fix: make it a file that you may read"
    )


def test_one_problem_is_one(tmp_path: Path) -> None:
    assert message(tmp_path, QA + "instance_count = 0\n") == (
        "release.toml has 1 problem:\n"
        "  line 9  env.qa.instance_count = 0: must be above 0"
    )


def test_what_variables_and_options_say_is_checked_too(tmp_path: Path) -> None:
    found = message(
        tmp_path,
        QA.replace('gallery = "shop"', 'gallery = "my-shop"'),
        options={"load.user": "5", "rollout.batch_ratio": "50"},
        variables={
            "ARM_STORAGE_ACCOUNT": "My_Account",
            "ARM_CLIENT_ID": "me",
            "RELEASE_LOAD_USER": "5",
            "RELEASE_RELEASENAME": "Release-5",
        },
    )

    assert (
        found
        == """\
the settings have 6 problems:
  line 7                     env.qa.gallery = "my-shop": must be 1 to 80 letters, \
digits, dots and underscores (no hyphens), a letter or digit at both ends
  RELEASE_LOAD_USER          no such variable; did you mean RELEASE_LOAD_USERS?
  --set load.user            env.qa.load.user = "5": no such setting; \
did you mean users?
  ARM_CLIENT_ID              must be an id such as \
22222222-2222-2222-2222-222222222222
  ARM_STORAGE_ACCOUNT        env.qa.storage_account = "My_Account": \
must be 3 to 24 lower-case letters and digits
  --set rollout.batch_ratio  env.qa.rollout.batch_ratio = 50: \
must be above 0 and at most 1; did you mean 0.5?"""
    )


@pytest.mark.parametrize(
    ("option", "text"),
    [
        pytest.param(
            "load",
            "env.qa.load: is a table; set one of the settings in it",
            id="table",
        ),
        pytest.param(
            "image",
            "image: is a table; set one of the settings in it",
            id="image",
        ),
        pytest.param(
            "load.thresholds",
            "env.qa.load.thresholds: is a table; set one of the settings in it",
            id="thresholds",
        ),
        pytest.param(
            "env.qa",
            "env.qa: is a table; set one of the settings in it",
            id="environment",
        ),
        pytest.param(
            "image.x",
            'image.x = "5": no such setting; there are builder, recipe, build, packer',
            id="unknown",
        ),
        pytest.param(
            "image.build",
            'image.build = 5: must be a list, such as ["make", "dist"]',
            id="list",
        ),
    ],
)
def test_an_option_must_name_a_setting(tmp_path: Path, option: str, text: str) -> None:
    found = message(tmp_path, QA, options={option: "5"})

    assert found == f"the settings have 1 problem:\n  --set {option}  {text}"


def test_an_option_may_name_the_environment_too(tmp_path: Path) -> None:
    read = settings(tmp_path, options={"env.qa.load.users": "5"})

    assert read.env.load.users == 5


def test_a_byte_order_mark_is_no_problem(tmp_path: Path) -> None:
    assert settings(tmp_path, "\ufeff" + QA).env.scale_set == "shop"


def test_a_missing_setting_names_the_variable_that_could_give_it(
    tmp_path: Path,
) -> None:
    text = "\n".join(
        line
        for line in QA.splitlines()
        if not line.startswith(("subscription", "resource_group", "scale_set"))
    )

    assert (
        message(tmp_path, text)
        == """\
release.toml has 3 problems:
  line 1  env.qa.subscription: missing (subscription id; the embedded Azure has its \
own); give it here or in ARM_SUBSCRIPTION_ID
  line 1  env.qa.resource_group: missing (group of the scale set); \
give it here or in DEPLOYMENT_RESOURCE_GROUP
  line 1  env.qa.scale_set: missing (name of the scale set)"""
    )


def test_another_environment_may_miss_what_its_variables_give(tmp_path: Path) -> None:
    read = settings(tmp_path, QA + '[env.prod]\ncloud = "azure"\n')

    assert read.environment == "qa"


def test_a_secret_in_the_file_or_an_option_is_refused(tmp_path: Path) -> None:
    found = message(
        tmp_path,
        QA + 'admin_password = "hush"\n',
        options={"admin_password": "hush"},
    )

    assert (
        found
        == """\
the settings have 2 problems:
  line 9                env.qa.admin_password = ***: a secret must not stand here; \
give it in ADMIN_PASSWORD
  --set admin_password  env.qa.admin_password = ***: a secret must not stand here; \
give it in ADMIN_PASSWORD"""
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            QA + 'scale_set = "other"\n',
            "line 9  env.qa.scale_set: given twice, first on line 6; keep one of them",
            id="key-twice",
        ),
        pytest.param(
            QA + "[env.qa]\n",
            "line 9  env.qa: given twice, first on line 1; keep one of them",
            id="table-twice",
        ),
        pytest.param(
            QA + "rollout = { drain_s = 1, drain_s = 2, batch_ratio = 1 }\n",
            "line 9  env.qa.rollout.drain_s: given twice, first on line 9; "
            "keep one of them",
            id="key-of-an-inline-table-twice",
        ),
        pytest.param(
            QA + "site_port = \n",
            "line 9  no TOML: Invalid value (column 13): site_port =",
            id="no-value",
        ),
        pytest.param(
            QA + "[env.qa2",
            "line 9  no TOML: Expected ']' at the end of a table declaration: [env.qa2",
            id="cut-off",
        ),
    ],
)
def test_text_that_is_no_toml_is_told_with_its_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert message(tmp_path, text) == f"release.toml has 1 problem:\n  {expected}"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param(
            "nowhere",
            "there is no environment 'nowhere'\n"
            "  fix: release.toml has qa, local; choose one of them, "
            "or add [env.nowhere]",
            id="unknown",
        ),
        pytest.param(
            None,
            "no environment is named\n"
            "  fix: add --env NAME; release.toml has qa, local",
            id="none",
        ),
    ],
)
def test_a_missing_environment_lists_those_that_exist(
    tmp_path: Path, environment: str | None, expected: str
) -> None:
    with pytest.raises(UsageError) as caught:
        settings(tmp_path, QA + LOCAL, environment)

    assert str(caught.value) == expected


def test_a_folder_without_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, "qa", options={}, variables={})

    assert str(caught.value) == (
        f"there is no release.toml in {tmp_path}\n"
        "  fix: start in the folder that has one, or write one as the README shows"
    )


def test_any_percentile_may_be_limited(tmp_path: Path) -> None:
    read = settings(
        tmp_path,
        QA
        + '[env.qa.load.thresholds]\n"GET /" = '
        + "{ min_samples = 9, p99_9_ms = 900, p50_ms = 50, p75_ms = 75 }\n",
        options={'load.thresholds."GET /".p75_ms': "80"},
    )

    assert read.env.load.thresholds["GET /"].limits() == {
        "p50_ms": 50,
        "p75_ms": 80,
        "p99_9_ms": 900,
        "min_samples": 9,
    }
    assert str(read.sources['load.thresholds."GET /".p50_ms']) == "release.toml line 10"


def test_this_repository_has_an_embedded_and_a_real_environment() -> None:
    root = Path(__file__).parents[3]

    assert environments(root) == ["local", "qa", "prod"]
    local = load(root, "local", options={}, variables={})
    subscribed = {"ARM_SUBSCRIPTION_ID": "22222222-2222-2222-2222-222222222222"}
    qa = load(root, "qa", options={}, variables=subscribed)
    prod = load(root, "prod", options={}, variables=subscribed)
    assert (local.env.cloud, local.env.disposable) == ("local", True)
    assert (qa.env.cloud, qa.env.disposable) == ("azure", False)
    assert (prod.env.cloud, prod.env.protected) == ("azure", True)


def test_a_variable_of_a_packer_template_may_be_set_by_an_option(
    tmp_path: Path,
) -> None:
    text = QA + '\n[image.packer.variables]\nflavour = "sweet"\n'
    read = settings(tmp_path, text, options={"image.packer.variables.release": "1.2"})

    assert read.image.packer.variables == {"flavour": "sweet", "release": "1.2"}


def test_a_base_image_must_be_named_in_full(tmp_path: Path) -> None:
    text = QA + '\n[image.packer]\nbase = "Debian"\n'

    assert message(tmp_path, text).endswith(
        'image.packer.base = "Debian": must be PUBLISHER:OFFER:SKU, such as '
        "Debian:debian-12:12-gen2"
    )


def test_an_open_load_needs_its_rate(tmp_path: Path) -> None:
    text = QA + '\n[env.qa.load]\nmodel = "open"\n'

    assert message(tmp_path, text) == (
        "release.toml has 1 problem:\n"
        '  line 10  env.qa.load: model = "open" needs rate, the arrivals a second'
    )


def test_abort_names_a_limit_that_is_given(tmp_path: Path) -> None:
    text = QA + '\n[env.qa.load.thresholds]\n"*" = { p50_ms = 9, abort = ["p95_ms"] }\n'

    assert message(tmp_path, text) == (
        "release.toml has 1 problem:\n"
        '  line 11  env.qa.load.thresholds."*": abort names p95_ms, which is no limit '
        "here that could be lost; give its limit, or leave it out of abort"
    )
