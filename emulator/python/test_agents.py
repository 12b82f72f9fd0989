"""What agents call, what it leaves behind, and simulated agents."""

import datetime
import time

import pytest

from calls import call

MINUTES = datetime.timedelta(minutes=1)


@pytest.fixture
def group(client):
    client.create_profiling_group(profilingGroupName="a")
    return lambda: client.describe_profiling_group(profilingGroupName="a")["profilingGroup"]


def test_an_agent_is_told_what_the_switch_says(emulator, client, group):
    told = call(client, "ConfigureAgent")["configuration"]
    assert told == {
        "shouldProfile": True,
        "periodInSeconds": 300,
        "agentParameters": {
            "SamplingIntervalInMilliseconds": "1000",
            "MinimumTimeForReportingInMilliseconds": "60000",
            "MaxStackDepth": "1000",
            "MemoryUsageLimitPercent": "10",
        },
    }
    assert set(group()["profilingStatus"]) == {"latestAgentOrchestratedAt"}
    client.update_profiling_group(profilingGroupName="a", agentOrchestrationConfig={"profilingEnabled": False})
    emulator.settings(agentPeriodSeconds=7, agentSamplingIntervalMs=10)
    told = call(client, "ConfigureAgent")["configuration"]
    assert (told["shouldProfile"], told["periodInSeconds"]) == (False, 7)
    assert told["agentParameters"]["SamplingIntervalInMilliseconds"] == "10"


def test_a_profile_moves_its_timestamp_and_the_aggregates(client, group):
    call(client, "PostAgentProfile")
    status = group()["profilingStatus"]
    assert set(status) == {"latestAgentProfileReportedAt", "latestAggregatedProfile"}
    start, period = status["latestAggregatedProfile"]["start"], status["latestAggregatedProfile"]["period"]
    reported = status["latestAgentProfileReportedAt"]
    assert period == "PT5M"
    assert start <= reported < start + 5 * MINUTES
    for period, length in [("PT5M", 5 * MINUTES), ("PT1H", 60 * MINUTES), ("P1D", 1440 * MINUTES)]:
        times = client.list_profile_times(
            profilingGroupName="a", startTime=reported - length, endTime=reported + length, period=period
        )
        [only] = times["profileTimes"]
        assert only["start"] <= reported < only["start"] + length


def test_the_same_token_is_the_same_profile(client, group):
    call(client, "PostAgentProfile", profileToken="t")
    before = group()
    call(client, "PostAgentProfile", profileToken="t")
    assert group() == before


def test_a_disabled_group_takes_profiles_as_its_setting_says(emulator, client, group):
    client.update_profiling_group(profilingGroupName="a", agentOrchestrationConfig={"profilingEnabled": False})
    call(client, "PostAgentProfile")
    emulator.settings(disabledGroupTakesProfiles=False)
    with pytest.raises(client.exceptions.ValidationException):
        call(client, "PostAgentProfile")


def test_profile_times_come_in_pages_through_botocores_paginator(emulator, client, group):
    begin = datetime.datetime.now(datetime.timezone.utc)
    for step in range(7):
        emulator.admin("PUT", "/clock", {"offsetMs": step * 300_000})
        try:
            call(client, "PostAgentProfile")
        finally:
            emulator.admin("PUT", "/clock", {"offsetMs": 0})
    paginator = client.get_paginator("list_profile_times")
    for order, sign in [("TimestampAscending", 1), ("TimestampDescending", -1)]:
        pages = paginator.paginate(
            profilingGroupName="a",
            startTime=begin - 10 * MINUTES,
            endTime=begin + 60 * MINUTES,
            period="PT5M",
            orderBy=order,
            PaginationConfig={"PageSize": 3},
        )
        starts = [[entry["start"] for entry in page["profileTimes"]] for page in pages]
        assert [len(page) for page in starts] == [3, 3, 1]
        flat = sum(starts, [])
        assert flat == sorted(flat)[::sign]


@pytest.mark.parametrize("accept, content", [("application/json", b"{}"), (None, b"\xe0\x01\x00\xea\xd0")])
def test_a_profile_is_valid_but_empty(client, group, accept, content):
    answer = call(client, "GetProfile", **({"accept": accept} if accept else {}))
    assert answer["profile"].read() == content
    assert answer["contentType"] == (accept or "application/x-amzn-ion")


@pytest.mark.parametrize("period", ["P8D", "soon", "P1M"])
def test_a_range_that_makes_no_sense_is_refused(client, group, period):
    with pytest.raises(client.exceptions.ValidationException):
        call(client, "GetProfile", period=period)


def test_nothing_is_ever_found_or_recommended(client, group):
    assert call(client, "GetRecommendations")["recommendations"] == []
    assert call(client, "ListFindingsReports")["findingsReportSummaries"] == []
    assert call(client, "GetFindingsReportAccountSummary")["reportSummaries"] == []
    data = call(client, "BatchGetFrameMetricData")
    assert [metric["values"] for metric in data["frameMetricData"]] == [[]]


def eventually(check):
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_simulated_agents_follow_the_switch(emulator, client, group):
    emulator.seed(200)
    order = {"account": emulator.account, "region": "eu-west-1", "prefix": "group-", "agentsPerGroup": 10, "periodMs": 300}
    assert emulator.admin("POST", "/agents", order) == {"agents": 2000}

    def groups():
        return client.list_profiling_groups(includeDescription=True, maxResults=1000)["profilingGroups"][1:]

    eventually(lambda: all("latestAggregatedProfile" in group["profilingStatus"] for group in groups()))
    emulator.admin("POST", "/flip", {"account": emulator.account, "region": "eu-west-1"})
    [flipped] = {group["updatedAt"] for group in groups()}
    eventually(lambda: all(group["profilingStatus"]["latestAgentOrchestratedAt"] > flipped for group in groups()))
    reported = [group["profilingStatus"]["latestAgentProfileReportedAt"] for group in groups()]
    asked = [group["profilingStatus"]["latestAgentOrchestratedAt"] for group in groups()]
    eventually(lambda: all(group["profilingStatus"]["latestAgentOrchestratedAt"] > max(asked) for group in groups()))
    last = [group["profilingStatus"]["latestAgentProfileReportedAt"] for group in groups()]
    # Whoever had not polled since the flip reports its last period once more; nobody reports twice.
    assert all(late - soon < datetime.timedelta(seconds=1) for soon, late in zip(reported, last))
    assert "profilingStatus" in group() and group()["profilingStatus"] == {}, "other groups have no agents"
    emulator.admin("DELETE", f"/agents?account={emulator.account}")
    assert emulator.admin("GET", f"/agents?account={emulator.account}") == {"agents": 0}
