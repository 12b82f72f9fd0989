"""Notification channels as boto3 sees them."""

import pytest

from calls import UUID


def channel(name, **more):
    return {"uri": f"arn:aws:sns:eu-west-1:111122223333:{name}", "eventPublishers": ["AnomalyDetection"], **more}


@pytest.fixture
def add(client):
    client.create_profiling_group(profilingGroupName="a")

    def add(*channels):
        answer = client.add_notification_channels(profilingGroupName="a", channels=list(channels))
        return answer["notificationConfiguration"]["channels"]

    return add


def test_channels_get_ids_and_go_by_them(client, add):
    [first] = add(channel("one"))
    [_, second] = add(channel("two", id=UUID))
    assert second == channel("two", id=UUID)
    read = client.get_notification_configuration(profilingGroupName="a")["notificationConfiguration"]
    assert read["channels"] == [first, second]
    left = client.remove_notification_channel(profilingGroupName="a", channelId=first["id"])
    assert left["notificationConfiguration"]["channels"] == [second]
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.remove_notification_channel(profilingGroupName="a", channelId=first["id"])


def test_a_group_has_two_channels_at_most(client, add):
    add(channel("one"))
    with pytest.raises(client.exceptions.ServiceQuotaExceededException):
        add(channel("two"), channel("three"))
    assert len(add(channel("two"))) == 2, "the refused call added none"


def test_the_same_channel_twice_is_a_conflict(client, add):
    add(channel("one", id=UUID))
    for again in [channel("one"), channel("two", id=UUID)]:
        with pytest.raises(client.exceptions.ConflictException):
            add(again)


def test_a_channel_is_a_topic(client, add):
    with pytest.raises(client.exceptions.ValidationException):
        add({"uri": "https://example.org", "eventPublishers": ["AnomalyDetection"]})


def test_a_group_begins_without_channels(client, add):
    assert client.get_notification_configuration(profilingGroupName="a")["notificationConfiguration"] == {}
