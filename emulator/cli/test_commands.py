"""The AWS CLI's commands for the service: each operation's, with the output that scripts read."""

import itertools
import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import tally

ADDRESSES = json.loads(os.environ["EMULATOR_ADDRESSES"])
UUID = "01234567-89ab-cdef-0123-456789abcdef"
RANGE = ["--start-time", "2026-06-01T11:00:00Z", "--end-time", "2026-06-01T12:00:00Z"]
_accounts = itertools.count(300000000000)


def operation_of(command):
    return "".join(word.capitalize() for word in command.split("-"))


class Cli:
    """The CLI with the credentials of an account of its own."""

    def __init__(self, account, secret="secret", key=None, service=None):
        self.account = account
        self.service = service or ADDRESSES["service"]
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": key or f"AKIA{account}",
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": self.service,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }

    def run(self, *arguments, service="codeguruprofiler", ordered=False):
        aws = Path(sys.executable).with_name("aws")
        result = subprocess.run(
            [aws, service, *arguments], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        told = re.search(r"An error occurred \((\w+)\) when calling the (\w+) operation", result.stderr)
        if told:
            tally.saw(told[2], told[1], ordered=ordered)
        elif result.returncode == 0:
            tally.saw(operation_of(arguments[0]), tally.OK)
        return result

    def __call__(self, *arguments, service="codeguruprofiler"):
        result = self.run(*arguments, service=service)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout) if result.stdout.strip() else None

    def arn(self, name):
        return f"arn:aws:codeguru-profiler:eu-west-1:{self.account}:profilingGroup/{name}"


@pytest.fixture
def aws():
    return Cli(str(next(_accounts)))


@pytest.fixture
def group(aws):
    aws("create-profiling-group", "--profiling-group-name", "a", "--client-token", "t", "--tags", "k=v")
    return ["--profiling-group-name", "a"]


def test_the_commands_for_groups(aws, group):
    off = ["--agent-orchestration-config", "profilingEnabled=false"]
    updated = aws("update-profiling-group", *group, *off)["profilingGroup"]
    assert updated["agentOrchestrationConfig"] == {"profilingEnabled": False}
    assert aws("describe-profiling-group", *group)["profilingGroup"] == updated
    aws("create-profiling-group", "--profiling-group-name", "b", "--client-token", "u")
    assert aws("list-profiling-groups")["profilingGroupNames"] == ["a", "b"]
    page = aws("list-profiling-groups", "--include-description", "--max-results", "1")
    assert [described["name"] for described in page["profilingGroups"]] == ["a"]
    page = aws("list-profiling-groups", "--include-description", "--next-token", page["nextToken"])
    assert [described["name"] for described in page["profilingGroups"]] == ["b"]
    assert aws("delete-profiling-group", *group) is None
    gone = aws.run("describe-profiling-group", *group)
    assert gone.returncode in (254, 255)
    assert "(ResourceNotFoundException)" in gone.stderr


