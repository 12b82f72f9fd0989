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
LOCATIONS = {"uri": "path", "querystring": "query", None: "body"}


def modelled_shape(model, name):
    shape = model["shapes"][name]
    match shape["type"]:
        case "string":
            described = {"type": "text"}
            if "min" in shape or "max" in shape:
                described["length"] = {"min": shape["min"], "max": shape["max"]}
            if "pattern" in shape:
                described["pattern"] = shape["pattern"]
            if "enum" in shape:
                described["oneOf"] = sorted(shape["enum"])
            return described
        case "integer":
            return {"type": "integer", "min": shape["min"], "max": shape["max"]}
        case "boolean":
            return {"type": "boolean"}
        case "list":
            assert modelled_shape(model, shape["member"]["shape"]) == {"type": "text"}
            return {"type": "textList"}
        case "map":
            assert modelled_shape(model, shape["key"]["shape"]) == {"type": "text"}
            assert modelled_shape(model, shape["value"]["shape"]) == {"type": "text"}
            return {"type": "textMap"}
        case "structure":
            return {"type": "structure", "members": modelled_members(model, name)}
    raise AssertionError(f"the table has no word for {shape['type']}")


def modelled_members(model, name):
    shape = model["shapes"][name]
    return {
        member.get("locationName", key): {
            "location": LOCATIONS[member.get("location")],
            "required": key in shape.get("required", []),
            **modelled_shape(model, member["shape"]),
        }
        for key, member in shape["members"].items()
    }


def modelled(model, name):
    operation = model["operations"][name]
    http = operation["http"]
    return {
        "method": http["method"],
        "path": http["requestUri"],
        "success": http.get("responseCode", 200),
        "members": modelled_members(model, operation["input"]["shape"]),
        "errors": {
            error["shape"]: model["shapes"][error["shape"]]["error"]["httpStatusCode"]
            for error in operation.get("errors", [])
        },
    }


def tabled_members(members):
    described = {}
    for member in members:
        rest = {key: value for key, value in member.items() if key != "name"}
        if "oneOf" in rest:
            rest["oneOf"] = sorted(rest["oneOf"])
        if "members" in rest:
            rest["members"] = tabled_members(rest["members"])
        described[member["name"]] = rest
    return described


def tabled(row):
    return {
        "method": row["method"],
        "path": row["path"],
        "success": row["success"],
        "members": tabled_members(row["members"]),
        "errors": {error["name"]: error["status"] for error in row["errors"]},
    }


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["name"])
def test_a_row_says_what_botocores_model_says(row):
    assert tabled(row) == modelled(MODELS[row["service"]], row["name"])


def test_the_services_are_named_as_their_signatures_name_them():
    assert MODELS["codeguru-profiler"]["metadata"]["signingName"] == "codeguru-profiler"
    assert {row["service"] for row in TABLE} == {"codeguru-profiler", "sts"}


def test_every_operation_of_this_suite_is_a_row():
    assert [row["name"] for row in TABLE] == [
        "CreateProfilingGroup",
        "DescribeProfilingGroup",
        "UpdateProfilingGroup",
        "DeleteProfilingGroup",
        "ListProfilingGroups",
        "TagResource",
        "UntagResource",
        "ListTagsForResource",
        "GetCallerIdentity",
    ]
