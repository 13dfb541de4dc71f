"""What a deployment would change, told before."""

from __future__ import annotations

import json
from pathlib import Path

from tests.harness.emulator.deployments.given import (
    DEPLOYMENTS,
    STORE,
    VERSION,
    ask,
    at,
    body,
    deploy,
    store,
    template,
    what_if,
)


def test_what_if_tells_true_differences_and_changes_nothing(azure, group) -> None:
    before = template(store("astore", tags={"a": "1", "b": "2"}), store("bstore"))
    deploy(azure, group, "one", body(before))
    after = template(
        store("astore", tags={"a": "9"}, sku={"name": "Standard_ZRS"}),
        store("newstore"),
    )
    told = what_if(azure, group, body(after))
    assert told.status == "Succeeded"
    changes = {c.resource_id.rpartition("/")[2]: c for c in told.properties.changes}
    assert {name: c.change_type for name, c in changes.items()} == {
        "astore": "Modify",
        "newstore": "Create",
        "bstore": "Ignore",
    }
    delta = {
        c.path: (c.property_change_type, c.before, c.after)
        for c in changes["astore"].delta
    }
    assert delta["sku.name"] == ("Modify", "Standard_LRS", "Standard_ZRS")
    assert delta["tags.a"] == ("Modify", "1", "9")
    assert delta["tags.b"] == ("Delete", "2", None)
    assert not [path for path in delta if path.startswith("properties")]
    names = {r.name for r in azure.resources.resources.list_by_resource_group(group)}
    assert names == {"astore", "bstore"}


def test_what_if_of_the_same_template_tells_of_no_change(azure, group) -> None:
    given = body(template(store("astore", tags={"a": "1"})))
    deploy(azure, group, "one", given)
    (change,) = what_if(azure, group, given).properties.changes
    assert (change.change_type, change.delta) == ("NoChange", None)


def test_what_if_reads_a_body_as_a_provider_does(azure, group) -> None:
    given = body(
        template(store("astore", properties={"supportsHttpsTrafficOnly": "TRUE"}))
    )
    deploy(azure, group, "one", given)
    (change,) = what_if(azure, group, given).properties.changes
    assert (change.change_type, change.delta) == ("NoChange", None)


def test_what_if_refuses_what_no_provider_could_read(azure, group) -> None:
    deploy(azure, group, "one", body(template(store("astore"))))
    told = what_if(azure, group, body(template(store("astore", properties="x"))))
    assert (told.status, told.error.code) == ("Failed", "InvalidRequestContent")
    assert told.error.message == (
        "The request content was invalid and could not be deserialized: 'Error "
        "converting value \"x\" to type 'object'. Path 'properties'.'.\n  in the "
        f"resource '/subscriptions/{azure.endpoint['subscription']}/resourceGroups/"
        f"{group}/providers/{STORE}/astore'"
    )


def test_what_if_shows_what_waits_as_it_is_written(azure, group) -> None:
    given = template(store("astore"))
    deploy(azure, group, "one", body(given))
    waits = "[reference('newstore').supportsHttpsTrafficOnly]"
    changed = store("astore", properties={"supportsHttpsTrafficOnly": waits})
    told = what_if(azure, group, body(template(changed, store("newstore"))))
    (modified,) = [one for one in told.properties.changes if one.delta]
    delta = {one.path: one.after for one in modified.delta}
    assert delta == {"properties.supportsHttpsTrafficOnly": waits}


def test_what_if_tells_what_complete_mode_deletes(azure, group) -> None:
    deploy(azure, group, "one", body(template(store("astore"))))
    (change,) = what_if(
        azure, group, body(template(), mode="Complete")
    ).properties.changes
    assert change.change_type == "Delete"


def test_what_if_tells_a_fault_in_its_result(azure, group) -> None:
    path = at(azure, group, f"{DEPLOYMENTS}/w/whatIf?{VERSION}")
    given = json.dumps(body(template(store("[nosuch()]")))).encode()
    status, headers, _ = ask(azure, "POST", path, given)
    assert (status, headers["Retry-After"]) == (202, "1")
    poll = headers["Location"].removeprefix(azure.endpoint["arm"])
    status, _, told = ask(azure, "GET", poll)
    assert (status, told["status"], told["error"]["code"]) == (
        200,
        "Failed",
        "InvalidTemplate",
    )


def test_the_templates_of_a_release_deploy_twice_and_change_nothing_then(
    azure, group
) -> None:
    text = Path("release/templates/gallery.json").read_text(encoding="utf-8")
    given = body(
        json.loads(text),
        galleryName="images",
        definitionName="web",
        makeGallery=True,
        makeDefinition=True,
        publisher="team",
    )
    deploy(azure, group, "gallery", given)
    changes = what_if(azure, group, given).properties.changes
    assert len(changes) == 2
    assert {str(change.change_type.value) for change in changes} == {"NoChange"}


def test_a_what_if_shows_no_secret(azure, group) -> None:
    given = template(
        store(
            "quietstore", tags={"key": "[parameters('key')]", "in": "[variables('in')]"}
        ),
        parameters={
            "key": {"type": "securestring"},
            "more": {"type": "secureObject"},
        },
        variables={"in": "[concat('say ', parameters('more').word)]"},
    )
    told = azure.deployments.deployments.begin_what_if(
        group, "quiet", body(given, key="hush", more={"word": "hush-hush"})
    ).result()
    assert told.changes[0].after["tags"] == {"key": "*******", "in": "*******"}
