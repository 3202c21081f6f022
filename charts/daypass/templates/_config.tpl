{{- /* "sqlite" or "postgres": it decides between a StatefulSet and a Deployment. */ -}}
{{- define "daypass.database" -}}
{{- if (.Values.config.database | default dict).postgres }}postgres{{ else }}sqlite{{ end -}}
{{- end }}

{{- define "daypass.host" -}}
{{- (urlParse .Values.config.url).hostname -}}
{{- end }}

{{- /* daypass.yaml: the operator's own words, and the addresses to listen on,
which probes, Service and ports rely on. */ -}}
{{- define "daypass.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not $config.database -}}
{{- $_ := set $config "database" (dict "sqlite" "/var/lib/daypass/daypass.db") -}}
{{- end -}}
{{- $_ := set $config "listen" "0.0.0.0:8080" -}}
{{- $_ := set $config "operations" "0.0.0.0:9090" -}}
{{- toYaml $config -}}
{{- end }}

{{- /* What the schema cannot say, and what must hold for those who skip it. */ -}}
{{- define "daypass.check" -}}
{{- $config := .Values.config -}}
{{- if not $config.url -}}
{{- fail "config.url is missing: write how people reach Daypass, such as https://daypass.example.com" -}}
{{- end -}}
{{- $database := $config.database | default dict -}}
{{- if and $database.sqlite $database.postgres -}}
{{- fail "config.database names both sqlite and postgres: keep one of them" -}}
{{- end -}}
{{- if and (eq (include "daypass.database" .) "sqlite") (ne (int .Values.replicas) 1) -}}
{{- fail (printf "replicas is %v, but a SQLite file has one owner: set replicas to 1, or use config.database.postgres" .Values.replicas) -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not $config.sealingKeyFile) (not $config.sealingKeyEnv) -}}
{{- fail (printf "replicas is %v without a sealing key, so that each server would refuse what programs signed for the others: set config.sealingKeyFile or config.sealingKeyEnv" .Values.replicas) -}}
{{- end -}}
{{- if and $database.sqlite (or (not (hasPrefix "/var/lib/daypass/" $database.sqlite)) (contains ".." $database.sqlite)) -}}
{{- fail (printf "config.database.sqlite is %s, which is not on the volume and would be lost: put it under /var/lib/daypass/" $database.sqlite) -}}
{{- end -}}
{{- range $key := list "listen" "operations" -}}
{{- if hasKey $config $key -}}
{{- fail (printf "config.%s is set by the chart, because probes and Service rely on it: remove it" $key) -}}
{{- end -}}
{{- end -}}
{{- /* 45 seconds is how long the server lets requests under way finish. */ -}}
{{- $grace := add (int .Values.drain.pauseSeconds) 45 -}}
{{- if lt (int .Values.drain.graceSeconds) (int $grace) -}}
{{- fail (printf "drain.graceSeconds is %v and would cut requests under way: make it at least %d, the pause and 45 to drain" .Values.drain.graceSeconds $grace) -}}
{{- end -}}
{{- /* Helm 3 passes some numbers through a float, older ones every number: an
account ID without quotes would become 1.11122223333e+11. */ -}}
{{- with regexFind "(?m)^.*[ \\[]-?[0-9.]+e\\+[0-9]+$" (include "daypass.config" .) -}}
{{- fail (printf "config has a number too long to be one, which Helm would rewrite: quote it (%s)" (trim .)) -}}
{{- end -}}
{{- end }}
