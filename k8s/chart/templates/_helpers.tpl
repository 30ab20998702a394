{{/* Labels of every object. */}}
{{- define "creditbot.labels" -}}
{{ include "creditbot.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* Labels of every pod of this release, which never change. */}}
{{- define "creditbot.podLabels" -}}
app.kubernetes.io/name: creditbot
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "creditbot.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- define "creditbot.secret" -}}
{{ .Values.existingSecret | default (printf "%s-secrets" .Release.Name) }}
{{- end }}

{{/* "true" if the summaries go to a folder, which is on the volume; "" if they go to a bucket. */}}
{{- define "creditbot.volume" -}}
{{- if not (regexMatch "^(s3|gs|abfss?)://" .Values.settings.OUTPUT_URI) }}true{{ end -}}
{{- end }}

{{/* A setting as text: 1000000 is a float to Helm, and would become 1e+06. */}}
{{- define "creditbot.text" -}}
{{- if kindIs "slice" . }}{{ join "," . }}{{ else if kindIs "float64" . }}{{ printf "%.0f" . }}{{ else }}{{ . }}{{ end -}}
{{- end }}

{{/* Two releases in one namespace need a job each: else one replaces the metrics of the other. */}}
{{- define "creditbot.pushgateway" -}}
{{- $url := .Values.monitoring.pushgateway.url | trimSuffix "/" -}}
{{- $url }}{{ if and (ne .Release.Name "creditbot") (not (contains "/metrics/" $url)) }}/metrics/job/{{ .Release.Name }}{{ end -}}
{{- end }}

{{/* Variables of a cloud's identity, which a notebook needs for a warehouse that takes this identity. */}}
{{- define "creditbot.identityVariables" -}}
{{- if eq . "aws" -}}
AWS_REGION,AWS_DEFAULT_REGION,AWS_ROLE_ARN,AWS_WEB_IDENTITY_TOKEN_FILE,AWS_STS_REGIONAL_ENDPOINTS,AWS_CONTAINER_CREDENTIALS_FULL_URI,AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
{{- else if eq . "gcp" -}}
GOOGLE_CLOUD_PROJECT
{{- else if eq . "azure" -}}
AZURE_CLIENT_ID,AZURE_TENANT_ID,AZURE_FEDERATED_TOKEN_FILE,AZURE_AUTHORITY_HOST
{{- end -}}
{{- end }}
