"""Who is believed: signatures, sessions, roles and rules, on an emulator that knows secrets. botocore signs, the emulator verifies."""

import base64
import json
import time

import botocore
import boto3
import pytest
from botocore.exceptions import ClientError

from calls import ALL, call
from conftest import REGION

ROLE = "arn:aws:iam::444455556666:role/path/reader"
SERVICES = {"codeguruprofiler": lambda client: client.list_profiling_groups(), "sts": lambda client: client.get_caller_identity()}


def refusal(client, service="codeguruprofiler"):
    with pytest.raises(ClientError) as raised:
        SERVICES[service](client)
    response = raised.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize("operation", ALL)
def test_every_operation_is_verified_as_botocore_signs_it(alice, operation):
    client = alice.client(**alice.credentials)
    client.create_profiling_group(profilingGroupName="a")
    try:
        call(client, operation, **({"resourceArn": alice.arn("a")} if "Tag" in operation else {}))
    except ClientError as error:
        # Verified, and then refused for what it requests.
        assert error.response["Error"]["Code"] in ("ConflictException", "ResourceNotFoundException")
    wrong = alice.client(key="AKIDALICE", secret="guessed")
    with pytest.raises(ClientError) as raised:
        call(wrong, operation, **({"resourceArn": alice.arn("a")} if "Tag" in operation else {}))
    assert raised.value.response["Error"]["Code"] == "InvalidSignatureException"


@pytest.mark.parametrize(
    "service, unknown, wrong, unsigned",
    [
        (
            "codeguruprofiler",
            "UnrecognizedClientException",
            "InvalidSignatureException",
            "MissingAuthenticationTokenException",
        ),
        ("sts", "InvalidClientTokenId", "SignatureDoesNotMatch", "MissingAuthenticationToken"),
    ],
)
def test_each_service_refuses_in_its_own_words(alice, service, unknown, wrong, unsigned):
    SERVICES[service](alice.client(service, **alice.credentials))
    assert refusal(alice.client(service, key="AKIDEVE", secret="x"), service) == (403, unknown)
    assert refusal(alice.client(service, key="AKIDALICE", secret="x"), service) == (403, wrong)
    assert refusal(alice.client(service, signature_version=botocore.UNSIGNED), service) == (403, unsigned)


@pytest.mark.parametrize("minutes, word", [(6, "expired"), (-6, "not yet current")])
def test_a_skewed_clock_is_told(alice, minutes, word):
    alice.admin("PUT", "/clock", {"offsetMs": minutes * 60_000})
    with pytest.raises(ClientError) as raised:
        alice.client(**alice.credentials).list_profiling_groups()
    assert raised.value.response["Error"]["Code"] == "InvalidSignatureException"
    assert word in raised.value.response["Error"]["Message"]
    assert refusal(alice.client("sts", **alice.credentials), "sts") == (403, "SignatureDoesNotMatch")
    alice.admin("PUT", "/clock", {"offsetMs": minutes * 40_000})
    alice.client(**alice.credentials).list_profiling_groups()


def test_the_account_is_that_of_the_key(alice):
    assert alice.client("sts", **alice.credentials).get_caller_identity()["Account"] == "111122223333"
    bob = alice.client("sts", key="AKIDBOB", secret="bob").get_caller_identity()
    assert (bob["Account"], bob["Arn"]) == ("444455556666", "arn:aws:iam::444455556666:user/emulator")


def assume(alice, **more):
    sts = alice.client("sts", **alice.credentials)
    return sts.assume_role(RoleArn=ROLE, RoleSessionName="it", **more)


def as_session(alice, answer, service="codeguruprofiler", **more):
    given = answer["Credentials"]
    session = {"key": given["AccessKeyId"], "secret": given["SecretAccessKey"], "token": given["SessionToken"]}
    return alice.client(service, **{**session, **more})


def test_an_assumed_role_acts_in_its_own_account(alice):
    answer = assume(alice, Tags=[{"Key": "k", "Value": "v"}], DurationSeconds=900)
    arn = "arn:aws:sts::444455556666:assumed-role/reader/it"
    assert answer["AssumedRoleUser"]["Arn"] == arn
    identity = as_session(alice, answer, "sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == ("444455556666", arn)
    group = as_session(alice, answer).create_profiling_group(profilingGroupName="a")["profilingGroup"]
    assert group["arn"].split(":")[4] == "444455556666"
    assert alice.client(**alice.credentials).list_profiling_groups()["profilingGroupNames"] == []


def test_a_session_needs_its_secret_and_its_token(alice):
    answer = assume(alice)
    assert refusal(as_session(alice, answer, secret="x")) == (403, "InvalidSignatureException")
    assert refusal(as_session(alice, answer, token="x")) == (403, "UnrecognizedClientException")
    assert refusal(as_session(alice, answer, token=None)) == (403, "UnrecognizedClientException")


def test_a_session_expires(alice):
    answer = assume(alice, DurationSeconds=900)
    alice.admin("PUT", "/clock", {"offsetMs": 901_000})
    assert refusal(as_session(alice, answer)) == (403, "ExpiredTokenException")
    assert refusal(as_session(alice, answer, "sts"), "sts") == (403, "ExpiredToken")


def test_the_external_id_must_fit_and_so_must_the_caller(alice):
    trust = {"assumeRole": {"externalId": "x-1", "principals": ["arn:aws:iam::111122223333:*"]}}
    alice.admin("PUT", "/roles/444455556666/path/reader", trust)
    assume(alice, ExternalId="x-1")
    bob = alice.client("sts", key="AKIDBOB", secret="bob")
    for attempt in [
        lambda: assume(alice, ExternalId="x-2"),
        lambda: assume(alice),
        lambda: bob.assume_role(RoleArn=ROLE, RoleSessionName="it", ExternalId="x-1"),
    ]:
        with pytest.raises(ClientError) as raised:
            attempt()
        assert raised.value.response["Error"]["Code"] == "AccessDenied"
        assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def web_identity_token(subject="system:serviceaccount:ns:app", lifetime=600, **claims):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = {"sub": subject, "aud": ["sts.amazonaws.com"], "iss": "https://issuer", "exp": int(time.time()) + lifetime, **claims}
    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


def with_web_identity(alice, token):
    sts = alice.client("sts", signature_version=botocore.UNSIGNED)
    return sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="it", WebIdentityToken=token)


