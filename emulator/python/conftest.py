"""Clients of the running emulator. Each test has an account of its own, so that none sees another's groups or faults."""

import collections
import itertools
import json
import os
import subprocess
import urllib.request

import boto3
import botocore.loaders
import botocore.session
import pytest
from botocore.config import Config

import answers
import tally

ADDRESSES = json.loads(os.environ["EMULATOR_ADDRESSES"])
REGION = "eu-west-1"
_accounts = itertools.count(100000000000)
# One for all sessions: reading the models again for each client would take longer than all the tests.
_loader = botocore.loaders.Loader()


def pytest_addoption(parser):
    parser.addoption("--seed", default="1", help="of the random requests")
    parser.addoption("--requests", type=int, default=200, help="random requests for each operation")


def pytest_configure(config):
    config.differential = collections.Counter()


def pytest_terminal_summary(terminalreporter, config):
    counts, seed = config.differential, config.getoption("--seed")
    if counts:
        terminalreporter.write_line(f"\nrandom requests (--seed {seed}): {sum(counts.values())}")
        for kind, count in sorted(counts.items()):
            terminalreporter.write_line(f"{count:8}  {kind}")


class Admin:
    """The emulator's admin port."""

    def __init__(self, address):
        self.address = address

    def __call__(self, method, path, body=None):
        request = urllib.request.Request(
            self.address + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            content = answer.read()
        return json.loads(content) if content else None


def count(parsed, model, **_):
    """A handler of botocore's event `after-call`."""
    code = parsed.get("Error", {}).get("Code", tally.OK)
    tally.saw(model.name, code, parsed["ResponseMetadata"].get("RequestId"))


class Emulator:
    """One account of the emulator: clients for it, and the admin port where it concerns this account."""

    def __init__(self, account, addresses=ADDRESSES):
        self.account = account
        self.addresses = addresses
        self.admin = Admin(addresses["admin"])

    def client(
        self,
        service="codeguruprofiler",
        region=REGION,
        attempts=1,
        mode="standard",
        validate=True,
        check_answers=True,
        key=None,
        secret="secret",
        token=None,
        **options,
    ):
        core = botocore.session.get_session()
        core.register_component("data_loader", _loader)
        session = boto3.session.Session(
            botocore_session=core,
            aws_access_key_id=key or f"AKIA{self.account}",
            aws_secret_access_key=secret,
            aws_session_token=token,
            region_name=region,
        )
        config = Config(
            retries={"mode": mode, "total_max_attempts": attempts},
            parameter_validation=validate,
            **{"connect_timeout": 5, "read_timeout": 10, **options},
        )
        client = session.client(service, endpoint_url=self.addresses["service"], config=config)
        client.meta.events.register("after-call", count)
        if check_answers and service == "codeguruprofiler":
            client.meta.events.register("before-parse.codeguruprofiler", answers.check)
        return client

    def fault(self, **order):
        return self.admin("POST", "/faults", {"account": self.account, **order})

    def settings(self, **change):
        return self.admin("PUT", f"/settings?account={self.account}", change)

    def journal(self):
        return self.admin("GET", f"/journal?account={self.account}")["entries"]

    def seed(self, count, prefix="group"):
        place = {"account": self.account, "region": REGION}
        return self.admin("POST", "/seed", {**place, "count": count, "prefix": prefix})

    def arn(self, name):
        return f"arn:aws:codeguru-profiler:{REGION}:{self.account}:profilingGroup/{name}"


@pytest.fixture
def emulator():
    emulator = Emulator(str(next(_accounts)))
    yield emulator
    emulator.admin("DELETE", f"/accounts/{emulator.account}")


@pytest.fixture
def client(emulator):
    return emulator.client()


@pytest.fixture(scope="session")
def strict_addresses():
    """An emulator that knows two access keys, and verifies signatures."""
    arguments = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--exit-with-stdin"]
    arguments += ["--access-key", "AKIDALICE=alice/secret+1=,111122223333", "--access-key", "AKIDBOB=bob,444455556666"]
    with subprocess.Popen(
        [os.environ["EMULATOR_BINARY"], *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield json.loads(process.stdout.readline())
        process.stdin.close()


@pytest.fixture
def alice(strict_addresses):
    """The account of a known key on the emulator that verifies signatures."""
    emulator = Emulator("111122223333", strict_addresses)
    emulator.credentials = {"key": "AKIDALICE", "secret": "alice/secret+1="}
    yield emulator
    emulator.admin("PUT", "/clock", {"offsetMs": 0})
    for account in ("111122223333", "444455556666"):
        emulator.admin("DELETE", f"/accounts/{account}")
    emulator.admin("DELETE", "/journal")


@pytest.fixture
def careless(emulator):
    """A client that sends what botocore itself would refuse."""
    return emulator.client(validate=False)
