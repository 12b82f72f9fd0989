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

{{/* The name of cluster-scoped resources: releases of the same name in two namespaces do not collide. */}}
{{- define "operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "operator.fullname" .) -}}
{{- end -}}

{{- define "operator.serviceAccountName" -}}
{{- default (ternary (include "operator.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "operator.labels" -}}
{{- $own := include "operator.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge $own .Values.commonLabels | toYaml -}}
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
  verbs: [get, list, watch]
- apiGroups: [codeguruprofiler.dev]
  resources: [profilinggroups/status]
  verbs: [update]
{{ include "operator.eventRules" . }}
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
  namespace: {{ .Release.Namespace }}
{{- end -}}
