{{/* A parameter of an alert: the value in monitoring.prometheusRule.alerts, or the default. */}}
{{- define "rolebridge.alert.parameter" -}}
{{- $set := default dict (get .context.Values.monitoring.prometheusRule.alerts .alert) }}
{{- if hasKey $set .name }}{{ get $set .name }}{{ else }}{{ .default }}{{ end }}
{{- end }}

{{/*
The share of the lifetime that is left of a certificate or CA and the time until its expiry, both low: dict "pods" "kind"
"days". The share excludes certificates with short lifetimes, which are renewed in time.
*/}}
{{- define "rolebridge.alert.expiring" -}}
{{- $expiry := printf "rolebridge_webhook_%s_expiry_timestamp_seconds{%s}" .kind .pods }}
{{- $start := printf "rolebridge_webhook_%s_not_before_timestamp_seconds{%s}" .kind .pods -}}
min({{ $expiry }} - time()) < {{ .days }} * 86400 and min(({{ $expiry }} - time()) / ({{ $expiry }} - {{ $start }})) < 0.25
{{- end }}

{{/*
The alerts of the webhook, a YAML list. Each has a section in docs/src/alerts.md and tests in tests/chart/alerts. The
parameters `for` and `severity` are defaults, which prometheusrule.yaml replaces by those of the values.
*/}}
{{- define "rolebridge.alerts" -}}
{{- $name := include "rolebridge.fullname" . }}
{{- $namespace := include "rolebridge.namespace" . }}
{{- $pods := printf "namespace=%q,service=%q" $namespace $name }}
{{- $timeout := .Values.admission.timeoutSeconds | default 10 -}}
- alert: RolebridgeDown
  expr: absent(up{ {{- $pods -}} } == 1)
  for: 2m
  severity: critical
  summary: No replica of {{ $name }} responds
  description: >-
    Opted-in pods are denied until a replica responds; running pods and other pods are not affected. Check the
    pods of the Deployment {{ $name }} in {{ $namespace }} and their events.
# Prometheus also discovers and scrapes the endpoints that are not ready.
- alert: RolebridgeNotReady
  expr: sum(rolebridge_webhook_ready{ {{- $pods -}} }) < 1
  for: 3m
  severity: critical
  summary: No replica of {{ $name }} is ready
  description: >-
    Opted-in pods are denied until a replica is ready; running pods and other pods are not affected. The events of the
    pods have the reason, for example a caBundle that does not match the serving certificate, or that has expired.
