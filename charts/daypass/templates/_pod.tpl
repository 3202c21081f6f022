{{- define "daypass.mounts" -}}
- name: config
  mountPath: /etc/daypass/config
  readOnly: true
{{- if .Values.existingSecret }}
- name: secrets
  mountPath: /etc/daypass/secrets
  readOnly: true
{{- end }}
{{- if eq (include "daypass.database" .) "sqlite" }}
- name: state
  mountPath: /var/lib/daypass
{{- end }}
- name: tmp
  mountPath: /tmp
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "daypass.volumes" -}}
# Whole folders, not files: Kubernetes renews a mounted folder only, and it
# cannot mount one inside another that is read-only.
- name: config
  configMap:
    name: {{ include "daypass.fullname" . }}
{{- with .Values.existingSecret }}
- name: secrets
  secret:
    secretName: {{ . }}
    # Read through the pod's group, closed to others.
    defaultMode: 0440
{{- end }}
{{- if eq (include "daypass.database" .) "sqlite" }}
- name: state
  persistentVolumeClaim:
    claimName: {{ include "daypass.claim" . }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What both containers share. */ -}}
{{- define "daypass.container" -}}
image: {{ include "daypass.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- if or .Values.aws.region .Values.env }}
env:
  {{- with .Values.aws.region }}
  - name: AWS_REGION
    value: {{ . | quote }}
  {{- end }}
  {{- with .Values.env }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  {{- include "daypass.mounts" . | nindent 2 }}
{{- end }}

{{- define "daypass.probes" -}}
# Slow only while a database is: a minute before the pod is started anew.
startupProbe:
  httpGet: {path: /healthz, port: operations}
  periodSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /healthz, port: operations}
  periodSeconds: 10
  timeoutSeconds: 3
readinessProbe:
  httpGet: {path: /readyz, port: operations}
  periodSeconds: 5
  # The server gives its database five, and then says why it is not ready.
  timeoutSeconds: 6
{{- end }}

{{- define "daypass.scheduling" -}}
{{- if gt (int .Values.replicas) 1 }}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "daypass.selector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with index $.Values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "daypass.template" -}}
metadata:
  labels:
    {{- include "daypass.selector" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # New pods for a new configuration: url and database are read at start only.
    checksum/config: {{ include "daypass.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "daypass.serviceAccount" . }}
  # Daypass never speaks to the cluster it runs in. IRSA and EKS Pod Identity
  # bring a token of their own.
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .Values.drain.graceSeconds }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- if eq (include "daypass.database" .) "postgres" }}
  initContainers:
    # The server would do it too. Apart from it, a migration that fails is told
    # as one, has time, and leaves the former pods serving.
    - name: migrate
      args: [migrate, --config, /etc/daypass/config/daypass.yaml]
      {{- include "daypass.container" . | nindent 6 }}
  {{- end }}
  containers:
    - name: daypass
      args: [serve, --config, /etc/daypass/config/daypass.yaml]
      {{- include "daypass.container" . | nindent 6 }}
      ports:
        - name: http
          containerPort: 8080
        - name: operations
          containerPort: 9090
      {{- include "daypass.probes" . | nindent 6 }}
      {{- if .Values.drain.pauseSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .Values.drain.pauseSeconds }}
      {{- end }}
  volumes:
    {{- include "daypass.volumes" . | nindent 4 }}
  {{- include "daypass.scheduling" . | nindent 2 }}
{{- end }}
