package main

import (
	"strings"
	"time"
)

// configuration is the demo's daypass.yaml: the same file an operator writes.
func configuration(w *world, portal, hook string) string {
	return strings.NewReplacer(
		"URL", w.url, "LISTEN", portal, "OPERATIONS", w.operations,
		"STAFF", w.staff.Issuer(), "GUESTS", w.guests.Issuer(), "HOOK", hook,
		"END", time.Now().UTC().AddDate(0, 0, 14).Format("2006-01-02T15:04:05Z"),
		"PROD", prodAccount, "DEV", devAccount, "DESCRIBER", describer, "EXTERNAL", externalID,
	).Replace(template)
}

const template = `url: URL
listen: LISTEN
operations: OPERATIONS
contact: "the platform team"
clients: {deviceLogin: true}
database: {sqlite: daypass.db}
sealingKeyFile: sealing.key
signIn:
  providers:
    - {name: staff, label: Example staff, issuer: "STAFF", clientID: daypass, clientSecret: {file: staff.secret}, scopes: [profile, email, groups]}
    - {name: guests, label: Example guests, issuer: "GUESTS", clientID: daypass, clientSecret: {file: guests.secret}, scopes: [profile, email, groups]}
administrators: [{group: "staff:platform"}]
auditors: [{group: "staff:audit"}]
accounts:
  - {id: "PROD", name: prod}
  - {id: "DEV", name: dev, describeRole: "DESCRIBER"}
clusters:
  - {name: payments-prod, arn: "arn:aws:eks:eu-west-1:PROD:cluster/payments-prod", labels: {env: prod, team: payments}}
  - {name: payments-dev, arn: "arn:aws:eks:eu-west-1:DEV:cluster/payments-dev", labels: {env: dev, team: payments}}
  - {name: data-dev, arn: "arn:aws:eks:us-east-1:DEV:cluster/data-dev", labels: {env: dev, team: data}}
roles:
  - {name: viewer, arn: "arn:{partition}:iam::{account}:role/daypass-viewer", externalID: EXTERNAL, description: Reads everything but Secrets.}
  - {name: editor, arn: "arn:{partition}:iam::{account}:role/daypass-editor", externalID: EXTERNAL, description: "Changes workloads, but reads no Secrets."}
  - {name: admin, arn: "arn:{partition}:iam::{account}:role/daypass-admin", externalID: EXTERNAL, description: "Full control, Secrets included."}
grants:
  - name: engineers-view
    who: [{group: "staff:engineering"}]
    clusters: [{labels: {env: prod}}, {labels: {env: dev}}]
    role: viewer
    longest: 8h
  - name: engineers-edit-dev
    who: [{group: "staff:engineering"}]
    clusters: [{labels: {env: dev}}]
    role: editor
    longest: 4h
  - name: engineers-edit-prod
    who: [{group: "staff:engineering"}]
    clusters: [{labels: {env: prod}}]
    role: editor
    longest: 1h
    require: {reason: {hint: "The ticket, and what you are about to change"}}
  - name: contractors
    who: [{provider: guests}]
    clusters: [{name: payments-dev}]
    role: viewer
    longest: 4h
    until: END
    networks: [127.0.0.0/8, "::1/128"]
    sponsor: The payments team
  - name: break-glass
    who: [{group: "staff:on-call"}]
    clusters: [{labels: {env: prod}}]
    role: admin
    longest: 1h
    require: {reason: {hint: "The incident, and what you are about to do"}}
    breakGlass: {tells: [security], whom: "#security and whoever leads the incident"}
audit: {stdout: true}
notify:
  webhooks: [{name: security, url: "HOOK", secret: {file: security.secret}}]
`
