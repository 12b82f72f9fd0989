"""Random parameters for an operation, drawn from botocore's model: valid ones, and ways to break them."""

import datetime
import string

WORDS = string.ascii_letters + string.digits + "_-"
HEX = "abcdef" + string.digits
UUID_PATTERN = "[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"
NOON = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)


class Generator:
    def __init__(self, random, arn):
        self.random = random
        # Where the service requires more than its model, the values keep to that: ARNs are ARNs, a range begins before it ends. A
        # page's token is one that a page gave, so there is none.
        self.by_member = {
            "resourceArn": lambda: arn,
            "uri": lambda: "arn:aws:sns:eu-west-1:111122223333:" + self.word(1, 20),
            "principals": lambda: [f"arn:aws:iam::111122223333:role/r{n}" for n in range(self.random.randint(1, 50))],
            "startTime": lambda: NOON - datetime.timedelta(seconds=self.random.randint(1, 43200)),
            "endTime": lambda: NOON + datetime.timedelta(seconds=self.random.randint(1, 43200)),
            "nextToken": lambda: None,
            "tags": lambda: {self.word(1, 128): self.word(0, 256) for _ in range(self.random.randint(0, 5))},
            "tagKeys": lambda: [self.word(1, 128) for _ in range(self.random.randint(1, 5))],
            "period": lambda: self.random.choice(["PT5M", "PT1H", "P1D"]),
            "locale": lambda: self.random.choice(["de-DE", "en-GB", "zh-TW"]),
            "contentType": lambda: self.random.choice(["application/json", "application/x-amzn-ion"]),
        }

    def word(self, shortest, longest):
        return "".join(self.random.choices(WORDS, k=self.random.randint(shortest, longest)))

    def value(self, shape, name=None):
        """A valid value, or None where the member is better left out."""
        if name in self.by_member:
            return self.by_member[name]()
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max")
        match shape.type_name:
            case "structure":
                return self.structure(shape)
            case "list":
                return [self.value(shape.member) for _ in range(self.random.randint(low, 3 if high is None else high))]
            case "map":
                return {self.value(shape.key): self.value(shape.value) for _ in range(self.random.randint(0, 3))}
            case "string" if shape.enum:
                return self.random.choice(shape.enum)
            case "string" if shape.metadata.get("pattern") == UUID_PATTERN:
                return "-".join("".join(self.random.choices(HEX, k=count)) for count in (8, 4, 4, 4, 12))
            case "string":
                # Both ends of a length often, the middle sometimes.
                high = 40 if high is None else high
                low, high = self.random.choice([(low, low), (high, high), (low, high)])
                return self.word(low, high)
            case "integer":
                return self.random.choice([low, high, self.random.randint(low, high)])
            case "boolean":
                return self.random.random() < 0.5
            case "blob":
                return self.random.randbytes(self.random.randint(0, 100))
            case "timestamp":
                return NOON
        raise AssertionError(f"no values of {shape.type_name}")

    def structure(self, shape):
        chosen = {}
        for name, member in shape.members.items():
            if name in shape.required_members or self.random.random() < 0.5:
                value = self.value(member, name)
                if value is not None:
                    chosen[name] = value
        return chosen

    def damage(self, params, shape):
        """Breaks one member somewhere in the parameters, where there is one that can be; it may still be valid, which is for others to decide."""
        places = list(_places(params, shape))
        if places:
            self.random.choice(places)(self)


def _places(container, shape, at=None):
    """Ways to break the members of a structure: functions of the generator. `at` is where the structure travels, if not at the top."""
    for name, member in shape.members.items():
        location = at or member.serialization.get("location", "body")
        # A payload is whatever the body is, and tokens are made up by botocore where they are missing: both are always there.
        if name == shape.serialization.get("payload") or member.metadata.get("idempotencyToken"):
            if name in container and member.type_name == "string":
                yield from _values(container, name, member, location)
            continue
        if name not in container:
            continue
        # Without its label the path cannot be written.
        if location != "uri":
            yield lambda _, name=name: container.pop(name, None)
        yield from _values(container, name, member, location)
        match member.type_name, container[name]:
            case "structure", dict(inner):
                yield from _places(inner, member, location)
            case "list", list(inner):
                for index, item in enumerate(inner):
                    yield from _values(inner, index, member.member, location)
                    if member.member.type_name == "structure" and isinstance(item, dict):
                        yield from _places(item, member.member, location)
            case "map", dict(inner):
                for key in inner:
                    yield from _values(inner, key, member.value, location)
                    if member.key.enum:
                        yield lambda _, inner=inner, key=key: inner.update({"Other": inner.pop(key)})


def _values(container, key, shape, location):
    """Ways to put something wrong in the place of one value."""

    def put(make):
        return lambda generator: container.__setitem__(key, make(generator))

    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "string":
            if low:
                yield put(lambda _: "")
            if high:
                yield put(lambda generator: generator.word(high + 1, high + 50))
            if "pattern" in shape.metadata:
                yield put(lambda generator: generator.word(1, 5) + generator.random.choice(["ä", " ", ".", "/", "%2F", "?", "\n"]))
            if shape.enum:
                yield put(lambda generator: generator.random.choice([shape.enum[0].swapcase(), "", shape.enum[0] + " "]))
        case "integer":
            yield put(lambda generator: generator.random.choice([low - 1, high + 1, -(2**70), 2**70]))
        case "list":
            if low and location == "body":
                yield put(lambda _: [])
            if high and container[key] and isinstance(container[key], list):
                yield put(lambda _: (list(container[key]) * (high + 1))[: high + 1])
    # Only a body shows of what type a value is; in a path, query or header all is text, and some text is no number.
    if location == "body":
        wrong = {"string": [5, True, ["a"], {"a": "b"}]}.get(shape.type_name, ["text", 5.5, ["a"], {"a": "b"}])
        right = {"list": list, "map": dict, "structure": dict}.get(shape.type_name, ())
        yield put(lambda generator: generator.random.choice([value for value in wrong if not isinstance(value, right)]))
    elif shape.type_name in ("integer", "boolean", "timestamp"):
        yield put(lambda generator: generator.random.choice(["text", "", "yes"]))
