"""A valid call of each operation, for the suites that go through all of them."""

import datetime

ARN = "arn:aws:codeguru-profiler:eu-west-1:1:profilingGroup/a"
UUID = "01234567-89ab-cdef-0123-456789abcdef"
NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.timezone.utc)
RANGE = {"startTime": NOW - datetime.timedelta(hours=1), "endTime": NOW}
GROUP = {"profilingGroupName": "a"}
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"

# Groups that are not there are found missing, whatever else the request has: what these name must not exist.
ALL = {
    "CreateProfilingGroup": ("create_profiling_group", GROUP),
    "DescribeProfilingGroup": ("describe_profiling_group", GROUP),
    "UpdateProfilingGroup": (
        "update_profiling_group",
        {**GROUP, "agentOrchestrationConfig": {"profilingEnabled": True}},
    ),
    "DeleteProfilingGroup": ("delete_profiling_group", GROUP),
    "ListProfilingGroups": ("list_profiling_groups", {}),
    "TagResource": ("tag_resource", {"resourceArn": ARN, "tags": {"k": "v"}}),
    "UntagResource": ("untag_resource", {"resourceArn": ARN, "tagKeys": ["k"]}),
    "ListTagsForResource": ("list_tags_for_resource", {"resourceArn": ARN}),
    "GetPolicy": ("get_policy", GROUP),
    "PutPermission": (
        "put_permission",
        {**GROUP, "actionGroup": "agentPermissions", "principals": ["arn:aws:iam::111122223333:role/app"]},
    ),
    "RemovePermission": (
        "remove_permission",
        {**GROUP, "actionGroup": "agentPermissions", "revisionId": UUID},
    ),
    "AddNotificationChannels": (
        "add_notification_channels",
        {**GROUP, "channels": [{"uri": TOPIC, "eventPublishers": ["AnomalyDetection"]}]},
    ),
    "RemoveNotificationChannel": ("remove_notification_channel", {**GROUP, "channelId": UUID}),
    "GetNotificationConfiguration": ("get_notification_configuration", GROUP),
    "ConfigureAgent": (
        "configure_agent",
        {**GROUP, "fleetInstanceId": "i-1", "metadata": {"ComputePlatform": "Default", "AgentId": "1"}},
    ),
    "PostAgentProfile": (
        "post_agent_profile",
        {**GROUP, "agentProfile": b"{}", "contentType": "application/json"},
    ),
    "GetProfile": ("get_profile", {**GROUP, "period": "PT1H"}),
    "ListProfileTimes": ("list_profile_times", {**GROUP, **RANGE, "period": "PT5M"}),
    "BatchGetFrameMetricData": (
        "batch_get_frame_metric_data",
        {
            **GROUP,
            **RANGE,
            "targetResolution": "PT5M",
            "frameMetrics": [
                {"frameName": "f", "type": "AggregatedRelativeTotalTime", "threadStates": ["RUNNABLE"]}
            ],
        },
    ),
    "GetRecommendations": ("get_recommendations", {**GROUP, **RANGE, "locale": "en-GB"}),
    "ListFindingsReports": ("list_findings_reports", {**GROUP, **RANGE, "dailyReportsOnly": True}),
    "GetFindingsReportAccountSummary": ("get_findings_report_account_summary", {"maxResults": 5}),
    "SubmitFeedback": ("submit_feedback", {**GROUP, "anomalyInstanceId": UUID, "type": "Positive", "comment": "c"}),
}


def call(client, operation, **arguments):
    method, defaults = ALL[operation]
    return getattr(client, method)(**{**defaults, **arguments})
