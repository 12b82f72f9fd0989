//! An invalid value is refused before anything is installed, and the message shows where it is.

use devkit::{chart, helm::Helm};

async fn refusal(value: &str) -> String {
    let chart = chart::directory().display().to_string();
    let output = Helm::offline().await.unwrap().run(&["template", "x", &chart, "--set", value]).await.unwrap();
    assert!(!output.status.success(), "{value} was taken");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test]
async fn a_wrong_value_is_refused_with_its_place_and_what_is_wrong() {
    for (value, expected) in [
        ("replicas=2", "at '': additional properties 'replicas' not allowed"),
        ("replicaCount=two", "at '/replicaCount': got string, want integer"),
        (
            "leaderElection.enabled=false",
            "leaderElection.enabled=false needs replicaCount=1, and no strategy but Recreate: two pods would compete",
        ),
        (
            "leaderElection.enabled=false,replicaCount=1,strategy.type=RollingUpdate",
            "leaderElection.enabled=false needs replicaCount=1, and no strategy but Recreate",
        ),
        (
            "leaderElection.retryPeriod=10s",
            "leaderElection.retryPeriod (10s) must be shorter than leaderElection.renewDeadline (10s)",
        ),
        (
            "leaderElection.renewDeadline=1h",
            "leaderElection.renewDeadline (1h) must be shorter than leaderElection.leaseDuration (15s)",
        ),
        (
            "operator.awsTimeout=10001ms",
            "operator.awsTimeout (10001ms) and a second must not exceed leaderElection.leaseDuration (15s) minus twice",
        ),
        (
            "leaderElection.retryPeriod=3100ms",
            "operator.awsTimeout (8s) and a second must not exceed leaderElection.leaseDuration (15s) minus twice \
             leaderElection.retryPeriod (3100ms)",
        ),
        ("leaderElection.leaseName=Profiler", "at '/leaderElection/leaseName': 'Profiler' does not match"),
        ("podDisruptionBudget.minAvailable=half", "at '/podDisruptionBudget/minAvailable': 'anyOf' failed"),
        ("topologySpreadConstraints[0].topologyKey=rack", "at '/topologySpreadConstraints/0': missing properties"),
        ("strategy.type=OnDelete", "at '/strategy/type': value must be one of 'RollingUpdate', 'Recreate'"),
        ("operator.pollIntervall=1m", "at '/operator': additional properties 'pollIntervall' not allowed"),
        ("operator.pollInterval=60", "at '/operator/pollInterval': got number, want string"),
        ("operator.pollInterval=soon", "at '/operator/pollInterval': 'soon' does not match"),
        ("operator.pollInterval=500ms", "at '/operator/pollInterval': '500ms' does not match"),
        ("operator.awsTimeout=0s", "at '/operator/awsTimeout': '0s' does not match"),
        ("operator.region=Ireland", "at '/operator/region': 'Ireland' does not match"),
        ("operator.logFormat=xml", "at '/operator/logFormat': value must be one of '', 'json', 'text'"),
        ("operator.awsCallsPerSecond=0", "at '/operator/awsCallsPerSecond': minimum: got 0, want 1"),
        (
            "operator.allowedFacets[0]=switch",
            "at '/operator/allowedFacets/0': value must be one of 'create', 'delete', 'restore', 'tags', 'permissions', 'notifications'",
        ),
        ("operator.allowedPrincipals[0]=agent", "at '/operator/allowedPrincipals/0': 'agent' does not match pattern"),
        ("operator.allowedTopics[0]=topic", "at '/operator/allowedTopics/0': 'topic' does not match pattern"),
        ("operator.observeOnly=maybe", "at '/operator/observeOnly': got string, want boolean"),
        ("operator.endpointUrl=emulator:8000", "at '/operator/endpointUrl': 'emulator:8000' does not match"),
        (
            "operator.endpointUrl=https://user:password@aws.example.com",
            "at '/operator/endpointUrl': 'https://user:password@aws.example.com' does not match",
        ),
        ("operator.endpointUrl=http://emulator:8000", "at '/operator/allowPlainHttpEndpoint': value must be true"),
        ("operator.logLevel=foo=bar=baz", "at '/operator/logLevel': 'foo=bar=baz' does not match"),
        ("operator.listenAddress=999.1.1.1:8080", "at '/operator/listenAddress': '999.1.1.1:8080' does not match"),
        ("operator.listenAddress=0.0.0.0:99999", "at '/operator/listenAddress': '0.0.0.0:99999' does not match"),
        ("operator.listenAddress=127.0.0.1:8080", "at '/operator/listenAddress': 'not' failed"),
        ("operator.listenAddress=localhost:8080", "at '/operator/listenAddress': 'localhost:8080' does not match"),
        (
            "operator.gracefulShutdownTimeoutSeconds=-1",
            "at '/operator/gracefulShutdownTimeoutSeconds': minimum: got -1, want 0",
        ),
        ("watchNamespaces={Shop}", "at '/watchNamespaces/0': 'Shop' does not match"),
        ("watchNamespaces={a,a}", "at '/watchNamespaces': items at 0 and 1 are equal"),
        ("watchNamespaces=shop", "at '/watchNamespaces': got string, want array"),
        ("image.repository=", "at '/image/repository': minLength: got 0, want 1"),
        ("image.digest=latest", "at '/image/digest': 'latest' does not match"),
        (
            "image.pullPolicy=Sometimes",
            "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
        ),
        ("serviceAccount.annotations.a=1", "at '/serviceAccount/annotations/a': got number, want string"),
        ("extraEnv[0].value=x", "at '/extraEnv/0': missing property 'name'"),
        ("extraVolumes[0].name=kubernetes-access", "at '/extraVolumes/0/name': 'not' failed"),
        ("extraVolumeMounts[0].name=ca", "at '/extraVolumeMounts/0': missing property 'mountPath'"),
        ("extraContainers[0].name=operator,extraContainers[0].image=a", "at '/extraContainers/0/name': 'not' failed"),
        ("extraInitContainers[0].name=wait", "at '/extraInitContainers/0': missing property 'image'"),
        ("extraObjects={1}", "at '/extraObjects/0': got number, want string or object"),
        ("namespaceOverride=Other", "at '/namespaceOverride': 'Other' does not match"),
        ("commonAnnotations.a=1", "at '/commonAnnotations/a': got number, want string"),
        ("revisionHistoryLimit=-1", "at '/revisionHistoryLimit': minimum: got -1, want 0"),
        ("dnsPolicy=Own", "at '/dnsPolicy': value must be one of"),
        ("dnsConfig.nameserver=a", "at '/dnsConfig': additional properties 'nameserver' not allowed"),
        ("metrics.service.ipFamilyPolicy=Dual", "at '/metrics/service/ipFamilyPolicy': value must be one of"),
        ("enabled=maybe", "at '/enabled': got string, want boolean"),
        ("global.imagePullSecrets[0].nane=a", "at '/global/imagePullSecrets/0': missing property 'name'"),
        ("networkPolicy.egressPorts={0}", "at '/networkPolicy/egressPorts/0': minimum: got 0, want 1"),
        ("metrics.prometheusRule.rules.X.severity=page", "at '/metrics/prometheusRule/rules/X': additional properties"),
        (
            "metrics.prometheusRule.enabled=true,metrics.prometheusRule.rules.Typo.enabled=false",
            "there is no rule Typo; the rules are namespace_job_region_",
        ),
        (
            "metrics.serviceMonitor.enabled=true,metrics.service.enabled=false",
            "metrics.serviceMonitor.enabled needs metrics.service.enabled",
        ),
    ] {
        let text = refusal(value).await;
        assert!(text.contains(expected), "{value}: {text}");
    }
}
