{{/* What every container of Doorward has, and the variables that make settings of the values. */}}

{{- define "doorward.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "doorward.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "doorward.env" -}}
- { name: DOORWARD__ENVIRONMENT, value: {{ .Values.environment | quote }} }
- { name: DOORWARD__SERVER__LISTEN, value: "0.0.0.0:8000" }
- { name: DOORWARD__SERVER__ADMIN_LISTEN, value: "0.0.0.0:9000" }
- { name: DOORWARD__SERVER__PUBLIC_URL, value: {{ .Values.publicUrl | quote }} }
- { name: DOORWARD__SERVER__FRONTEND_URL, value: {{ .Values.frontendUrl | quote }} }
- { name: DOORWARD__SERVER__LIMITS__SHUTDOWN_TIMEOUT, value: "{{ int .Values.drainSeconds }}s" }
{{- with .Values.trustedProxies }}
- { name: DOORWARD__SERVER__TRUSTED_PROXIES, value: {{ join "," . | quote }} }
{{- end }}
{{- if .Values.tls.secretName }}
- { name: DOORWARD__SERVER__TLS__CERTIFICATE, value: /run/tls/tls.crt }
- { name: DOORWARD__SERVER__TLS__KEY, value: /run/tls/tls.key }
{{- end }}
{{- range $setting, $_ := .Values.secrets }}
- { name: DOORWARD__{{ $setting | replace "." "__" | upper }}, value: "file:///run/secrets/doorward/{{ $setting }}" }
{{- end }}
{{- end }}
