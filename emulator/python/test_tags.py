"""The tag operations, whose path is an ARN, fully encoded."""

import pytest


@pytest.fixture
def arn(emulator, client):
    client.create_profiling_group(profilingGroupName="a_B-1", tags={"from": "create"})
    return emulator.arn("a_B-1")


def test_tags_are_added_replaced_listed_and_removed(client, arn):
    answer = client.tag_resource(resourceArn=arn, tags={"from": "tag", "k": "v"})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"from": "tag", "k": "v"}
    answer = client.untag_resource(resourceArn=arn, tagKeys=["k", "never-there"])
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"from": "tag"}
    assert client.describe_profiling_group(profilingGroupName="a_B-1")["profilingGroup"]["tags"] == {"from": "tag"}


def test_the_arn_travels_as_one_encoded_label(emulator, client, arn):
    client.list_tags_for_resource(resourceArn=arn)
    entry = emulator.journal()[-1]
    assert entry["path"] == "/tags/" + arn.replace(":", "%3A").replace("/", "%2F")
    assert entry["group"] == "a_B-1"


def test_keys_of_any_form_survive_the_query(client, arn):
    odd = {"a b": "1", "a+b": "2", "a&b=c": "3", "äöü/✓": "4", "%41": "5"}
    client.tag_resource(resourceArn=arn, tags=odd)
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"from": "create", **odd}
    client.untag_resource(resourceArn=arn, tagKeys=list(odd))
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"from": "create"}


def calls(client):
    return [
        lambda arn: client.tag_resource(resourceArn=arn, tags={"k": "v"}),
        lambda arn: client.untag_resource(resourceArn=arn, tagKeys=["k"]),
        lambda arn: client.list_tags_for_resource(resourceArn=arn),
    ]


@pytest.mark.parametrize("index", range(3), ids=["tag", "untag", "list"])
def test_a_group_that_is_not_there_has_no_tags(emulator, client, index):
    for arn in [emulator.arn("missing"), emulator.arn("missing").replace("eu-west-1", "eu-west-2")]:
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            calls(client)[index](arn)


@pytest.mark.parametrize("index", range(3), ids=["tag", "untag", "list"])
def test_what_is_no_arn_is_refused(client, index):
    with pytest.raises(client.exceptions.ValidationException) as raised:
        calls(client)[index]("arn:aws:s3:::bucket")
    assert "resourceArn" in raised.value.response["Error"]["Message"]
