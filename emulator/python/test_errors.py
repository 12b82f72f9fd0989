"""Every modelled error of every operation, the errors that AWS's front ends add, and how errors travel."""

import contextlib
from email.utils import parsedate_to_datetime

import botocore
import botocore.loaders
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from calls import ALL as CALLS
from calls import call
from conftest import Emulator

MODEL = botocore.loaders.Loader().load_service_model("codeguruprofiler", "service-2")
ARN = "arn:aws:codeguru-profiler:eu-west-1:1:profilingGroup/a"

MODELLED = [
    (operation, error["shape"]) for operation in CALLS for error in MODEL["operations"][operation]["errors"]
]


def modelling(wanted):
    return [operation for operation, error in MODELLED if error == wanted]


COMMON = [
    ("AccessDeniedException", 403),
    ("ExpiredTokenException", 403),
    ("UnrecognizedClientException", 403),
    ("InvalidSignatureException", 403),
    ("ServiceUnavailableException", 503),
    ("ThrottlingException", 400),
]


@pytest.mark.parametrize("operation, error", MODELLED)
def test_a_modelled_error_arrives_as_its_exception(emulator, client, operation, error):
    emulator.fault(operation=operation, count=1, effect={"type": "error", "code": error, "message": "as ordered"})
    with pytest.raises(getattr(client.exceptions, error)) as raised:
        call(client, operation)
    answer = raised.value.response
    assert answer["Error"]["Code"] == error
    assert answer["message"] == answer["Error"]["Message"] == "as ordered"
    metadata = answer["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == MODEL["shapes"][error]["error"]["httpStatusCode"]
    assert metadata["HTTPHeaders"]["x-amzn-errortype"] == error
    assert metadata["RequestId"] == emulator.journal()[-1]["requestId"]


@pytest.mark.parametrize("operation", CALLS)
def test_an_error_of_the_front_end_arrives_by_its_code(emulator, client, operation):
    for code, status in COMMON:
        emulator.fault(operation=operation, count=1, effect={"type": "error", "code": code, "status": status})
        with pytest.raises(ClientError) as raised:
            call(client, operation)
        assert raised.value.response["Error"]["Code"] == code
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


@pytest.mark.parametrize(
    "method, arguments, member",
    [
        ("create_profiling_group", {}, "profilingGroupName"),
        ("create_profiling_group", {"profilingGroupName": "n" * 256}, "profilingGroupName"),
        ("create_profiling_group", {"profilingGroupName": "a.b"}, "profilingGroupName"),
        ("create_profiling_group", {"profilingGroupName": "a", "clientToken": "t" * 65}, "clientToken"),
        ("create_profiling_group", {"profilingGroupName": "a", "clientToken": "a b"}, "clientToken"),
        ("create_profiling_group", {"profilingGroupName": "a", "computePlatform": "Mainframe"}, "computePlatform"),
        (
            "create_profiling_group",
            {"profilingGroupName": "a", "agentOrchestrationConfig": {}},
            "agentOrchestrationConfig.profilingEnabled",
        ),
        ("describe_profiling_group", {"profilingGroupName": "a.b"}, "profilingGroupName"),
        ("describe_profiling_group", {"profilingGroupName": "a/b"}, "profilingGroupName"),
        ("delete_profiling_group", {"profilingGroupName": "n" * 256}, "profilingGroupName"),
        ("update_profiling_group", {"profilingGroupName": "a"}, "agentOrchestrationConfig"),
        (
            "update_profiling_group",
            {"profilingGroupName": "a", "agentOrchestrationConfig": {"profilingEnabled": "yes"}},
            "agentOrchestrationConfig.profilingEnabled",
        ),
        ("list_profiling_groups", {"maxResults": 0}, "maxResults"),
        ("list_profiling_groups", {"maxResults": 1001}, "maxResults"),
        ("list_profiling_groups", {"nextToken": "t" * 65}, "nextToken"),
        ("list_profiling_groups", {"nextToken": "never-given"}, "nextToken"),
        ("tag_resource", {"resourceArn": ARN}, "tags"),
        ("untag_resource", {"resourceArn": ARN}, "tagKeys"),
    ],
)
def test_a_violated_constraint_names_its_member(careless, method, arguments, member):
    with pytest.raises(careless.exceptions.ValidationException) as raised:
        getattr(careless, method)(**arguments)
    assert f"'{member}'" in raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("operation", modelling("ValidationException"))
def test_every_operation_refuses_what_its_model_does_not_allow(careless, operation):
    _, arguments = CALLS[operation]
    wrong = {"profilingGroupName": "a.b", "resourceArn": "a", "maxResults": 0}
    with pytest.raises(careless.exceptions.ValidationException):
        call(careless, operation, **{name: value for name, value in wrong.items() if name in arguments})


@pytest.mark.parametrize("operation", modelling("ResourceNotFoundException"))
def test_a_group_that_is_not_there_is_not_found(client, operation):
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        call(client, operation)


@pytest.mark.parametrize("operation", modelling("ThrottlingException"))
def test_more_than_a_limit_is_throttled(emulator, client, operation):
    emulator.admin("PUT", f"/limits/{emulator.account}", {operation: {"perSecond": 0, "burst": 1}})
    with contextlib.suppress(client.exceptions.ResourceNotFoundException):
        call(client, operation)
    with pytest.raises(client.exceptions.ThrottlingException):
        call(client, operation)


def test_an_unsigned_request_is_turned_away(emulator):
    unsigned = emulator.client(signature_version=botocore.UNSIGNED)
    with pytest.raises(ClientError) as raised:
        unsigned.list_profiling_groups()
    assert raised.value.response["Error"]["Code"] == "MissingAuthenticationTokenException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("name, status", [("s3", 403), ("sts", 400)])
def test_a_signature_for_another_service_is_turned_away(client, name, status):
    def sign_for_another(context, **_):
        context.setdefault("signing", {})["signing_name"] = name

    client.meta.events.register("before-call.codeguruprofiler", sign_for_another)
    with pytest.raises(ClientError) as raised:
        client.list_profiling_groups()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


# What botocore retries by itself, in its modes. The service's model marks the quota as retryable, which the older mode does not heed.
RETRIED = {
    "standard": {"ThrottlingException", "InternalServerException", "ServiceQuotaExceededException"},
    "adaptive": {"ThrottlingException", "InternalServerException", "ServiceQuotaExceededException"},
    "legacy": {"ThrottlingException", "InternalServerException"},
}


@pytest.fixture
def no_pause(monkeypatch):
    """Spares the pauses between attempts, and changes nothing about whether there are any."""
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)


