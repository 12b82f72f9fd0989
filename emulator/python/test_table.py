"""The emulator's table against botocore's model of the service: operation by operation, member by member, no difference."""

import json
import os
import subprocess

import botocore.loaders
import pytest

TABLE = json.loads(subprocess.check_output([os.environ["EMULATOR_BINARY"], "--print-table"]))["operations"]
MODELS = {
    "codeguru-profiler": botocore.loaders.Loader().load_service_model("codeguruprofiler", "service-2"),
    "sts": botocore.loaders.Loader().load_service_model("sts", "service-2"),
}
LOCATIONS = {"uri": "path", "querystring": "query", "header": "header", None: "body"}


def bounds(shape):
    bounds = {key: shape[key] for key in ("min", "max") if key in shape}
    # The table writes a lower bound even where the model leaves it to the nature of lengths.
    return {"length": {"min": 0, **bounds}} if bounds else {}


def modelled_shape(model, name):
    shape = model["shapes"][name]
    match shape["type"]:
        case "string":
            described = {"type": "text", **bounds(shape)}
            if "pattern" in shape:
                described["pattern"] = shape["pattern"]
            if "enum" in shape:
                described["oneOf"] = sorted(shape["enum"])
            return described
        case "integer":
            return {"type": "integer", "min": shape["min"], "max": shape["max"]}
        case "boolean":
            return {"type": "boolean"}
        case "blob":
            return {"type": "blob"}
        case "timestamp":
            assert shape["timestampFormat"] == "iso8601"
            return {"type": "timestamp"}
        case "list":
            return {"type": "list", **bounds(shape), "item": modelled_shape(model, shape["member"]["shape"])}
        case "map":
            parts = {part: modelled_shape(model, shape[part]["shape"]) for part in ("key", "value")}
            assert {part.pop("type") for part in parts.values()} == {"text"}
            return {"type": "map", **parts}
        case "structure":
            return {"type": "structure", "members": modelled_members(model, name)}
    raise AssertionError(f"the table has no word for {shape['type']}")


def modelled_members(model, name):
    shape = model["shapes"][name]
    return {
        member.get("locationName", key): {
            "location": "payload" if key == shape.get("payload") else LOCATIONS[member.get("location")],
            "required": key in shape.get("required", []),
            **modelled_shape(model, member["shape"]),
        }
        for key, member in shape["members"].items()
    }


def modelled(model, name):
    operation = model["operations"][name]
    http = operation["http"]
    errors = [(error["shape"], model["shapes"][error["shape"]]["error"]) for error in operation.get("errors", [])]
    return {
        "method": http["method"],
        "path": http["requestUri"],
        "success": http.get("responseCode", 200),
        "signed": operation.get("authtype") != "none",
        "members": modelled_members(model, operation["input"]["shape"]),
        "errors": {error.get("code", shape): error["httpStatusCode"] for shape, error in errors},
    }


def tabled_shape(shape):
    """A shape of the table in the order of the model's."""
    described = dict(shape)
    if "oneOf" in described:
        described["oneOf"] = sorted(described["oneOf"])
    if "members" in described:
        described["members"] = tabled_members(described["members"])
    for part in ("item", "key", "value"):
        if part in described:
            described[part] = tabled_shape(described[part])
    return described


def tabled_members(members):
    return {
        member["name"]: tabled_shape({key: value for key, value in member.items() if key != "name"})
        for member in members
    }


def tabled(row):
    return {
        "method": row["method"],
        "path": row["path"],
        "success": row["success"],
        "signed": row["signed"],
        "members": tabled_members(row["members"]),
        "errors": {error["name"]: error["status"] for error in row["errors"]},
    }


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_a_row_says_what_botocores_model_says(row):
    assert tabled(row) == modelled(MODELS[row["service"]], row["name"])


def test_the_services_are_named_as_their_signatures_name_them():
    assert MODELS["codeguru-profiler"]["metadata"]["signingName"] == "codeguru-profiler"
    assert {row["service"] for row in TABLE} == {"codeguru-profiler", "sts"}


def test_the_table_has_every_operation_of_the_service_and_those_of_sts_that_identities_need():
    names = {service: {row["name"] for row in TABLE if row["service"] == service} for service in MODELS}
    assert names["codeguru-profiler"] == set(MODELS["codeguru-profiler"]["operations"])
    assert len(names["codeguru-profiler"]) == 23
    assert names["sts"] == {"GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"}
