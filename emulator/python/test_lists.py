"""ListProfilingGroups as boto3 sees it. botocore has no paginator for it, so the token is followed by hand."""

import pytest


def pages(client, **arguments):
    token = {}
    while True:
        page = client.list_profiling_groups(**arguments, **token)
        yield page
        if "nextToken" not in page:
            return
        token = {"nextToken": page["nextToken"]}


def test_names_come_in_pages_of_a_hundred(emulator, client):
    emulator.seed(250)
    seen = [page["profilingGroupNames"] for page in pages(client)]
    assert [len(names) for names in seen] == [100, 100, 50]
    assert sum(seen, []) == [f"group-{number:05}" for number in range(250)]


def test_descriptions_come_instead_of_names(emulator, client):
    emulator.seed(3)
    page = client.list_profiling_groups(includeDescription=True)
    assert page["profilingGroupNames"] == []
    for group in page["profilingGroups"]:
        assert client.describe_profiling_group(profilingGroupName=group["name"])["profilingGroup"] == group


@pytest.mark.parametrize("described", [True, False])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_every_group_is_on_exactly_one_page(emulator, client, described, size):
    names = sorted(["n" * 255, "_", "Z", "a", *(f"group-{number:05}" for number in range(20))])
    emulator.seed(20)
    for name in ["n" * 255, "_", "Z", "a"]:
        client.create_profiling_group(profilingGroupName=name)
    seen = []
    for page in pages(client, includeDescription=described, maxResults=size):
        found = [group["name"] for group in page["profilingGroups"]] if described else page["profilingGroupNames"]
        assert len(found) <= size
        seen += found
    assert seen == names


def test_a_thousand_descriptions_fit_on_one_page(emulator, client):
    emulator.seed(1000)
    page = client.list_profiling_groups(includeDescription=True, maxResults=1000)
    assert len(page["profilingGroups"]) == 1000
    assert "nextToken" not in page


def test_page_sizes_are_settings(emulator, client):
    emulator.seed(10)
    emulator.settings(pageSize=4)
    assert len(client.list_profiling_groups()["profilingGroupNames"]) == 4
    assert len(client.list_profiling_groups(maxResults=9)["profilingGroupNames"]) == 9
    emulator.settings(maxPageSize=3)
    assert len(client.list_profiling_groups(maxResults=9)["profilingGroupNames"]) == 3


@pytest.mark.parametrize(
    "thin, gone",
    [
        ("full", set()),
        ("noOrchestrationConfig", {"agentOrchestrationConfig"}),
        ("noProfilingStatus", {"profilingStatus"}),
        ("noTags", {"tags"}),
        (
            "bare",
            {"agentOrchestrationConfig", "profilingStatus", "computePlatform", "createdAt", "updatedAt", "tags"},
        ),
    ],
)
def test_a_thin_list_leaves_out_what_its_setting_says(emulator, client, thin, gone):
    emulator.seed(1)
    emulator.settings(thinList=thin)
    described = client.describe_profiling_group(profilingGroupName="group-00000")["profilingGroup"]
    [group] = client.list_profiling_groups(includeDescription=True)["profilingGroups"]
    assert group == {name: value for name, value in described.items() if name not in gone}


def test_a_list_can_answer_names_although_descriptions_were_asked_for(emulator, client):
    emulator.seed(1)
    emulator.settings(thinList="namesOnly")
    page = client.list_profiling_groups(includeDescription=True)
    assert page["profilingGroupNames"] == ["group-00000"]
    assert "profilingGroups" not in page