# The adaptive mode pauses inside its own rate limiter, for two seconds each time: on one operation it shows what there is to see.
RETRIES = [
    (mode, operation, error)
    for mode in RETRIED
    for operation, error in MODELLED
    if mode != "adaptive" or operation == "CreateProfilingGroup"
]


@pytest.mark.parametrize("mode, operation, error", RETRIES)
def test_botocore_retries_what_its_mode_retries(emulator, no_pause, mode, operation, error):
    client = emulator.client(attempts=2, mode=mode)
    emulator.fault(operation=operation, effect={"type": "error", "code": error})
    with pytest.raises(getattr(client.exceptions, error)) as raised:
        call(client, operation)
    attempts = 2 if error in RETRIED[mode] else 1
    assert raised.value.response["ResponseMetadata"]["RetryAttempts"] == attempts - 1
    requests = emulator.journal()
    assert [request["errorCode"] for request in requests] == [error] * attempts
    assert len({request["query"] for request in requests}) == 1, "a retry repeats the token"


@pytest.mark.parametrize("mode", RETRIED)
@pytest.mark.parametrize("code, status", [("ThrottlingException", 429), ("ThrottlingException", 400), ("InternalServerException", 500)])
def test_botocore_retries_what_passes_and_succeeds(emulator, no_pause, mode, code, status):
    client = emulator.client(attempts=2, mode=mode)
    emulator.fault(count=1, effect={"type": "error", "code": code, "status": status})
    answer = client.list_profiling_groups()
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert [entry["httpStatus"] for entry in emulator.journal()] == [status, 200]


def test_a_retried_create_makes_one_group(emulator):
    client = emulator.client(attempts=2)
    emulator.fault(count=1, after=True, effect={"type": "error", "code": "InternalServerException"})
    answer = client.create_profiling_group(profilingGroupName="a")
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1
    assert answer["profilingGroup"]["name"] == "a"


def test_a_reset_connection_is_seen_as_one(emulator, client):
    emulator.fault(effect={"type": "reset"})
    with pytest.raises(ConnectionClosedError):
        client.list_profiling_groups()
    assert emulator.journal()[0]["httpStatus"] == 0


def test_a_hanging_request_runs_into_the_clients_time_out(emulator):
    emulator.fault(effect={"type": "hang"})
    with pytest.raises(ReadTimeoutError):
        emulator.client(read_timeout=0.3).list_profiling_groups()
    assert emulator.journal()[0]["httpStatus"] == 0


def test_an_answer_that_is_no_json_is_an_error_by_its_status(emulator, client):
    emulator.fault(
        count=1, effect={"type": "body", "status": 503, "contentType": "text/html", "body": "<html>busy</html>"}
    )
    with pytest.raises(ClientError) as raised:
        client.list_profiling_groups()
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503


def test_botocore_takes_a_truncated_answer_for_an_empty_one(emulator):
    client = emulator.client(check_answers=False)
    emulator.seed(50)
    emulator.fault(count=1, effect={"type": "truncate"})
    assert set(client.list_profiling_groups()) == {"ResponseMetadata"}
    assert len(client.list_profiling_groups()["profilingGroupNames"]) == 50


def test_faults_of_one_account_leave_the_others_alone(emulator):
    emulator.fault(effect={"type": "error", "code": "ThrottlingException"})
    other = Emulator("999999999999")
    assert other.client().list_profiling_groups()["profilingGroupNames"] == []


def test_the_clock_moves_the_date_header(emulator, client):
    def date():
        return client.list_profiling_groups()["ResponseMetadata"]["HTTPHeaders"]["date"]

    emulator.admin("PUT", "/clock", {"offsetMs": -86_400_000 * 3653})
    try:
        moved = parsedate_to_datetime(date())
    finally:
        emulator.admin("PUT", "/clock", {"offsetMs": 0})
    assert (parsedate_to_datetime(date()) - moved).days in (3652, 3653)
