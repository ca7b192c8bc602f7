{{- /* The account of the operator, as the API server calls it. */ -}}
{{- define "portcullis.operator" -}}
system:serviceaccount:{{ .Release.Namespace }}:portcullis-operator
{{- end }}

{{- define "portcullis.labels" -}}
app.kubernetes.io/name: portcullis
app.kubernetes.io/part-of: portcullis
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /*
Kubernetes' own controllers by which objects are removed: with an account for each controller, and
with one user for all of them.
*/ -}}
{{- define "portcullis.collectors" -}}
['system:serviceaccount:kube-system:generic-garbage-collector', 'system:serviceaccount:kube-system:namespace-controller', 'system:kube-controller-manager']
{{- end }}

{{- /* A policy that refuses, and writes what it refused into the audit log too. */ -}}
{{- define "portcullis.binding" -}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "portcullis.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny, Audit]
{{- end }}

{{- define "portcullis.operatorLabels" -}}
app.kubernetes.io/name: portcullis-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The image of one of our programs: by digest where one is given, else by tag. */ -}}
{{- define "portcullis.image" -}}
{{- $root := index . 0 -}}
{{- $program := index . 1 -}}
{{- $image := $root.Values.image -}}
{{- $digest := index $image.digests $program | default "" -}}
{{- $image.registry }}{{ $program }}
{{- if $digest }}@{{ $digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end }}
