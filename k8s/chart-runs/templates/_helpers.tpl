{{/* Labels of every object. */}}
{{- define "creditbot-runs.labels" -}}
app.kubernetes.io/name: creditbot
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* An object of k8s/runs, whose text is the second argument, with labels, and in the namespace of the Jobs. */}}
{{- define "creditbot-runs.object" -}}
{{- $root := index . 0 }}
{{- $object := index . 1 | fromYaml }}
{{- $labels := include "creditbot-runs.labels" $root | fromYaml }}
{{- $_ := set $object.metadata "labels" (merge $labels ($object.metadata.labels | default dict)) }}
{{- if not (or (eq $object.kind "Namespace") (hasPrefix "ValidatingAdmissionPolicy" $object.kind)) }}
{{- $_ := set $object.metadata "namespace" $root.Values.namespace }}
{{- end }}
{{- toYaml $object }}
{{- end }}

{{- define "creditbot-runs.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}
