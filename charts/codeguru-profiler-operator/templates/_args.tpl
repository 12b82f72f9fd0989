{{/* The flags of `run` whose values are set. */}}
{{- define "operator.args" -}}
{{- $operator := .Values.operator -}}
- run
- --graceful-shutdown-timeout={{ int64 $operator.gracefulShutdownTimeoutSeconds }}s
{{- with .Values.leaderElection }}
{{- if .enabled }}
- --leader-election-lease-name={{ include "operator.leaseName" $ }}
{{- range $flag := list "lease-duration" "renew-deadline" "retry-period" }}
{{- with index $.Values.leaderElection (camelcase $flag | untitle) }}
- --leader-election-{{ $flag }}={{ . }}
{{- end }}
{{- end }}
{{- else }}
- --leader-election=false
{{- end }}
{{- end }}
{{- range .Values.watchNamespaces }}
- --namespace={{ . }}
{{- end }}
{{- if .Values.watchNamespaces }}
- --accounts=false
{{- end }}
{{- range $flag := list "region" "poll-interval" "status-refresh" "details-interval" "agent-stale-after" "aws-timeout" "aws-connect-timeout" "endpoint-url" "listen-address" "log-format" "log-level" }}
{{- with index $operator (camelcase $flag | untitle) }}
- {{ printf "--%s=%v" $flag . | quote }}
{{- end }}
{{- end }}
{{- with $operator.awsCallsPerSecond }}
- --aws-calls-per-second={{ int64 . }}
{{- end }}
{{- with $operator.allowedFacets }}
- --allowed-facets={{ join "," . }}
{{- end }}
{{- with $operator.allowedPrincipals }}
- {{ printf "--allowed-principals=%s" (join "," .) | quote }}
{{- end }}
{{- with $operator.allowedTopics }}
- {{ printf "--allowed-topics=%s" (join "," .) | quote }}
{{- end }}
{{- range $flag := list "owner-id" "take-over-from" }}
{{- with index $operator (camelcase $flag | untitle) }}
- {{ printf "--%s=%s" $flag . | quote }}
{{- end }}
{{- end }}
{{- range $flag := list "own-identity-namespaces" "own-identity-group-names" }}
{{- with index $operator (camelcase $flag | untitle) }}
- {{ printf "--%s=%s" $flag (join "," .) | quote }}
{{- end }}
{{- end }}
{{- range $flag := list "observe-only" "allow-plain-http-endpoint" }}
{{- if index $operator (camelcase $flag | untitle) }}
- --{{ $flag }}
{{- end }}
{{- end }}
{{- end -}}
