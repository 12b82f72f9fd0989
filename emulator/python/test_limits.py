"""Requests per second, and the switches that change answers, as boto3 meets them."""

import pytest
from botocore.exceptions import ClientError


def test_a_limit_throttles_what_is_too_much_and_nothing_else(emulator, client):
    emulator.admin("PUT", f"/limits/{emulator.account}", {"ListProfilingGroups": {"perSecond": 0.001, "burst": 3}})
    for _ in range(3):
        client.list_profiling_groups()
    with pytest.raises(client.exceptions.ThrottlingException) as raised:
        client.list_profiling_groups()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    client.create_profiling_group(profilingGroupName="a")
    emulator.client(region="eu-west-2").list_profiling_groups()
    emulator.admin("PUT", f"/limits/{emulator.account}", {})
    client.list_profiling_groups()


def test_botocore_gets_through_a_limit_by_trying_again(emulator):
    client = emulator.client(attempts=10)
    emulator.admin("PUT", f"/limits/{emulator.account}", {"*": {"perSecond": 5}})
    for _ in range(8):
        client.list_profiling_groups()
    assert [entry["httpStatus"] for entry in emulator.journal()].count(200) == 8


def test_throttling_has_the_status_of_its_setting(emulator, client):
    emulator.settings(throttlingStatus=400)
    emulator.admin("PUT", f"/limits/{emulator.account}", {"*": {"perSecond": 0}})
    client.list_profiling_groups()
    with pytest.raises(client.exceptions.ThrottlingException) as raised:
        client.list_profiling_groups()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    emulator.admin("PUT", f"/limits/{emulator.account}", {})
    emulator.fault(effect={"type": "error", "code": "ThrottlingException"})
    with pytest.raises(client.exceptions.ThrottlingException) as raised:
        client.list_profiling_groups()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_sts_is_throttled_in_its_own_words(emulator):
    emulator.admin("PUT", f"/limits/{emulator.account}", {"GetCallerIdentity": {"perSecond": 0}})
    sts = emulator.client("sts")
    sts.get_caller_identity()
    with pytest.raises(ClientError) as raised:
        sts.get_caller_identity()
    assert raised.value.response["Error"]["Code"] == "Throttling"


def test_the_same_token_conflicts_when_the_setting_says_so(emulator, client):
    emulator.settings(sameTokenCreate="conflict")
    client.create_profiling_group(profilingGroupName="a", clientToken="t")
    with pytest.raises(client.exceptions.ConflictException):
        client.create_profiling_group(profilingGroupName="a", clientToken="t")


def test_an_update_too_soon_after_another_conflicts_when_the_setting_says_so(emulator, client):
    client.create_profiling_group(profilingGroupName="a")
    emulator.settings(updateConflictMs=60_000)
    change = {"profilingGroupName": "a", "agentOrchestrationConfig": {"profilingEnabled": False}}
    with pytest.raises(client.exceptions.ConflictException):
        client.update_profiling_group(**change)
    emulator.settings(updateConflictMs=0)
    client.update_profiling_group(**change)


def test_page_tokens_expire_when_the_setting_says_so(emulator, client):
    emulator.seed(3)
    token = client.list_profiling_groups(maxResults=1)["nextToken"]
    client.list_profiling_groups(nextToken=token)
    emulator.settings(pageTokenLifeMs=1)
    with pytest.raises(ClientError) as raised:
        client.list_profiling_groups(nextToken=token)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("tags", [{"aws:x": "v"}, {"k" * 129: "v"}, {"k": "v" * 257}, {str(n): "v" for n in range(51)}])
def test_tags_have_the_limits_of_their_setting(emulator, client, tags):
    for call in [
        lambda: client.create_profiling_group(profilingGroupName="a", tags=tags),
        lambda: client.tag_resource(resourceArn=emulator.arn("b"), tags=tags),
    ]:
        emulator.admin("PUT", f"/groups/{emulator.account}/eu-west-1/b", {})
        emulator.settings(tagLimits="awsWide")
        with pytest.raises(client.exceptions.ValidationException):
            call()
        emulator.settings(tagLimits="none")
        call()
