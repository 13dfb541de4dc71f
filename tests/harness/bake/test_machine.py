import re

from azure.mgmt.compute import models

from release.bake import machine
from release.bake.machine import Order, failure

ORDER = Order(
    payload="payload/ab.tar.gz",
    payload_sha256="ab",
    build="2026.1.2",
    commit="c0ffee",
    digest="d1",
    location="westeurope",
    timeout_s=60,
)


def test_only_protected_parameters_hold_signed_addresses() -> None:
    body = machine.run_command(
        ORDER, payload_url="https://a/p?sig=1", log_url="https://a/l?sig=2"
    ).as_dict()
    properties = body["properties"]
    script = properties.pop("source")["script"]
    assert properties == {
        "parameters": [
            {"name": "RELEASE_PAYLOAD_SHA256", "value": "ab"},
            {"name": "RELEASE_BUILD", "value": "2026.1.2"},
            {"name": "RELEASE_COMMIT", "value": "c0ffee"},
            {"name": "RELEASE_DIGEST", "value": "d1"},
        ],
        "protectedParameters": [
            {"name": "RELEASE_PAYLOAD_URL", "value": "https://a/p?sig=1"}
        ],
        "outputBlobUri": "https://a/l?sig=2",
        "timeoutInSeconds": 60,
        "asyncExecution": False,
        "treatFailureAsDeploymentFailure": False,
    }
    assert script.startswith("#!/bin/sh\n")


def test_the_script_is_python_between_two_marks() -> None:
    text = machine.script()
    found = re.search(
        r"<<'RELEASE_PROVISION_END'\n(.*)RELEASE_PROVISION_END\n\Z", text, re.DOTALL
    )
    assert found
    compile(found[1], "provision.py", "exec")


def test_a_failed_step_is_named_with_its_last_lines() -> None:
    marked = machine.FAILED.fullmatch(
        "[release] failed at 2/7 shell install.sh: exit code 3"
    )
    error = failure(marked, None, ["Reading package lists", "E: no such package"])
    assert str(error) == (
        "step 2/7 shell install.sh failed: exit code 3\n"
        "  | Reading package lists\n"
        "  | E: no such package\n"
        "  fix: mend install.sh of the recipe"
    )


def test_a_bake_out_of_time_is_told_as_such() -> None:
    view = models.VirtualMachineRunCommandInstanceView(execution_state="TimedOut")
    assert str(failure(None, view, [])) == (
        "the recipe's steps did not end in time\n"
        "  fix: raise bake_timeout_s, or mend the step that hangs"
    )