def test_a_web_identity_gets_a_session(alice):
    answer = with_web_identity(alice, web_identity_token())
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:ns:app"
    assert (answer["Audience"], answer["Provider"]) == ("sts.amazonaws.com", "https://issuer")
    assert as_session(alice, answer, "sts").get_caller_identity()["Account"] == "444455556666"
    [entry] = [entry for entry in alice.admin("GET", "/journal?account=444455556666")["entries"]
               if entry["operation"] == "AssumeRoleWithWebIdentity"]
    assert entry["httpStatus"] == 200


@pytest.mark.parametrize(
    "token, code, status",
    [
        (web_identity_token(lifetime=-1), "ExpiredTokenException", 400),
        ("no.jwt.here", "InvalidIdentityToken", 400),
        (web_identity_token(subject="system:serviceaccount:other:app"), "AccessDenied", 403),
        (web_identity_token(aud="someone-else"), "AccessDenied", 403),
    ],
)
def test_a_web_identity_that_does_not_fit_is_refused(alice, token, code, status):
    trust = {"webIdentity": {"subject": "system:serviceaccount:ns:*", "audience": "sts.amazonaws.com"}}
    alice.admin("PUT", "/roles/444455556666/path/reader", trust)
    with_web_identity(alice, web_identity_token())
    with pytest.raises(ClientError) as raised:
        with_web_identity(alice, token)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_botocores_own_provider_gets_its_credentials_as_a_pod_does(alice, tmp_path, monkeypatch):
    (tmp_path / "token").write_text(web_identity_token())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL", alice.addresses["service"])
    session = boto3.session.Session(region_name=REGION)
    group = session.client("codeguruprofiler").create_profiling_group(profilingGroupName="a")["profilingGroup"]
    assert group["arn"].split(":")[4] == "444455556666"


@pytest.mark.parametrize("arguments, member", [
    ({"RoleArn": "short"}, "RoleArn"),
    ({"RoleSessionName": "a b"}, "RoleSessionName"),
    ({"DurationSeconds": 60}, "DurationSeconds"),
    ({"ExternalId": "x y"}, "ExternalId"),
])
def test_sts_names_what_violates_a_constraint(alice, arguments, member):
    sts = alice.client("sts", validate=False, **alice.credentials)
    with pytest.raises(ClientError) as raised:
        sts.assume_role(**{"RoleArn": ROLE, "RoleSessionName": "it", **arguments})
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert f"'{member}'" in raised.value.response["Error"]["Message"]


def test_a_missing_permission_looks_as_in_aws(emulator, client):
    client.create_profiling_group(profilingGroupName="a")
    read = [{"effect": "allow", "action": f"codeguru-profiler:{name}*"} for name in ("List", "Describe")]
    emulator.admin("PUT", f"/rules/{emulator.account}", read)
    client.describe_profiling_group(profilingGroupName="a")
    with pytest.raises(ClientError) as raised:
        call(client, "UpdateProfilingGroup")
    assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    message = raised.value.response["Error"]["Message"]
    user = f"arn:aws:iam::{emulator.account}:user/emulator"
    action = "codeguru-profiler:UpdateProfilingGroup"
    assert message.startswith(f"User: {user} is not authorized to perform: {action} on resource: {emulator.arn('a')} ")
    emulator.admin("PUT", f"/rules/{emulator.account}", [])
    call(client, "UpdateProfilingGroup")


def test_rules_are_by_resource_and_list_is_for_all(emulator, client):
    client.create_profiling_group(profilingGroupName="a")
    emulator.admin("PUT", f"/rules/{emulator.account}", [
        {"effect": "allow", "action": "codeguru-profiler:*", "resource": emulator.arn("a*")},
    ])
    client.describe_profiling_group(profilingGroupName="a")
    client.tag_resource(resourceArn=emulator.arn("a"), tags={"k": "v"})
    for denied in [
        lambda: client.describe_profiling_group(profilingGroupName="b"),
        lambda: client.list_profiling_groups(),
        lambda: client.create_profiling_group(profilingGroupName="ab"),
    ]:
        with pytest.raises(ClientError) as raised:
            denied()
        assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
    emulator.client("sts").get_caller_identity()


def test_a_denial_beats_a_permission_and_is_told_apart(emulator, client):
    emulator.admin("PUT", f"/rules/{emulator.account}", [
        {"effect": "allow", "action": "*"},
        {"effect": "deny", "action": "codeguru-profiler:ListProfilingGroups"},
    ])
    with pytest.raises(ClientError) as raised:
        client.list_profiling_groups()
    assert "explicit deny" in raised.value.response["Error"]["Message"]


def test_rules_can_be_for_a_session_alone(alice):
    alice.admin("PUT", "/rules/444455556666", [
        {"effect": "allow", "action": "*", "principal": "arn:aws:sts::444455556666:assumed-role/reader/*"},
    ])
    as_session(alice, assume(alice)).list_profiling_groups()
    bob = alice.client(key="AKIDBOB", secret="bob")
    assert refusal(bob) == (403, "AccessDeniedException")
