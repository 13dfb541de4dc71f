from release.report.changes import LONGEST, MOST, Property, Resource, changes

SET = (
    "/subscriptions/1/resourceGroups/qa/providers/"
    "Microsoft.Compute/virtualMachineScaleSets/web"
)


def change(kind, delta=(), identifier=SET):
    return {"resourceId": identifier, "changeType": kind, "delta": list(delta)}


def one(path, before=None, after=None, kind="Modify", children=()):
    return {
        "path": path,
        "propertyChangeType": kind,
        "before": before,
        "after": after,
        "children": list(children),
    }


def test_what_stays_as_it_is_is_not_told():
    assert changes({}) == []
    assert changes({"changes": [change("NoChange"), change("Ignore")]}) == []


def test_a_resource_is_told_by_type_and_name_a_group_too():
    group = "/subscriptions/1/resourceGroups/qa"
    found = changes({"changes": [change("Create"), change("Create", identifier=group)]})
    assert [(it.kind, it.name, it.action) for it in found] == [
        ("virtualMachineScaleSets", "web", "created"),
        ("resourceGroups", "qa", "created"),
    ]


def test_a_property_is_told_at_its_leaf_with_both_values():
    rules = one(
        "properties.rules",
        kind="Array",
        children=[
            one("0", children=[one("port", 80, 8080), one("same", 1, 1, "NoEffect")]),
            one("1", before={"name": "old"}, kind="Delete"),
        ],
    )
    assert changes({"changes": [change("Modify", [rules])]}) == [
        Resource(
            name="web",
            kind="virtualMachineScaleSets",
            action="modified",
            properties=(
                Property(path="properties.rules[0].port", before="80", after="8080"),
                Property(
                    path="properties.rules[1]", before='{"name": "old"}', after="none"
                ),
            ),
            more=0,
        )
    ]


def test_what_is_too_much_to_read_is_counted_and_cut():
    many = [one(f"tags.{n}", after="x" * 500) for n in range(MOST + 3)]
    (found,) = changes({"changes": [change("Modify", many)]})
    assert (len(found.properties), found.more) == (MOST, 3)
    assert found.properties[0].after == "x" * LONGEST + "…"
    (cut,) = changes({"changes": [change("Modify", [one("id", after="/a" * 99)])]})
    assert cut.properties[0].after == "…" + ("/a" * 99)[-LONGEST:]
