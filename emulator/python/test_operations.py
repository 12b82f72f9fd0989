"""Every operation once, with a valid call; `answers` checks the raw body of each against the model."""

import pytest

import answers
from calls import ALL, call


@pytest.fixture
def prepared(emulator, client):
    """A group with a policy and a channel, and what calls need to name them."""
    client.create_profiling_group(profilingGroupName="a", tags={"k": "v"})
    revision = call(client, "PutPermission")["revisionId"]
    [channel] = call(client, "AddNotificationChannels")["notificationConfiguration"]["channels"]
    arn = {"resourceArn": emulator.arn("a")}
    return {
        "CreateProfilingGroup": {"profilingGroupName": "b"},
        "TagResource": arn,
        "UntagResource": arn,
        "ListTagsForResource": arn,
        "PutPermission": {"revisionId": revision},
        "RemovePermission": {"revisionId": revision},
        "AddNotificationChannels": {
            "channels": [{"uri": "arn:aws:sns:eu-west-1:111122223333:other", "eventPublishers": ["AnomalyDetection"]}]
        },
        "RemoveNotificationChannel": {"channelId": channel["id"]},
    }


@pytest.mark.parametrize("operation", ALL)
def test_a_valid_call_succeeds_and_is_answered_as_modelled(emulator, client, prepared, operation):
    before = answers.checked.get(operation, 0)
    call(client, operation, **prepared.get(operation, {}))
    assert answers.checked[operation] == before + 1, "the body was checked"
    entry = emulator.journal()[-1]
    assert (entry["operation"], entry["errorCode"]) == (operation, None)


def test_these_are_all_operations(client):
    assert set(ALL) == set(client.meta.service_model.operation_names)
