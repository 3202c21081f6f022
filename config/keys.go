package config

// fileKeys are the keys of the file itself, in the order in which the
// reference explains them.
func fileKeys() []key {
	return []key{
		{name: "url", such: "https://daypass.example.com", form: originForm(),
			says: "Where people reach Daypass: scheme and host, and a port if it is not the usual one; no path."},
		{name: "listen", fallback: defaultListen, examples: []string{`":8080"`}, form: listenForm(),
			says: "The address and port of the pages, in plain HTTP."},
		{name: "operations", fallback: defaultOperations, examples: []string{`":9090"`}, form: listenForm(),
			says: "The address and port of health checks and metrics, not for the public."},
		{name: "trustedProxies", kind: isTexts, words: "none", examples: []string{"[10.0.0.0/8]"}, form: networkForm(),
			says: "The networks of the proxies whose `X-Forwarded-For` is believed."},
		{name: "contact", words: "none", examples: []string{`"#platform on Slack"`},
			says: "Whom to ask, in your words; shown on pages that say no."},
		{name: "database", kind: isMapping, such: "{sqlite: /var/lib/daypass/daypass.db}", rule: oneKey, keys: databaseKeys(),
			says: "Where state is kept: SQLite for one server, PostgreSQL for one or more."},
		{name: "sealingKeyFile", words: "none", examples: []string{"/etc/daypass/sealing-key"}, not: "sealingKeyEnv",
			says: "The path of the file with the [sealing keys](#sealing-keys)."},
		{name: "sealingKeyEnv", words: "none", examples: []string{"DAYPASS_SEALING_KEY"}, form: variableForm(), not: "sealingKeyFile",
			says: "The environment variable that holds the text of such a file. Not beside `sealingKeyFile`."},
		{name: "signIn", kind: isMapping, such: "{providers: [{name: okta, …}]}", keys: signInKeys(),
			says: "How people sign in, and for how long."},
		{name: "clients", kind: isMapping, words: "its defaults", keys: clientKeys(),
			says: "How programs, above all `kubectl daypass`, sign in for people."},
		{name: "administrators", kind: isMappings, words: "nobody", rule: oneKey, keys: peopleKeys(), table: "people",
			says: "[People](#people) who may see everybody's active leases, end them, and sign anybody out. Opens no cluster."},
		{name: "auditors", kind: isMappings, words: "nobody", rule: oneKey, keys: peopleKeys(), table: "people",
			says: "[People](#people) who may read the audit log. Opens no cluster."},
		{name: "reviewers", kind: isMappings, words: "nobody", rule: oneKey, keys: peopleKeys(), table: "people",
			says: "[People](#people) who will review what others ask for. Has no effect yet. Opens no cluster."},
		{name: "accounts", kind: isMappings, words: "none", keys: accountKeys(),
			says: "AWS accounts that are more than a number."},
		{name: "clusters", kind: isMappings, words: "none", keys: clusterKeys(),
			says: "The EKS clusters."},
		{name: "roles", kind: isMappings, words: "none", keys: roleKeys(),
			says: "What people may be, as IAM roles. The order matters: the first gives least, and is offered first."},
		{name: "grants", kind: isMappings, words: "none", keys: grantKeys(),
			says: "Who may be what, where, and within which limits. What no grant allows is refused."},
		{name: "audit", kind: isMapping, words: "its defaults", keys: auditKeys(), says: "The audit log, beside the database."},
		{name: "notify", kind: isMapping, words: "nobody", keys: notifyKeys(), says: "Whom Daypass tells."},
		{name: "kubeconfig", kind: isMapping, words: "its defaults", keys: kubeconfigKeys(), says: "What kubeconfigs look like."},
	}
}

func databaseKeys() []key {
	return []key{
		{name: "sqlite", examples: []string{"/var/lib/daypass/daypass.db"},
			says: "The path of the database's file. For one server."},
		{name: "postgres", kind: isMapping, rule: oneKey, keys: postgresKeys(),
			says: "A mapping with exactly one of `url`, `urlFile`, `urlEnv`."},
	}
}

