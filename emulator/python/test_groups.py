"""Create, Describe, Update and Delete as boto3 sees them."""

import datetime

import pytest


def test_a_new_group_has_every_member_of_the_description(emulator, client):
    before = datetime.datetime.now(datetime.timezone.utc)
    answer = client.create_profiling_group(
        profilingGroupName="orders", clientToken="t", computePlatform="AWSLambda", tags={"team": "x"}
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    group = answer["profilingGroup"]
    created = group.pop("createdAt")
    assert group.pop("updatedAt") == created
    assert abs(created - before) < datetime.timedelta(seconds=60)
    assert group == {
        "name": "orders",
        "arn": emulator.arn("orders"),
        "computePlatform": "AWSLambda",
        "agentOrchestrationConfig": {"profilingEnabled": True},
        "profilingStatus": {},
        "tags": {"team": "x"},
    }


def test_a_group_can_be_created_disabled(client):
    answer = client.create_profiling_group(
        profilingGroupName="a", clientToken="t", agentOrchestrationConfig={"profilingEnabled": False}
    )
    assert answer["profilingGroup"]["agentOrchestrationConfig"] == {"profilingEnabled": False}
    assert answer["profilingGroup"]["computePlatform"] == "Default"


def test_botocore_fills_the_client_token_itself(emulator, client):
    client.create_profiling_group(profilingGroupName="a")
    assert emulator.journal()[0]["query"].startswith("clientToken=")


def test_the_same_token_and_input_answer_the_first_group_again(client):
    wanted = {"profilingGroupName": "a", "clientToken": "t", "tags": {"k": "v"}}
    first = client.create_profiling_group(**wanted)
    client.update_profiling_group(profilingGroupName="a", agentOrchestrationConfig={"profilingEnabled": False})
    again = client.create_profiling_group(**wanted)
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert again["profilingGroup"] == first["profilingGroup"]
    assert again["ResponseMetadata"]["RequestId"] != first["ResponseMetadata"]["RequestId"]


def test_the_same_token_for_another_input_is_a_conflict(client):
    client.create_profiling_group(profilingGroupName="a", clientToken="t")
    with pytest.raises(client.exceptions.ConflictException):
        client.create_profiling_group(profilingGroupName="a", clientToken="t", computePlatform="AWSLambda")


def test_a_taken_name_is_a_conflict(client):
    client.create_profiling_group(profilingGroupName="a", clientToken="t")
    with pytest.raises(client.exceptions.ConflictException) as raised:
        client.create_profiling_group(profilingGroupName="a", clientToken="u")
    assert "a already exists" in raised.value.response["Error"]["Message"]


def test_more_groups_than_the_quota_are_refused(emulator, client):
    emulator.seed(499)
    client.create_profiling_group(profilingGroupName="the-500th")
    with pytest.raises(client.exceptions.ServiceQuotaExceededException) as raised:
        client.create_profiling_group(profilingGroupName="one-more")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 402
    emulator.settings(quota=501)
    client.create_profiling_group(profilingGroupName="one-more")


def test_an_update_answers_the_changed_group(client):
    created = client.create_profiling_group(profilingGroupName="a")["profilingGroup"]
    answer = client.update_profiling_group(
        profilingGroupName="a", agentOrchestrationConfig={"profilingEnabled": False}
    )
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    updated = answer["profilingGroup"]
    assert updated["agentOrchestrationConfig"] == {"profilingEnabled": False}
    assert updated["createdAt"] == created["createdAt"] <= updated["updatedAt"]
    assert client.describe_profiling_group(profilingGroupName="a")["profilingGroup"] == updated


@pytest.mark.parametrize("moves", [True, False])
def test_whether_an_update_without_change_moves_updated_at_is_a_setting(emulator, client, moves):
    emulator.settings(updateWithoutChangeMovesUpdatedAt=moves)
    created = client.create_profiling_group(profilingGroupName="a")["profilingGroup"]
    emulator.settings(latencyMs=20)
    same = client.update_profiling_group(profilingGroupName="a", agentOrchestrationConfig={"profilingEnabled": True})
    assert (same["profilingGroup"]["updatedAt"] > created["updatedAt"]) == moves


def test_a_deleted_group_is_gone(client):
    client.create_profiling_group(profilingGroupName="a")
    answer = client.delete_profiling_group(profilingGroupName="a")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    for call in (client.describe_profiling_group, client.delete_profiling_group):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            call(profilingGroupName="a")


def test_timestamps_are_datetimes_with_milliseconds(emulator, client):
    emulator.admin(
        "PUT",
        f"/groups/{emulator.account}/eu-west-1/a",
        {
            "latestAgentOrchestratedAt": "2026-06-01T13:15:02.001Z",
            "latestAgentProfileReportedAt": "2026-06-01T13:15:01.999Z",
            "latestAggregatedProfile": {"start": "2026-06-01T13:10:00Z", "period": "PT5M"},
        },
    )
    group = client.describe_profiling_group(profilingGroupName="a")["profilingGroup"]

    def utc(*parts):
        return datetime.datetime(2026, 6, 1, 13, *parts, tzinfo=datetime.timezone.utc)

    assert group["profilingStatus"] == {
        "latestAgentOrchestratedAt": utc(15, 2, 1000),
        "latestAgentProfileReportedAt": utc(15, 1, 999000),
        "latestAggregatedProfile": {"start": utc(10), "period": "PT5M"},
    }
    assert group["createdAt"].microsecond % 1000 == 0


def test_names_of_every_legal_form_travel(client):
    for name in ["a", "_-", "UPPER_lower-09", "n" * 255]:
        client.create_profiling_group(profilingGroupName=name)
        assert client.describe_profiling_group(profilingGroupName=name)["profilingGroup"]["name"] == name


def test_regions_are_apart(emulator, client):
    client.create_profiling_group(profilingGroupName="a")
    elsewhere = emulator.client(region="us-east-1")
    with pytest.raises(elsewhere.exceptions.ResourceNotFoundException):
        elsewhere.describe_profiling_group(profilingGroupName="a")


def test_a_lagging_read_sees_the_state_before_the_write(emulator, client):
    client.create_profiling_group(profilingGroupName="a")
    emulator.settings(readLagMs=60000)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_profiling_group(profilingGroupName="a")
    assert client.list_profiling_groups()["profilingGroupNames"] == []
