"""A program with a busy thread, profiled by AWS's own agent, until standard input closes. The agent is as it comes but for two settings:
what it reports of its fleet, and how much of a core it may take.

Where the service is, who calls and which group it is come from the environment, as in production: AWS_ENDPOINT_URL_CODEGURUPROFILER,
credentials, AWS_CODEGURU_PROFILER_GROUP_NAME and AWS_CODEGURU_PROFILER_TARGET_REGION.

Prints a line of JSON several times a second: how many samples the agent has taken so far.
"""

import json
import logging
import sys
import threading

from codeguru_profiler_agent.agent_metadata.agent_metadata import AgentMetadata
from codeguru_profiler_agent.agent_metadata.fleet_info import DefaultFleetInfo
from codeguru_profiler_agent.profiler_builder import build_profiler

samples = 0
ends = threading.Event()


def count_samples(event, _):
    """The interpreter reports each look that anyone takes at the stacks of all threads."""
    global samples
    if event == "sys._current_frames":
        samples += 1


def spin():
    while True:
        sum(range(1000))


def report():
    while not ends.wait(0.2):
        print(json.dumps({"samples": samples}), flush=True)


def main():
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    sys.addaudithook(count_samples)
    override = {
        # Without a look for the metadata of a machine or a container in AWS.
        "agent_metadata": AgentMetadata(fleet_info=DefaultFleetInfo()),
        # On a crowded machine the agent takes the time it waits for a core for its own work, and would stop for good.
        "cpu_limit_percentage": 100,
    }
    profiler = build_profiler(override=override)
    if profiler is None or not profiler.start():
        sys.exit("the agent did not start")
    threading.Thread(target=spin, daemon=True).start()
    reporter = threading.Thread(target=report)
    reporter.start()
    sys.stdin.read()
    # A thread that prints while the interpreter ends aborts it.
    ends.set()
    reporter.join()
    profiler.stop()


main()