func postgresKeys() []key {
	return []key{
		{name: "url", examples: []string{"postgres://daypass@db.example.com/daypass?sslmode=verify-full"}, form: postgresForm(),
			says: "A URL of `postgres://` or `postgresql://`, without a password. A password in it is an error."},
		{name: "urlFile", examples: []string{"/etc/daypass/database-url"},
			says: "A file that holds the URL, password included. Rules as for [secrets](#secrets)."},
		{name: "urlEnv", examples: []string{"DATABASE_URL"}, form: variableForm(),
			says: "An environment variable that holds the URL, password included."},
	}
}

// secretKeys say where a secret is. A secret in their place is an error.
func secretKeys() []key {
	return []key{
		{name: "file",
			says: "A path. The file holds the secret on one line, at most 64 KiB; the newline at its end is dropped. It has to exist when the configuration is read. If everybody on the machine can open it, there is a warning; its group may (Kubernetes hands secrets to a group: set the volume's `defaultMode` to `0440`)."},
		{name: "env", form: variableForm(),
			says: "The name of an environment variable, in capital letters, digits and `_`. It has to be set."},
	}
}

func signInKeys() []key {
	return []key{
		{name: "idle", fallback: "1h", form: spanForm(),
			says: "Without a request for so long, a person is signed out."},
		{name: "absolute", fallback: "12h", form: spanForm(),
			says: "So long after signing in, a person is signed out in any case. Until then their groups are those of the sign-in: this bounds how stale they can be."},
		{name: "endLeases", kind: isFlag, fallback: "false",
			says: "`true` ends all of a person's leases whenever one of their sessions is signed out: by themselves, in a browser or by `kubectl daypass logout`, or by the provider. A session that time ends, or that a new `kubectl daypass login` replaces, leaves the leases alone."},
		{name: "providers", kind: isMappings, such: "[{name: okta, issuer: https://example.okta.com, …}]", some: true, keys: providerKeys(),
			says: "OpenID Connect providers, at least one."},
	}
}

func clientKeys() []key {
	return []key{
		{name: "enabled", kind: isFlag, fallback: "true",
			says: "`false` lets no program sign in or ask for anything."},
		{name: "deviceLogin", kind: isFlag, fallback: "false",
			says: "`true` lets a program sign in on a machine without a browser, by a code that the person types elsewhere. Whoever talks a person into typing a code has their access, so it is off."},
		{name: "longest", fallback: "12h", form: spanForm(),
			says: "Between `15m` and `2160h`. So long after signing in, a program is signed out in any case."},
		{name: "staleness", fallback: "12h", form: spanForm(),
			says: "Between `15m` and `720h`. How old a person's membership of groups, and their address, may be when a program asks for something. With a refresh token (`offline_access` among the provider's `scopes`, and a sealing key) the provider is asked again after half of it; without one the person signs in again."},
		{name: "downloads", words: "`/clients`, if it has any; else `none`", examples: []string{"/srv/daypass/clients", "none"},
			says: "The folder of the programs that the page `/client` offers to everybody who reaches it; one of them at least. The image has them in `/clients`, and `make clients` builds them. A file that changes is not given out until a restart, nor is one that `SHA256SUMS` in the folder, where there is one, does not list as it is. `none` offers none."},
	}
}

