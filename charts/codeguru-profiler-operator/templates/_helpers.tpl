{{- define "operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := include "operator.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "operator.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride -}}
{{- end -}}

{{/* The name of cluster-scoped resources: releases of the same name in two namespaces do not collide. */}}
{{- define "operator.clusterName" -}}
{{- printf "%s:%s" (include "operator.namespace" .) (include "operator.fullname" .) -}}
{{- end -}}

{{- define "operator.serviceAccountName" -}}
{{- default (ternary (include "operator.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels and annotations of a resource: those that every resource has, and its own `labels` and `annotations`. */}}
{{- define "operator.metadata" -}}
{{- $labels := include "operator.selectorLabels" .root | fromYaml -}}
{{- $_ := set $labels "app.kubernetes.io/version" .root.Chart.AppVersion -}}
{{- $_ := set $labels "app.kubernetes.io/managed-by" .root.Release.Service -}}
{{- $_ := set $labels "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_") -}}
labels:
  {{- merge $labels (.labels | default dict) .root.Values.commonLabels | toYaml | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* As for container engines, the first part of a repository is a registry if it has a dot or a port, or is localhost. */}}
{{- define "operator.repository" -}}
{{- $repository := .Values.image.repository -}}
{{- with .Values.global.imageRegistry -}}
{{- trimSuffix "/" . }}/{{ regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" $repository "" -}}
{{- else -}}
{{- $repository -}}
{{- end -}}
{{- end -}}

{{- define "operator.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" (include "operator.repository" .) .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" (include "operator.repository" .) (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "operator.pullSecrets" -}}
{{- $secrets := list -}}
{{- range concat .Values.imagePullSecrets .Values.global.imagePullSecrets -}}
{{- $secrets = append $secrets (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with $secrets | uniq -}}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}

{{- define "operator.port" -}}
{{- .Values.operator.listenAddress | default "[::]:8080" | splitList ":" | last -}}
{{- end -}}

{{/* Permissions in a watched namespace. */}}
{{- define "operator.rules" -}}
- apiGroups: [codeguruprofiler.dev]
  resources: [profilinggroups]
  {{- $finalizes := or (has "restore" .Values.operator.allowedFacets) (has "delete" .Values.operator.allowedFacets) }}
  verbs: [get, list, {{ if $finalizes }}patch, {{ end }}watch]
- apiGroups: [codeguruprofiler.dev]
  resources: [profilinggroups/status]
  verbs: [update]
{{ include "operator.eventRules" . }}
{{- end -}}

{{/* Permissions in the cluster: ProfilerAccounts, and the namespaces whose labels they select. */}}
{{- define "operator.clusterRules" -}}
- apiGroups: [codeguruprofiler.dev]
  resources: [profileraccounts]
  verbs: [get, list, watch]
- apiGroups: [codeguruprofiler.dev]
  resources: [profileraccounts/status]
  verbs: [update]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end -}}

{{/* Permissions in the namespace of the pod: some events are about the pod. */}}
{{- define "operator.eventRules" -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- define "operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "operator.serviceAccountName" . }}
  namespace: {{ include "operator.namespace" . }}
{{- end -}}

{{/* A constraint without a labelSelector would match no pod: it gets that of the operator's. */}}
{{- define "operator.topologySpreadConstraints" -}}
{{- $constraints := list -}}
{{- range .Values.topologySpreadConstraints -}}
{{- $selector := dict "labelSelector" (dict "matchLabels" (include "operator.selectorLabels" $ | fromYaml)) -}}
{{- $constraints = append $constraints (hasKey . "labelSelector" | ternary . (merge $selector .)) -}}
{{- end -}}
{{- with $constraints -}}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end -}}
{{- end -}}
