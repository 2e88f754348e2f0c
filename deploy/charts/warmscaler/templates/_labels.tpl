{{- /* The labels of every object: the one that kustomize's have, and Helm's own. */ -}}
{{- define "warmscaler.labels" -}}
app.kubernetes.io/name: warmscaler
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
