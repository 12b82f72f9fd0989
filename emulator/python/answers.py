"""Whether the raw body of an answer is what botocore's model promises: no member unknown, none required missing, every type right."""

import json
import re

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
checked = {}


def check(operation_model, response_dict, **_):
    """A handler of botocore's event `before-parse`: raises on the first difference."""
    status = response_dict["status_code"]
    if status >= 300:
        return
    name = operation_model.name
    assert status == operation_model.http.get("responseCode", 200), name
    shape = operation_model.output_shape
    body = response_dict["body"]
    if shape is None or not shape.members:
        assert body == b"", f"{name} answers a body"
    else:
        payload = shape.serialization.get("payload")
        payload_shape = shape.members[payload] if payload else shape
        if payload_shape.type_name == "blob":
            assert "content-type" in response_dict["headers"]
        else:
            check_value(payload_shape, json.loads(body), name)
    checked[name] = checked.get(name, 0) + 1


def check_value(shape, value, at):
    match shape.type_name:
        case "structure":
            assert isinstance(value, dict), at
            assert set(value) <= set(shape.members), f"{at}: unknown {set(value) - set(shape.members)}"
            # The one answer that lacks what is required: the switch missingPolicy explains why.
            missing = set() if at == "GetPolicy" and not value else set(shape.required_members) - set(value)
            assert not missing, f"{at}: missing {missing}"
            for name, member in value.items():
                check_value(shape.members[name], member, f"{at}.{name}")
        case "list":
            check_bounds(shape, len(value), at)
            for member in value:
                check_value(shape.member, member, f"{at}[]")
        case "map":
            for key, member in value.items():
                check_value(shape.key, key, f"{at} key")
                check_value(shape.value, member, f"{at}[{key}]")
        case "string":
            assert isinstance(value, str), at
            check_bounds(shape, len(value), at)
            if shape.enum:
                assert value in shape.enum, f"{at}: {value}"
            if "pattern" in shape.metadata:
                assert re.fullmatch(shape.metadata["pattern"].strip("^$"), value), f"{at}: {value}"
        case "timestamp":
            assert TIMESTAMP.fullmatch(value), f"{at}: {value}"
        case "boolean":
            assert isinstance(value, bool), at
        case "integer":
            assert isinstance(value, int), at
        case "double":
            assert isinstance(value, (int, float)), at
        case other:
            raise AssertionError(f"{at}: no check for {other}")


def check_bounds(shape, length, at):
    assert shape.metadata.get("min", 0) <= length <= shape.metadata.get("max", length), f"{at}: length {length}"
