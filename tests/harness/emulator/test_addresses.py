import pytest

from release.emulator.addresses import Addresses, take_slice
from release.emulator.errors import HostFault


def test_two_folders_that_hash_alike_get_two_slices(tmp_path):
    first = take_slice(tmp_path, None)
    with first.mark:
        second = take_slice(tmp_path, None)
        second.mark.close()
    assert first.second != second.second


def test_a_folder_gets_the_slice_that_it_had(tmp_path):
    had = take_slice(tmp_path, None)
    had.mark.close()
    again = take_slice(tmp_path, had.second)
    again.mark.close()
    assert again.second == had.second


def test_a_slice_that_another_one_has_is_told(tmp_path):
    had = take_slice(tmp_path, None)
    with had.mark, pytest.raises(HostFault) as caught:
        take_slice(tmp_path, had.second)
    assert str(caught.value) == (
        f"the addresses 127.{had.second}.0.0/16 that {tmp_path} had are in use by "
        "another embedded Azure\n"
        "  fix: stop the other one, or forget this one's state: "
        "python -m release down --forget --env local"
    )


def test_addresses_count_up_and_skip_what_is_taken():
    addresses = Addresses(9)
    assert addresses.private([]) == "127.9.0.4"
    assert addresses.private(["127.9.0.4"]) == "127.9.0.5"
    assert addresses.public([]) == "127.9.200.1"
