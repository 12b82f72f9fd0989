"""AWS's own Python agent, unmodified, against the emulator: it profiles a busy thread, and obeys the answers."""

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
PERIOD = 1


class Agent:
    """A program with the agent in it, and what it prints of itself."""

    def __init__(self, process, emulator):
        self.process = process
        self.emulator = emulator
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

    def calls(self, operation):
        return [entry for entry in self.emulator.journal() if entry["operation"] == operation and entry["httpStatus"]]

    def another(self, operation, times=1):
        wanted = len(self.calls(operation)) + times
        self.until(f"{times} more {operation}", lambda: len(self.calls(operation)) >= wanted)

    def rests(self):
        """Waits until an answer makes it rest, and returns how many samples it took until then."""
        # The cycle that runs ends first, with one more profile. One question may be on its way already; the second is answered as it is
        # now, and a period later comes the third.
        self.another("ConfigureAgent", 3)
        samples, posts = self.samples, len(self.calls("PostAgentProfile"))
        self.another("ConfigureAgent", 2)
        assert self.samples == samples, "no stack was looked at"
        assert len(self.calls("PostAgentProfile")) == posts
        return samples


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
        yield Agent(process, emulator)
        process.stdin.close()
        assert process.wait(timeout=20) == 0, "it ends with its standard input"


def switch(client, enabled):
    client.update_profiling_group(**GROUP, agentOrchestrationConfig={"profilingEnabled": enabled})


def test_awss_own_agent_profiles_and_obeys_the_switch(emulator, client, agent):
    def status():
        return client.describe_profiling_group(**GROUP)["profilingGroup"]["profilingStatus"]

    agent.another("PostAgentProfile", 2)
    posted = agent.calls("PostAgentProfile")[-1]
    assert posted["httpStatus"] == 204
    assert "spin" in json.dumps(posted["request"]["callgraph"]), "the busy thread is in the profile"
    assert posted["request"]["agentMetadata"]["agentInfo"]["type"] == "CodeGuruProfiler-python"
    assert set(status()) == {"latestAgentOrchestratedAt", "latestAgentProfileReportedAt", "latestAggregatedProfile"}

    switch(client, False)
    at_rest = agent.rests()
    before = status()
    agent.another("ConfigureAgent")
    assert status()["latestAgentProfileReportedAt"] == before["latestAgentProfileReportedAt"]
    assert status()["latestAgentOrchestratedAt"] > before["latestAgentOrchestratedAt"]

    switch(client, True)
    agent.another("PostAgentProfile")
    assert agent.samples > at_rest
    assert status()["latestAgentProfileReportedAt"] > before["latestAgentProfileReportedAt"]
    assert {entry["httpStatus"] for entry in emulator.journal()} == {200, 201, 204}


def test_an_agent_whose_group_is_gone_rests_until_there_is_one(client, agent):
    agent.another("PostAgentProfile")
    client.delete_profiling_group(**GROUP)
    at_rest = agent.rests()
    client.create_profiling_group(**GROUP)
    agent.another("PostAgentProfile")
    assert agent.samples > at_rest


def test_an_agent_that_may_not_ask_keeps_its_last_setting(emulator, client, agent):
    agent.another("PostAgentProfile")
    denied = {"effect": "deny", "action": "codeguru-profiler:ConfigureAgent"}
    emulator.admin("PUT", f"/rules/{emulator.account}", [{"effect": "allow", "action": "*"}, denied])
    switch(client, False)
    before = agent.samples
    agent.another("PostAgentProfile", 4)
    assert agent.calls("ConfigureAgent")[-1]["errorCode"] == "AccessDeniedException"
    assert agent.samples > before
