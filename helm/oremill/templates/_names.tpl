{{/* Name of the operator's objects: the release's name, with the chart's where it lacks it. */}}
{{- define "oremill.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels of one component: (dict "root" $ "component" "operator"). */}}
{{- define "oremill.labels" -}}
{{ include "oremill.selector" . }}
app.kubernetes.io/part-of: oremill
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "oremill.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* An image reference: (dict "root" $ "image" "data"). */}}
{{- define "oremill.image" -}}
{{- $values := .root.Values -}}
{{- $image := index $values.images .image -}}
{{- $tag := coalesce $image.tag $values.image.tag .root.Chart.AppVersion -}}
{{- with $values.image.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ $image.repository }}:{{ $tag }}
{{- end -}}

{{/* The watched namespaces as a JSON list under "list"; empty means all. */}}
{{- define "oremill.namespaces" -}}
{{- $own := ternary (list) (list .Release.Namespace) (eq .Values.rbac.scope "cluster") -}}
{{- dict "list" (.Values.watch.namespaces | default $own | uniq) | toJson -}}
{{- end -}}

{{/* The namespaces in which the chart makes objects for jobs: the watched ones, or its own. */}}
{{- define "oremill.jobNamespaces" -}}
{{- $watched := (include "oremill.namespaces" . | fromJson).list -}}
{{- dict "list" ($watched | default (list .Release.Namespace)) | toJson -}}
{{- end -}}

{{- define "oremill.endpoint" -}}
{{- if .Values.storage.endpoint -}}
{{- .Values.storage.endpoint -}}
{{- else if .Values.minio.enabled -}}
http://{{ include "oremill.name" . }}-minio.{{ .Release.Namespace }}:9000
{{- end -}}
{{- end -}}

{{/* What Pod Security "restricted" asks of a container, and a read-only root on top. */}}
{{- define "oremill.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "oremill.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Where scrapes may come from. */}}
{{- define "oremill.prometheusPeer" -}}
{{- with .Values.metrics.prometheusNamespace -}}
namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ . | quote }}}}
{{- else -}}
namespaceSelector: {}
{{- end -}}
{{- end -}}
