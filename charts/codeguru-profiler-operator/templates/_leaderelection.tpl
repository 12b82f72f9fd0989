{{/* The Lease's name: one for each release, so that several releases share a fleet. */}}
{{- define "operator.leaseName" -}}
{{- default (include "operator.fullname" .) .Values.leaderElection.leaseName -}}
{{- end -}}

{{/* A duration in milliseconds. */}}
{{- define "operator.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" .) (get $units (regexFind "[a-z]+" .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* Refuses what the operator refuses when it starts, and two pods that would compete. The defaults are the operator's. */}}
{{- define "operator.checkLeaderElection" -}}
{{- with .Values.leaderElection -}}
{{- $lease := default "15s" .leaseDuration -}}
{{- $deadline := default "10s" .renewDeadline -}}
{{- $retry := default "2s" .retryPeriod -}}
{{- $timeout := default "8s" $.Values.operator.awsTimeout -}}
{{- $leaseMs := include "operator.milliseconds" $lease | int64 -}}
{{- $deadlineMs := include "operator.milliseconds" $deadline | int64 -}}
{{- $retryMs := include "operator.milliseconds" $retry | int64 -}}
{{- $timeoutMs := include "operator.milliseconds" $timeout | int64 -}}
{{- if not .enabled -}}
{{- if or (gt (int64 $.Values.replicaCount) 1) (not (has (get (default dict $.Values.strategy) "type") (list "" "Recreate"))) -}}
{{- fail "leaderElection.enabled=false needs replicaCount=1, and no strategy but Recreate: two pods would compete" -}}
{{- end -}}
{{- else if ge $retryMs $deadlineMs -}}
{{- fail (printf "leaderElection.retryPeriod (%s) must be shorter than leaderElection.renewDeadline (%s)" $retry $deadline) -}}
{{- else if ge $deadlineMs $leaseMs -}}
{{- fail (printf "leaderElection.renewDeadline (%s) must be shorter than leaderElection.leaseDuration (%s)" $deadline $lease) -}}
{{- else if gt (add $timeoutMs 1000) (sub $leaseMs (mul 2 $retryMs)) -}}
{{- fail (printf "operator.awsTimeout (%s) and a second must not exceed leaderElection.leaseDuration (%s) minus twice leaderElection.retryPeriod (%s): a call has to end before another pod can become active" $timeout $lease $retry) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Without leader election, no new pod starts before the old one has ended. */}}
{{- define "operator.strategy" -}}
{{- if .Values.strategy -}}
{{- toYaml .Values.strategy -}}
{{- else if .Values.leaderElection.enabled -}}
type: RollingUpdate
# When the active pod ends, a ready one is there to take over; a version that does not become ready ends none.
rollingUpdate:
  maxUnavailable: 0
  maxSurge: 1
{{- else -}}
type: Recreate
{{- end -}}
{{- end -}}

