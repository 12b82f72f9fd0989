"""The resource-based policy of a group, as boto3 sees it."""

import json

import pytest

ROLE = "arn:aws:iam::111122223333:role/app"
USER = "arn:aws:iam::111122223333:user/me"


@pytest.fixture
def put(client):
    client.create_profiling_group(profilingGroupName="a")

    def put(*principals, **revision):
        return client.put_permission(
            profilingGroupName="a", actionGroup="agentPermissions", principals=list(principals), **revision
        )

    return put


def test_a_policy_allows_the_principals_what_agents_do(emulator, client, put):
    answer = put(ROLE, USER)
    document = json.loads(answer["policy"])
    assert document["Version"] == "2012-10-17"
    [statement] = document["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"AWS": [ROLE, USER]}
    assert statement["Action"] == ["codeguru-profiler:ConfigureAgent", "codeguru-profiler:PostAgentProfile"]
    assert statement["Resource"] == emulator.arn("a")
    read = client.get_policy(profilingGroupName="a")
    assert (read["policy"], read["revisionId"]) == (answer["policy"], answer["revisionId"])


def test_a_stale_revision_conflicts(client, put):
    first = put(ROLE)["revisionId"]
    second = put(USER, revisionId=first)["revisionId"]
    assert first != second
    for revision in [{}, {"revisionId": first}]:
        with pytest.raises(client.exceptions.ConflictException):
            put(ROLE, **revision)
    with pytest.raises(client.exceptions.ConflictException):
        client.remove_permission(profilingGroupName="a", actionGroup="agentPermissions", revisionId=first)
    left = client.remove_permission(profilingGroupName="a", actionGroup="agentPermissions", revisionId=second)
    assert json.loads(left["policy"])["Statement"] == []
    assert put(ROLE)["revisionId"], "the group has no policy any more, so none is to be named"


def test_a_group_without_a_policy_answers_as_its_setting_says(emulator, client, put):
    answer = client.get_policy(profilingGroupName="a")
    assert "policy" not in answer and "revisionId" not in answer
    emulator.settings(missingPolicy="notFound")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_policy(profilingGroupName="a")


@pytest.mark.parametrize("principal", ["*", "arn:aws:iam::111122223333:role/*", "app"])
def test_a_principal_is_an_arn_without_wildcards(client, put, principal):
    with pytest.raises(client.exceptions.ValidationException):
        put(principal)
