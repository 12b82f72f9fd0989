"""Random requests, valid and not: the emulator refuses what botocore's own validation refuses, and what the model's constraints forbid of
which botocore has nothing; it accepts all else."""

import collections
import random
import re

import pytest
from botocore.exceptions import ClientError
from botocore.serialize import RestJSONSerializer
from botocore.validate import ParamValidator

from calls import ALL
from generator import Generator

ACCEPTED = {"ResourceNotFoundException", "ConflictException", "ServiceQuotaExceededException"}
# A label that is empty, or holds what ends a path, makes the path of no operation.
REFUSED = {"ValidationException", "UnknownOperationException"}
# What the documentation requires beyond the model, and neither validation knows.
RULES = ["Give the period, or two of startTime, endTime and period"]


class AsIs(RestJSONSerializer):
    """Sends what has the wrong type as it is, where botocore's serializer would raise."""

    def _serialize(self, serialized, value, shape, key=None):
        kinds = {"structure": dict, "map": dict, "list": list}
        if isinstance(value, kinds.get(shape.type_name, object)):
            super()._serialize(serialized, value, shape, key)
        else:
            serialized[key] = value

    def _convert_timestamp_to_str(self, value, timestamp_format=None):
        return value if isinstance(value, str) else super()._convert_timestamp_to_str(value, timestamp_format)


def forbidden(value, shape):
    """The constraints of the model that the value violates and botocore does not look at: maximum, pattern, enum."""
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            return {what for name, member in shape.members.items() if name in value for what in forbidden(value[name], member)}
        case "list" if isinstance(value, list):
            inner = {what for item in value for what in forbidden(item, shape.member)}
            return inner | ({"maximum"} if len(value) > shape.metadata.get("max", len(value)) else set())
        case "map" if isinstance(value, dict):
            return {what for item in value.items() for what in forbidden(item[0], shape.key) | forbidden(item[1], shape.value)}
        case "integer" if isinstance(value, int):
            return {"maximum"} if value > shape.metadata["max"] else set()
        case "string" if isinstance(value, str):
            broken = {
                "maximum": len(value) > shape.metadata.get("max", len(value)),
                "pattern": "pattern" in shape.metadata
                and not re.fullmatch(shape.metadata["pattern"].strip("^$"), value, re.ASCII),
                "enum": bool(shape.enum) and value not in shape.enum,
            }
            return {what for what, is_broken in broken.items() if is_broken}
    return set()


def verdict(client, operation, params):
    """Whether the emulator accepts the request, and its message."""
    try:
        client._make_api_call(operation, params)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in ACCEPTED | REFUSED, (operation, params, error)
        return code in ACCEPTED, str(error)
    return True, "ok"


@pytest.mark.parametrize("operation", ALL)
def test_the_verdict_is_botocores_where_it_has_one_and_the_models_where_not(emulator, careless, operation, request):
    seed, requests = (request.config.getoption(name) for name in ("--seed", "--requests"))
    emulator.settings(quota=10**9)
    careless._serializer = AsIs()
    generator = Generator(random.Random(f"{seed} {operation}"), emulator.arn("a"))
    shape = careless.meta.service_model.operation_model(operation).input_shape
    counts = request.config.differential
    for _ in range(requests):
        params = generator.structure(shape)
        for _ in range(generator.random.choice([0, 1, 1, 2])):
            generator.damage(params, shape)
        refusals, beyond = ParamValidator().validate(params, shape), forbidden(params, shape)
        accepted, told = verdict(careless, operation, params)
        if refusals.has_errors():
            kind = "botocore refuses, and so does the emulator"
            expected = False
        elif beyond:
            kind = f"botocore has no verdict on {' and '.join(sorted(beyond))}: the emulator refuses"
            expected = False
        elif any(rule in told for rule in RULES):
            kind = "botocore has no verdict on what is only in the documentation: the emulator refuses"
            expected = False
        else:
            kind = "botocore accepts, and so does the emulator"
            expected = True
        assert accepted == expected, (operation, params, refusals.generate_report(), beyond, told)
        counts[kind] += 1
