from release.settings import catalogue, reference


def test_no_two_settings_share_a_variable() -> None:
    settings = (
        *catalogue.account_settings(),
        *catalogue.environment_settings(),
        *catalogue.image_settings(),
    )
    names = [name for setting in settings for name in setting.variables]

    assert sorted(names) == sorted(set(names))


def test_every_setting_says_what_it_is() -> None:
    settings = (
        *catalogue.account_settings(),
        *catalogue.environment_settings(),
        *catalogue.image_settings(),
        *catalogue.threshold_settings(),
    )

    assert [one.path for one in settings if not one.description] == []


def test_a_row_holds_values_default_and_variable() -> None:
    rows = reference.markdown().splitlines()

    assert (
        "| `load.warmup_s` | number, at least 0 (seconds) | `10` | "
        "`RELEASE_LOAD_WARMUP_S` | seconds before measuring starts, left out of every "
        "figure |"
    ) in rows
    assert "| `ARM_SUBSCRIPTION_ID` | `subscription` |" in rows
