import pytest

from release.history.place import Place, content_type

WEB = "https://shop.blob.core.windows.net/$web"


@pytest.mark.parametrize(
    ("url", "container", "folder"),
    [
        (WEB, "$web", ""),
        (f"{WEB}/", "$web", ""),
        (f"{WEB}/team/shop", "$web", "team/shop/"),
        ("https://shop.blob.core.windows.net/builds", "builds", ""),
    ],
)
def test_an_address_names_a_container_and_a_folder_in_it(url, container, folder):
    found = Place.of(url)
    assert (found.account, found.container, found.folder) == ("shop", container, folder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.html", "text/html; charset=utf-8"),
        ("locust_stats.csv", "text/csv; charset=utf-8"),
        ("latency.hlog", "text/plain; charset=utf-8"),
        ("screenshots/A.PNG", "image/png"),
        ("core", "application/octet-stream"),
    ],
)
def test_a_file_has_the_type_that_a_browser_needs(name, expected):
    assert content_type(name) == expected
