"""AWS's own Python agent, unmodified, against the emulator: it profiles a busy thread, and obeys the switch."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from conftest import REGION

GROUP = {"profilingGroupName": "a"}
PERIOD = 2


class Agent:
    """A program with the agent in it, and what it says of itself."""

    def __init__(self, process):
        self.process = process
        self.samples = 0
        self.errors = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=lambda: self.errors.extend(process.stderr), daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.samples = json.loads(line)["samples"]

    def until(self, what, holds, limit=60):
        end = time.monotonic() + limit
        while not holds():
            assert self.process.poll() is None and time.monotonic() < end, f"{what}: never.\n{''.join(self.errors[-30:])}"
            time.sleep(0.05)


@pytest.fixture
def agent(emulator, client):
    emulator.settings(agentPeriodSeconds=PERIOD, agentSamplingIntervalMs=100, agentMinimumReportingMs=500)
    client.create_profiling_group(**GROUP)
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL_CODEGURUPROFILER": emulator.addresses["service"],
        "AWS_ACCESS_KEY_ID": f"AKIA{emulator.account}",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_CODEGURU_PROFILER_GROUP_NAME": "a",
        "AWS_CODEGURU_PROFILER_TARGET_REGION": REGION,
    }
    program = [sys.executable, Path(__file__).with_name("busy.py")]
    pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
    with subprocess.Popen(program, env=environment, text=True, **pipes) as process:
        yield Agent(process)
        process.stdin.close()
        assert process.wait(timeout=20) == 0, "it ends with its standard input"


def test_awss_own_agent_profiles_and_obeys_the_switch(emulator, client, agent):
    def calls(operation):
        return [entry for entry in emulator.journal() if entry["operation"] == operation and entry["httpStatus"]]

    def switch(enabled):
        client.update_profiling_group(**GROUP, agentOrchestrationConfig={"profilingEnabled": enabled})

    def status():
        return client.describe_profiling_group(**GROUP)["profilingGroup"]["profilingStatus"]

    def another(operation, times=1):
        wanted = len(calls(operation)) + times
        agent.until(f"{times} more {operation}", lambda: len(calls(operation)) >= wanted)

    another("PostAgentProfile", 2)
    posted = calls("PostAgentProfile")[-1]
    assert posted["httpStatus"] == 204
    assert "spin" in json.dumps(posted["request"]["callgraph"]), "the busy thread is in the profile"
    assert posted["request"]["agentMetadata"]["agentInfo"]["type"] == "CodeGuruProfiler-python"
    assert set(status()) == {"latestAgentOrchestratedAt", "latestAgentProfileReportedAt", "latestAggregatedProfile"}

    switch(False)
    # The cycle that runs ends first, with one more profile. One question may be on its way already; the second is answered with no, and a
    # period later comes the third.
    another("ConfigureAgent", 3)
    at_rest, posts, reported = agent.samples, len(calls("PostAgentProfile")), status()["latestAgentProfileReportedAt"]
    another("ConfigureAgent", 2)
    assert agent.samples == at_rest, "no stack was looked at"
    assert len(calls("PostAgentProfile")) == posts
    assert status()["latestAgentProfileReportedAt"] == reported

    switch(True)
    another("PostAgentProfile")
    assert agent.samples > at_rest
    assert status()["latestAgentProfileReportedAt"] > reported
    assert {entry["httpStatus"] for entry in emulator.journal()} == {200, 201, 204}