def test_the_command_of_the_readme_needs_nothing_but_what_it_says():
    """It once named AWS_REGION, which this CLI does not read."""
    readme = Path("emulator/README.md").read_text(encoding="utf-8")
    [command] = re.findall(r"^AWS_ENDPOINT_URL=.*\\\n.*$", readme, re.MULTILINE)
    command = command.replace("http://127.0.0.1:4577", ADDRESSES["service"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    environment |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    result = subprocess.run(
        command, shell=True, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "profilingGroupNames" in json.loads(result.stdout)


def test_the_commands_for_tags(aws, group):
    resource = ["--resource-arn", aws.arn("a")]
    aws("tag-resource", *resource, "--tags", "team=x,k=w")
    aws("untag-resource", *resource, "--tag-keys", "team", "other")
    assert aws("list-tags-for-resource", *resource)["tags"] == {"k": "w"}


def test_the_commands_for_permissions(aws, group):
    action = [*group, "--action-group", "agentPermissions"]
    put = aws("put-permission", *action, "--principals", "arn:aws:iam::111122223333:role/app")
    read = aws("get-policy", *group)
    assert read == put
    left = aws("remove-permission", *action, "--revision-id", put["revisionId"])
    assert json.loads(left["policy"])["Statement"] == []


def test_the_commands_for_notifications(aws, group):
    channel = "uri=arn:aws:sns:eu-west-1:111122223333:alarms,eventPublishers=AnomalyDetection"
    added = aws("add-notification-channels", *group, "--channels", channel)
    assert aws("get-notification-configuration", *group) == added
    [only] = added["notificationConfiguration"]["channels"]
    left = aws("remove-notification-channel", *group, "--channel-id", only["id"])
    assert left["notificationConfiguration"] == {}


def test_the_commands_for_agents_and_profiles(aws, group, tmp_path):
    told = aws("configure-agent", *group, "--fleet-instance-id", "i-1", "--metadata", "AgentId=1")
    assert told["configuration"]["shouldProfile"] is True
    profile, out = tmp_path / "profile", tmp_path / "out"
    profile.write_text("{}")
    aws("post-agent-profile", *group, "--agent-profile", f"fileb://{profile}", "--content-type", "application/json")
    since = ["--start-time", "2020-01-01T00:00:00Z", "--end-time", "2120-01-01T00:00:00Z"]
    assert len(aws("list-profile-times", *group, *since, "--period", "PT5M")["profileTimes"]) == 1
    answer = aws("get-profile", *group, "--period", "PT1H", "--accept", "application/json", str(out))
    assert answer["contentType"] == "application/json"
    assert out.read_bytes() == b"{}"
    metric = "frameName=f,type=AggregatedRelativeTotalTime,threadStates=RUNNABLE"
    data = aws("batch-get-frame-metric-data", *group, *RANGE, "--frame-metrics", metric)
    assert len(data["frameMetricData"]) == 1


def test_the_commands_for_reports(aws, group):
    assert aws("get-recommendations", *group, *RANGE, "--locale", "en-GB")["anomalies"] == []
    assert aws("list-findings-reports", *group, *RANGE, "--daily-reports-only")["findingsReportSummaries"] == []
    assert aws("get-findings-report-account-summary")["reportSummaries"] == []
    feedback = ["--anomaly-instance-id", UUID, "--type", "Positive"]
    assert aws("submit-feedback", *group, *feedback, "--comment", "c") is None


def test_the_commands_of_sts(aws):
    assert aws("get-caller-identity", service="sts")["Account"] == aws.account
    role = ["--role-arn", "arn:aws:iam::444455556666:role/app", "--role-session-name", "it"]
    given = aws("assume-role", *role, "--external-id", "x-1", service="sts")["Credentials"]
    assert given["AccessKeyId"].startswith("ASIA")


CREATE = ["create-profiling-group", "--profiling-group-name", "a", "--client-token", "t"]
DESCRIBE = ["describe-profiling-group", "--profiling-group-name", "a"]
ERRORS = ["ServiceQuotaExceeded", "Conflict", "Validation", "Throttling", "InternalServer"]


@pytest.mark.parametrize("command, error", [*((CREATE, error) for error in ERRORS), (DESCRIBE, "ResourceNotFound")])
def test_an_error_is_told_by_its_code(aws, command, error):
    order = {"account": aws.account, "effect": {"type": "error", "code": f"{error}Exception", "message": "as ordered"}}
    request = urllib.request.Request(ADDRESSES["admin"] + "/faults", data=json.dumps(order).encode(), method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    result = aws.run(*command, ordered=True)
    assert result.returncode in (254, 255)
    assert f"({error}Exception) when calling the " in result.stderr
    assert result.stderr.rstrip().endswith("as ordered")


@pytest.fixture
def strict():
    """The address of an emulator that knows one key, and verifies signatures."""
    ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--exit-with-stdin"]
    command = [os.environ["EMULATOR_BINARY"], *ports, "--access-key", "AKIDEXAMPLE=secret,111122223333"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield json.loads(process.stdout.readline())["service"]
        process.stdin.close()


def test_a_wrong_signature_is_refused(strict):
    right = Cli("111122223333", key="AKIDEXAMPLE", secret="secret", service=strict)
    assert right("get-caller-identity", service="sts")["Account"] == "111122223333"
    right("list-profiling-groups")
    wrong = Cli("111122223333", key="AKIDEXAMPLE", secret="guessed", service=strict)
    assert "(InvalidSignatureException)" in wrong.run("list-profiling-groups").stderr


def test_the_table_has_every_command_of_the_service(aws):
    # What the CLI does not know, it answers with a table of what it knows.
    told = aws.run("no-such-command").stderr
    lines = [line for line in told.splitlines() if " | " in line]
    names = {name.strip() for line in lines for name in line.split("|")} - {"help"}
    assert {operation_of(name) for name in names} == tally.modelled().keys(), told
