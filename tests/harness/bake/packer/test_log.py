"""The lines are Packer 1.6.6's own, but for shortened ids."""

import pytest

from release.bake.packer.log import Line, Log, Said, parse

FAILED = """\
1795601470,,ui,say,==> azure-arm.web: Provisioning with shell script: install.sh
1795601470,,ui,message,    azure-arm.web: a=fromfile%!(PACKER_COMMA) t=v9
1795601470,,ui,error,==> azure-arm.web: err
1795601470,,ui,say,==> azure-arm.web: Provisioning step had errors: Running the \
cleanup provisioner%!(PACKER_COMMA) if present...
1795601470,,ui,say,==> azure-arm.web: \\n==> azure-arm.web: Cleanup requested%!\
(PACKER_COMMA) deleting resource group ...
1795601470,,ui,error,Build 'azure-arm.web' errored after 7 milliseconds: Script exited \
with non-zero exit status: 3.Allowed exit codes are: [0]
1795601470,,ui,say,\\n==> Wait completed after 7 milliseconds 244 microseconds
1795601470,,error-count,1
1795601470,,ui,error,\\n==> Some builds didn't complete successfully and had errors:
1795601470,azure-arm.web,error,Script exited with non-zero exit status: 3.Allowed exit \
codes are: [0]
1795601470,,ui,error,--> azure-arm.web: Script exited with non-zero exit status: 3.\
Allowed exit codes are: [0]
1795601470,,ui,say,\\n==> Builds finished but no artifacts were created.
"""
WRONG = (
    '1795601470,,ui,error,Error: Failed to prepare build: "azure-arm"\\n\\n1 error '
    "occurred:\\n\t* unknown configuration key: '\"bogus\"'\\n\\n\\n\\n"
)
CREATES = """\
1795601470,,ui,say,==> azure-arm.web: Creating resource group ...
1795601470,,ui,say,==> azure-arm.web:  -> ResourceGroupName : 'pkr-Resource-Group-a1'
1795601470,,ui,say,==> azure-arm.web:  -> Location          : 'West US 2'
1795601470,,ui,say,==> azure-arm.web:  -> Tags              :
1795601470,,ui,say,==> azure-arm.web:  ->> dept : stub
"""


def read(text: str) -> tuple[Log, list[Said]]:
    log = Log()
    return log, [said for line in text.splitlines() for said in log.read(line)]


def test_a_field_has_its_commas_and_newlines_back() -> None:
    text = "17956,azure-arm.web,artifact,0,string,a%!(PACKER_COMMA)b\\nc\\r"
    assert parse(text) == Line(
        target="azure-arm.web", kind="artifact", data=("0", "string", "a,b\nc\r")
    )


def test_a_line_may_have_no_data() -> None:
    assert parse("1795601271,,version-commit,") == Line(
        target="", kind="version-commit", data=("",)
    )
    assert parse("1795601271,,quiet") == Line(target="", kind="quiet", data=())


def test_what_is_no_machine_readable_line_is_told_as_it_is() -> None:
    crash = "panic: runtime error: invalid memory address"
    assert parse(crash) is None
    assert read(crash)[1] == [Said(crash)]


def test_steps_are_told_apart_from_what_they_print() -> None:
    _, said = read(FAILED)
    assert said == [
        Said("Provisioning with shell script: install.sh", is_step=True),
        Said("a=fromfile, t=v9"),
        Said("err"),
        Said(
            "Provisioning step had errors: Running the cleanup provisioner, if present",
            is_step=True,
        ),
        Said("Cleanup requested, deleting resource group", is_step=True),
        Said("==> Wait completed after 7 milliseconds 244 microseconds"),
        Said("==> Builds finished but no artifacts were created."),
    ]


def test_a_failed_step_keeps_its_name_and_its_last_lines() -> None:
    log, _ = read(FAILED)
    assert log.failed_step == "Provisioning with shell script: install.sh"
    assert list(log.last) == ["a=fromfile, t=v9", "err"]


def test_an_error_that_packer_says_three_times_is_told_once() -> None:
    log, _ = read(FAILED)
    assert log.errors == [
        "Script exited with non-zero exit status: 3.Allowed exit codes are: [0]"
    ]
    assert log.why() == log.errors[0]


def test_a_wrong_template_is_told_though_no_build_has_an_error() -> None:
    log, said = read(WRONG)
    assert said == []
    assert log.why() == (
        'Error: Failed to prepare build: "azure-arm"\n\n1 error occurred:\n'
        "\t* unknown configuration key: '\"bogus\"'"
    )


def test_a_group_that_packer_creates_is_known_before_it_is_there() -> None:
    log, said = read(CREATES)
    assert (log.created, log.existing) == (["pkr-Resource-Group-a1"], [])
    assert [one.is_step for one in said] == [True, False, False, False, False]


def test_a_group_that_was_there_before_is_not_one_of_them() -> None:
    text = CREATES.replace("Creating resource", "Using existing resource")
    log, _ = read(text.replace("pkr-Resource-Group-a1", "lasting"))
    assert (log.created, log.existing) == ([], ["lasting"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Resource group has been deleted.", id="waited"),
        pytest.param(
            " Not waiting for Resource Group delete as requested by user. Resource "
            "Group Name is pkr-Resource-Group-a1",
            id="async",
        ),
    ],
)
def test_a_group_that_packer_deletes_is_known(text: str) -> None:
    log, _ = read(f"{CREATES}1795601470,,ui,say,==> azure-arm.web: {text}")
    assert log.gone == ["pkr-Resource-Group-a1"]


def test_builds_that_run_at_once_keep_their_groups_apart() -> None:
    one, two = CREATES.splitlines(), CREATES.replace(".web", ".db").splitlines()
    two = [line.replace("Creating", "Using existing") for line in two]
    two = [line.replace("Group-a1", "Group-b2") for line in two]
    mixed = [line for pair in zip(one, two, strict=True) for line in pair]
    log, _ = read("\n".join(mixed))
    assert log.created == ["pkr-Resource-Group-a1"]
    assert log.existing == ["pkr-Resource-Group-b2"]