func providerKeys() []key {
	return []key{
		{name: "name", such: "okta", form: nameForm(),
			says: "Up to 63 of `a-z`, `0-9` and `-`, with a letter or digit at both ends. It goes into URLs and in front of group names. Renaming a provider makes everybody who uses it a stranger."},
		{name: "label", words: "the name", says: "What the button says."},
		{name: "issuer", such: "https://example.okta.com", form: webForm(),
			says: "The issuer exactly as the provider's discovery document writes it, a slash at the end included. `https`, or `http` on loopback."},
		{name: "clientID", such: "0oa1b2c3", says: "The identifier that the provider gave Daypass as its client."},
		{name: "clientSecret", kind: isMapping, such: "{file: /etc/daypass/okta-secret}", rule: oneKey, keys: secretKeys(), table: "secrets",
			says: "A [secret](#secrets), which the provider gave together with `clientID`."},
		{name: "scopes", kind: isTexts, fallback: "[profile, email]", examples: []string{"[profile, email, groups]"}, form: scopeTexts(),
			says: "What is asked for. `openid` is always added."},
		{name: "groupsClaim", fallback: defaultGroupsClaim, examples: []string{"roles", "cognito:groups"},
			says: "The claim that lists the person's groups."},
		{name: "groupsFrom", fallback: groupsFrom[0], enum: groupsFrom[:],
			says: "Where that claim is: `idToken`; `userinfo`, the provider's userinfo endpoint; or `graph`, see [below](#groups-of-entra-id)."},
		{name: "graphURL", words: "by the ID token", examples: []string{"https://graph.microsoft.us"}, form: webForm(),
			says: "With `groupsFrom: graph` only: scheme and host of Microsoft Graph, for a cloud that Daypass does not know."},
		{name: "trustUnstatedEmail", kind: isFlag, fallback: "false",
			says: "`true` takes the e-mail of a provider that never says whether it verified one. An address that is said to be unverified is never taken."},
		{name: "caFile", words: "none", examples: []string{"/etc/daypass/okta-ca.pem"},
			says: "A file of certificates in PEM that vouch for this provider's servers, beside those of the system."},
		{name: "prompt", words: "none", examples: []string{"login", "consent", "select_account"}, form: promptForm(),
			says: "Asked of the sign-in page: `login` (the password every time), `consent`, `select_account`, or several with spaces between."},
		{name: "maxAge", words: "any", examples: []string{"12h"}, form: spanForm(),
			says: "Between `1m` and `720h`. Whoever proved longer ago to the provider who they are has to do it again. Asked as `max_age`, and checked: a provider that passes over it signs nobody in."},
		{name: "acrValues", kind: isTexts, words: "any", some: true, examples: []string{`["urn:okta:loa:2fa:any"]`}, form: wordForms(),
			says: "Ways of signing in that will do, such as with a second factor. Asked as `acr_values`, and checked: `acr` of the answer must be one of them."},
	}
}

func auditKeys() []key {
	return []key{{name: "stdout", kind: isFlag, fallback: "true",
		says: "Repeats each event of the audit log as a line of JSON on standard output. The log itself is in the database."}}
}

func notifyKeys() []key {
	return []key{{name: "webhooks", kind: isMappings, words: "none", keys: webhookKeys(),
		says: "Who is told by a signed request."}}
}

func webhookKeys() []key {
	return []key{
		{name: "name", such: "security", form: nameForm(), says: "For `tells`. Same letters as for providers."},
		{name: "url", such: "https://hooks.example.com/daypass", form: webForm(),
			says: "`https`, or `http` on loopback. No user or password in it. It stands in the file as it is: with a receiver whose URL is itself a secret, use one of your own in between."},
		{name: "secret", kind: isMapping, such: "{file: /etc/daypass/webhook-secret}", rule: oneKey, keys: secretKeys(), table: "secrets",
			says: "A [secret](#secrets) of 24 to 64 bytes that signs what is sent, such as `openssl rand -base64 32` prints."},
	}
}

func kubeconfigKeys() []key {
	return []key{{name: "context", fallback: `"` + defaultContext + `"`, examples: []string{`"{role}@{cluster}"`}, form: contextTexts(),
		says: "How contexts are called. `{cluster}`, `{role}`, `{account}` (its name, else its number) and `{region}` are filled in; beside them letters, digits and `._:/@+=,-`."}}
}
