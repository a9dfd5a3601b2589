{{- define "semrouter.name" -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "semrouter.envoy" -}}
{{- printf "%s-envoy" (include "semrouter.name" .) -}}
{{- end -}}

{{- define "semrouter.selector" -}}
app.kubernetes.io/name: semrouter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "semrouter.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "semrouter.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "semrouter.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "semrouter.name" .) }}
{{- end -}}

{{/* The page: what the chart needs of it, under what the values say. */}}
{{- define "semrouter.page" -}}
{{- $server := dict "grpc" "0.0.0.0:50051" "admin" "0.0.0.0:9190" -}}
{{- $router := list (printf "%s:50051" (include "semrouter.name" .)) -}}
{{- $envoy := dict "listen" "0.0.0.0:8080" "admin" "127.0.0.1:9901" "router" $router -}}
{{- /* Envoy counts requests for all routers behind the one name, and each Envoy for itself. */ -}}
{{- $routers := ternary .Values.autoscaling.max .Values.replicas .Values.autoscaling.enabled | int -}}
{{- $envoys := ternary .Values.envoy.replicas 1 .Values.envoy.enabled | int -}}
{{- $_ := set $envoy "max_streams" (max 1 (div (mul 50 $routers) $envoys)) -}}
{{- mergeOverwrite (dict "server" $server "envoy" $envoy) (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{/* Seconds from SIGTERM to the end: the page's delay and timeout of the drain, and some. */}}
{{- define "semrouter.grace" -}}
{{- $server := .Values.config.server | default dict -}}
{{- $seconds := 5 -}}
{{- range list ($server.drain_delay | default "5s") ($server.drain_timeout | default "25s") -}}
{{- $number := regexFind "^[0-9.]+" . | float64 -}}
{{- $unit := regexFind "[a-z]+$" . -}}
{{- $factor := get (dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0) $unit -}}
{{- $seconds = addf $seconds (mulf $number $factor) -}}
{{- end -}}
{{- ceil $seconds | int -}}
{{- end -}}

{{- define "semrouter.spread" -}}
{{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
- maxSkew: 1
  topologyKey: {{ . }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "semrouter.selector" $.context | nindent 6 }}
      app.kubernetes.io/component: {{ $.component }}
{{- end }}
{{- end -}}

{{- define "semrouter.locked" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