# A ratio over a minimum, so that one failed review pages no one.
- alert: RolebridgeReviewErrors
  expr: >-
    sum(increase(rolebridge_webhook_reviews_total{ {{- $pods }},outcome="failed"}[10m]))
    >= {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeReviewErrors" "name" "minimum" "default" 5) }}
    and sum(increase(rolebridge_webhook_reviews_total{ {{- $pods }},outcome="failed"}[10m]))
    / sum(increase(rolebridge_webhook_reviews_total{ {{- $pods -}} }[10m]))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeReviewErrors" "name" "threshold" "default" 0.05) }}
  for: 5m
  severity: critical
  summary: {{ $name }} denies pods because it cannot read the Kubernetes API
  description: >-
    A denial that depends on a service account or a namespace needs a live read, and that read fails. The
    webhook's log has the response of the API server. Check its permissions and its network policy.
- alert: RolebridgeHighLatency
  expr: >-
    histogram_quantile(0.99, sum by (le) (rate(rolebridge_webhook_review_duration_seconds_bucket{ {{- $pods -}} }[10m])))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeHighLatency" "name" "threshold" "default" (divf $timeout 2)) }}
  for: 10m
  severity: warning
  summary: p99 admission latency of {{ $name }} is {{ "{{ $value | humanizeDuration }}" }}
  description: >-
    1 % of pods wait longer than that for their review; at {{ $timeout }} s they are denied. Add CPU or replicas.
- alert: RolebridgeCertificateExpiring
  expr: {{ include "rolebridge.alert.expiring" (dict "pods" $pods "kind" "certificate" "days" (include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeCertificateExpiring" "name" "threshold" "default" 7))) | quote }}
  for: 15m
  severity: critical
  summary: The serving certificate of {{ $name }} expires in {{ "{{ $value | humanizeDuration }}" }} and was not renewed
  description: >-
    Less than a quarter of its lifetime is left, so it should have been renewed (certificates.mode:
    {{ .Values.certificates.mode }}). Once it has expired, opted-in pods are denied.
- alert: RolebridgeCaBundleExpiring
  expr: {{ include "rolebridge.alert.expiring" (dict "pods" $pods "kind" "ca_bundle" "days" (include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeCaBundleExpiring" "name" "threshold" "default" 7))) | quote }}
  for: 15m
  severity: critical
  summary: The CA in the caBundle of {{ $name }} expires in {{ "{{ $value | humanizeDuration }}" }} and was not renewed
  description: >-
    Once it has expired, API servers reject the serving certificate, and opted-in pods are denied. Renew the CA
    (certificates.mode: {{ .Values.certificates.mode }}), and keep the old one in caBundle until no certificate of it
    is served.
{{- if eq .Values.certificates.mode "managed" }}
- alert: RolebridgeCertificateNotManaged
  expr: >-
    sum by (step) (increase(rolebridge_webhook_certificate_errors_total{ {{- $pods -}} }[15m]))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeCertificateNotManaged" "name" "threshold" "default" 5) }}
  for: 15m
  severity: warning
  summary: {{ $name }} fails to manage its certificate at the step {{ "{{ $labels.step }}" }}
  description: >-
    A certificate is renewed when a third of its lifetime is left. The webhook's log has the response of the API
    server. Check its permissions, and whether its Secret, Lease and configurations exist.
- alert: RolebridgeNoLeader
  expr: max(rolebridge_webhook_leader{ {{- $pods -}} }) < 1
  for: 15m
  severity: warning
  summary: No replica of {{ $name }} renews the certificate
  description: No replica holds the Lease {{ include "rolebridge.leaseName" . }}; the log of each replica has the reason.
{{- end }}
- alert: RolebridgeConfigReloadFailed
  expr: max by (file) (rolebridge_webhook_config_stale{ {{- $pods -}} }) == 1
  for: 2m
  severity: warning
  summary: {{ $name }} uses an old {{ "{{ $labels.file }}" }} because the new one is invalid
  description: >-
    The webhook's log has the error. Fix the file while all replicas run: a restarted replica does not start with
    it, and without replicas, opted-in pods are denied.
- alert: RolebridgeWatchErrors
  expr: >-
    sum by (kind) (increase(rolebridge_webhook_watch_errors_total{ {{- $pods -}} }[15m]))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeWatchErrors" "name" "threshold" "default" 5) }}
  for: 15m
  severity: warning
  summary: {{ $name }} fails to watch {{ "{{ $labels.kind }}" }} objects
  description: >-
    It uses cached objects, and reads them live before it denies a pod. See the webhook's log.
- alert: RolebridgeReadsLimited
  expr: >-
    sum(increase(rolebridge_webhook_reviews_total{ {{- $pods }},outcome="limited"}[10m]))
    >= {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeReadsLimited" "name" "minimum" "default" 5) }}
  for: 5m
  severity: warning
  summary: {{ $name }} denies pods of new service accounts, because too many are created at once
  description: >-
    A pod of a service account that the watch has not delivered needs a live read, and more are needed than
    webhook.liveReads allows. Controllers create the pods again. The log names the namespaces. If the API server
    has capacity, raise webhook.liveReads.rate.
# Every watch ends after 60 s at most, so that several in a row were silent.
- alert: RolebridgeWatchSilent
  expr: >-
    max by (kind) (time() - rolebridge_webhook_watch_last_event_timestamp_seconds{ {{- $pods -}} })
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeWatchSilent" "name" "threshold" "default" 180) }}
  for: 2m
  severity: warning
  summary: {{ $name }} does not hear from its watch of {{ "{{ $labels.kind }}" }} objects
  description: >-
    It does not see changes of these objects: it may admit pods with outdated settings, or restore a caBundle late. See
    the webhook's log, its network policy and the API server.
- alert: RolebridgeHandshakeErrors
  expr: >-
    sum(increase(rolebridge_webhook_handshake_errors_total{ {{- $pods -}} }[10m]))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeHandshakeErrors" "name" "threshold" "default" 10) }}
  for: 10m
  severity: warning
  summary: Clients of {{ $name }} abort TLS handshakes
  description: >-
    If the clients are API servers, the caBundle in the MutatingWebhookConfiguration does not match the serving
    certificate, and opted-in pods are denied. If they are scanners, ignore this.
# On with the PodMonitor, which makes Prometheus scrape sidecars.
- alert: RolebridgeSidecarFailing
  optional: {{ not .Values.monitoring.podMonitor.enabled }}
  expr: >-
    sum by (namespace) (rolebridge_sidecar_refresh_failing)
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeSidecarFailing" "name" "threshold" "default" 0) }}
  for: 10m
  severity: warning
  summary: Sidecars in the namespace {{ "{{ $labels.namespace }}" }} cannot refresh their credentials ({{ "{{ $value }}" }} fail)
  description: >-
    AWS or Google rejects their requests. Their pods keep their credentials until these expire, within an hour.
    `rolebridge doctor pod/NAME` finds the failing step.
# Each exchange of a library signs with credentials from the server on 127.0.0.1, so it is counted there. Libraries with the
# source file are not counted at all.
- alert: RolebridgeGoogleQuota
  optional: {{ not .Values.monitoring.podMonitor.enabled }}
  expr: >-
    60 * (sum(rate(rolebridge_sidecar_google_tokens_total{token="federated"}[5m]))
    + sum(rate(rolebridge_sidecar_loopback_requests_total{endpoint=~"credentials|subject-token",result="ok"}[5m])))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeGoogleQuota" "name" "threshold" "default" 4800) }}
  for: 2m
  severity: warning
  summary: Pods exchange {{ "{{ $value | humanize }}" }} tokens per minute at Google STS
  description: >-
    Google allows 6,000 exchanges per minute in the pool's project for an endpoint. Beyond it, new pods wait for their first
    token. Slow the rollout down, use the source metadata, or list several regional endpoints in sts-endpoint.
# The webhook does not notice requests that never reach it; API servers count them. Off by default, because Prometheus must
# scrape the API servers. The metrics name the entry, which is the same in every release.
- alert: RolebridgeUnreachable
  optional: true
  expr: >-
    sum by (name) (increase(apiserver_admission_webhook_rejection_count{name=~"(pods|namespaces)[.]rolebridge[.]io",error_type!="no_error"}[10m]))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeUnreachable" "name" "threshold" "default" 3) }}
    or sum by (name) (increase(apiserver_admission_webhook_fail_open_count{name=~"(pods|namespaces)[.]rolebridge[.]io"}[10m]))
    > {{ include "rolebridge.alert.parameter" (dict "context" . "alert" "RolebridgeUnreachable" "name" "threshold" "default" 3) }}
  for: 2m
  severity: critical
  summary: API servers cannot call the webhook {{ "{{ $labels.name }}" }}
  description: >-
    Opted-in pods are denied, or run without credentials with admission.failurePolicy Ignore. Check the security group of the
    nodes, network policies, and the replicas. `rolebridge check` shows the error of the API server.
{{- end }}
