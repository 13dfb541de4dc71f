from release.bake.packer.secrets import hider

ENVIRONMENT = {
    "ARM_CLIENT_SECRET": "hush-hush",
    "PKR_VAR_db_password": "pass&word",
    "SHORT_TOKEN": "abc",
    "HOME": "/home/somebody",
}


def test_what_variables_with_telling_names_hold_is_hidden() -> None:
    hide = hider(ENVIRONMENT)
    assert hide("say hush-hush and pass&word") == "say *** and ***"


def test_a_text_too_short_to_be_a_secret_is_shown() -> None:
    assert hider(ENVIRONMENT)("abc in /home/somebody") == "abc in /home/somebody"


def test_signatures_of_addresses_are_hidden() -> None:
    url = "https://a.blob.core.windows.net/x.vhd?se=2026&sig=aGVs%2Bbg%3D&sp=r"
    assert hider({})(f"OSDiskUriReadOnlySas: {url}") == (
        "OSDiskUriReadOnlySas: "
        "https://a.blob.core.windows.net/x.vhd?se=2026&sig=***&sp=r"
    )
