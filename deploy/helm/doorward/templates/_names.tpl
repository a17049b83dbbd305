{{/* Names and labels. */}}

{{- define "doorward.name" -}}
{{ ternary .Release.Name (printf "%s-%s" .Release.Name .Chart.Name) (contains .Chart.Name .Release.Name) | trunc 58 | trimSuffix "-" }}
{{- end }}

{{/* What selects the pods; never changes in the life of a release. */}}
{{- define "doorward.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{- define "doorward.labels" -}}
{{ include "doorward.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "doorward.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "doorward.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "doorward.name" .) }}
{{- end }}

{{/* The name in publicUrl, without its port. */}}
{{- define "doorward.host" -}}
{{ get (urlParse .Values.publicUrl) "hostname" }}
{{- end }}
