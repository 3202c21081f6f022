package config

// peopleKeys select people.
func peopleKeys() []key {
	return []key{
		{name: "group", examples: []string{`"okta:sre"`}, form: whoForm(),
			says: "Members of *sre* as the provider *okta* tells. What another provider calls *sre* is another group."},
		{name: "email", examples: []string{`"okta:ann@example.com"`}, form: whoForm(),
			says: "Whoever has this address at *okta*, verified. Case does not matter."},
		{name: "subject", examples: []string{`"okta:00u1a2b3c4"`}, form: whoForm(),
			says: "The account with this `sub` claim. Unlike an address, it is never given to somebody else."},
		{name: "provider", examples: []string{"guests"}, says: "Everybody who signs in there."},
	}
}

func accountKeys() []key {
	return []key{
		{name: "id", such: `"111122223333"`, form: form{accountForm.String(), "write the account's twelve digits"}, says: "Twelve digits."},
		{name: "name", such: "prod", form: dottedForm(),
			says: "Shown instead of the number. Up to 100 of `a-z`, `0-9`, `-` and `.`."},
		{name: "describeRole", words: "none", examples: []string{"arn:aws:iam::111122223333:role/daypass-describe"}, form: roleForm(),
			says: "The ARN of an IAM role in this account that may call `eks:DescribeCluster`. Daypass assumes it for that one call. Without it, Daypass calls as itself, which works in its own account only."},
	}
}

func clusterKeys() []key {
	return []key{
		{name: "name", such: "payments-prod", form: dottedForm(),
			says: "What people call it. Up to 100 of `a-z`, `0-9`, `-` and `.`, with a letter or digit at both ends."},
		{name: "arn", such: "arn:aws:eks:eu-west-1:111122223333:cluster/payments",
			form: form{`^arn:[^:]+:eks:[^:]+:[0-9]{12}:cluster/.`, "write the cluster's ARN as aws eks describe-cluster shows it"},
			says: "As `aws eks describe-cluster` shows it."},
		{name: "labels", kind: isLabels, words: "none", examples: []string{"{env: prod}"},
			says: "Any keys and values, for grants to select by."},
		{name: "proxyURL", words: "none", examples: []string{"https://egress.example.com:3128"},
			form: form{`^(https?|socks5)://[^@]+$`, "write a proxy's URL (http, https or socks5) without user or password"},
			says: "Written into kubeconfigs as `proxy-url`: `http`, `https` or `socks5`. It cannot hold a password, for everybody would see it."},
		{name: "tlsServerName", words: "none", examples: []string{"eks.internal.example.com"},
			says: "Written into kubeconfigs as `tls-server-name`."},
	}
}

func roleKeys() []key {
	return []key{
		{name: "name", such: "viewer", form: dottedForm(),
			says: "Up to 100 of `a-z`, `0-9`, `-` and `.`, with a letter or digit at both ends."},
		{name: "arn", such: "arn:{partition}:iam::{account}:role/daypass-viewer", form: roleForm(),
			says: "The ARN of an IAM role. `{partition}`, `{account}` and `{region}` are filled in from the cluster's ARN."},
		{name: "description", words: "none", says: "What it may do, in plain words, for the page."},
		{name: "externalID", words: "none", form: form{externalIDForm.String(), "use letters, digits and _+=,.@:/-"},
			says: "Sent as `sts:ExternalId`, if the role's trust policy demands one. AWS does not treat it as a secret."},
		{name: "sourceIdentity", kind: isFlag, fallback: "true",
			says: "`false` leaves out the source identity, for trust policies without `sts:SetSourceIdentity`."},
		{name: "sessionTags", kind: isFlag, fallback: "true",
			says: "`false` leaves out the session tags, for trust policies without `sts:TagSession`."},
		{name: "username", words: "none", says: "What the cluster calls whoever has this role. For display only."},
	}
}

func grantKeys() []key {
	return []key{
		{name: "name", such: "eng-view", form: dottedForm(), says: "For messages and the audit log. Same letters as for roles."},
		{name: "who", kind: isMappings, such: "[{group: okta:engineering}]", some: true, rule: oneKey, keys: peopleKeys(), table: "people",
			says: "[People](#people); one entry that fits is enough."},
		{name: "clusters", kind: isMappings, such: "[{labels: {env: dev}}]", some: true, rule: someKeys, keys: selectorKeys(),
			says: "[Selectors](#selectors); one that fits is enough."},
		{name: "role", such: "viewer", says: "The name of one role."},
		{name: "longest", fallback: "1h", examples: []string{"8h"}, form: spanForm(), says: "The longest lease, between `1m` and `12h`."},
		{name: "until", words: "no end", examples: []string{"2099-12-31T00:00:00Z"},
			form: form{`^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`,
				"write an instant with its zone, such as 2026-12-31T00:00:00Z"},
			says: "An [instant](#until) at which the grant is over."},
		{name: "networks", kind: isTexts, words: "any", examples: []string{"[203.0.113.0/24]"}, form: networkForm(),
			says: "The person's address must lie in one of these; written as in [`trustedProxies`](#trustedproxies)."},
		{name: "sponsor", words: "none", says: "Who answers for these people; for display."},
		{name: "require", kind: isMapping, words: "nothing", keys: requireKeys(), says: "What is [demanded](#require) of whoever asks."},
		{name: "breakGlass", kind: isMapping, words: "no", keys: breakGlassKeys(), says: "Sets the grant apart for [emergencies](#breakglass)."},
	}
}

// selectorKeys select clusters.
func selectorKeys() []key {
	return []key{
		{name: "name", examples: []string{"payments-prod"}, says: "The cluster of this name."},
		{name: "labels", kind: isLabels, examples: []string{"{env: prod}"},
			says: "Those that have all these labels with these values."},
		{name: "arn", examples: []string{`"arn:aws:eks:*:111122223333:cluster/*"`}, form: form{`^arn:`, "write an ARN, with * for any run of characters"},
			says: "Those whose ARN fits; `*` stands for any run of characters, colons and slashes included."},
	}
}

func requireKeys() []key {
	return []key{{name: "reason", kind: isFlagOrMapping, fallback: "false", keys: []key{
		{name: "hint", words: "none", examples: []string{`"Ticket and what you are about to do"`}, says: "What to write, for the page."},
	}, says: "`true`: whoever asks must write why. A mapping, even an empty one, demands the same."}}
}

func breakGlassKeys() []key {
	return []key{
		{name: "tells", kind: isTexts, words: "nobody", examples: []string{"[security]"}, says: "Names of [webhooks](#notify)."},
		{name: "whom", words: "none", examples: []string{`"#oncall and security@"`},
			says: "Who stands behind them, in your words. Shown before the glass is broken."},
	}
}
