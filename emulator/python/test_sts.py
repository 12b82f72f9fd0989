"""GetCallerIdentity, on the same endpoint: the signature's scope distinguishes it."""

import pytest
from botocore.exceptions import ClientError


def test_the_account_is_that_of_the_access_key(emulator):
    answer = emulator.client("sts").get_caller_identity()
    assert answer["Account"] == emulator.account
    assert answer["Arn"] == f"arn:aws:iam::{emulator.account}:user/emulator"
    assert answer["UserId"] == f"AKIA{emulator.account}"
    assert answer["ResponseMetadata"]["RequestId"] == emulator.journal()[0]["requestId"]


def test_the_account_of_sts_is_that_of_the_arns(emulator, client):
    arn = client.create_profiling_group(profilingGroupName="a")["profilingGroup"]["arn"]
    assert arn.split(":")[4] == emulator.client("sts").get_caller_identity()["Account"]


@pytest.mark.parametrize("code, status", [("AccessDenied", 403), ("ExpiredToken", 403), ("InternalFailure", 500)])
def test_an_error_arrives_in_stss_own_format(emulator, code, status):
    emulator.fault(
        operation="GetCallerIdentity", effect={"type": "error", "code": code, "status": status, "message": "a < b & c"}
    )
    with pytest.raises(ClientError) as raised:
        emulator.client("sts").get_caller_identity()
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["Error"]["Message"] == "a < b & c"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_an_action_that_is_not_built_is_invalid(emulator):
    with pytest.raises(ClientError) as raised:
        emulator.client("sts").get_session_token()
    assert raised.value.response["Error"]["Code"] == "InvalidAction"
