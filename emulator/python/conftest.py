"""Clients of the running emulator. Each test has an account of its own, so that none sees another's groups or faults."""

import itertools
import json
import os
import urllib.request

import boto3
import pytest
from botocore.config import Config

ADDRESSES = json.loads(os.environ["EMULATOR_ADDRESSES"])
REGION = "eu-west-1"
_accounts = itertools.count(100000000000)


class Admin:
    """The emulator's admin port."""

    def __call__(self, method, path, body=None):
        request = urllib.request.Request(
            ADDRESSES["admin"] + path, method=method, data=None if body is None else json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            content = answer.read()
        return json.loads(content) if content else None


class Emulator:
    """One account of the emulator: clients for it, and the admin port where it concerns this account."""

    def __init__(self, account):
        self.account = account
        self.admin = Admin()

    def client(self, service="codeguruprofiler", region=REGION, attempts=1, validate=True, **options):
        session = boto3.session.Session(
            aws_access_key_id=f"AKIA{self.account}", aws_secret_access_key="secret", region_name=region
        )
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            parameter_validation=validate,
            **{"connect_timeout": 5, "read_timeout": 10, **options},
        )
        return session.client(service, endpoint_url=ADDRESSES["service"], config=config)

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


@pytest.fixture
def careless(emulator):
    """A client that sends what botocore itself would refuse."""
    return emulator.client(validate=False)
