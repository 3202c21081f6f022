package config

import "strings"

const (
	two    = "clusters: [{name: one, arn: \"arn:aws:eks:eu-west-1:111122223333:cluster/one\", labels: {env: prod}}]"
	issuer = "issuer: https://okta.example.com"
	secret = "{env: SECRET}"
	sqlite = "{sqlite: d.db}"
	arn    = "arn:aws:eks:eu-west-1:111122223333:cluster/one"
	role   = "arn:{partition}:iam::{account}:role/viewer"
	grant  = "role: viewer}"
	hooks  = "notify: {webhooks: [{name: security, url: 'https://h.example.com', secret: {env: SECRET}}]}\n"
)

var badFiles = []bad{
	{"an empty file", "all", "",
		` the file is empty; docs/daypass.example.yaml shows what belongs into it`},
	{"a file of comments", "all", "# later\n",
		` the file is empty; docs/daypass.example.yaml shows what belongs into it`},
	{"a document of nothing", "all", "---\n",
		` the file is empty; docs/daypass.example.yaml shows what belongs into it`},
	{"a list", "all", "- url\n",
		`1: the file is a list; want a mapping with the keys url, listen, operations, trustedProxies, contact, database, sealingKeyFile, sealingKeyEnv, signIn, clients, administrators, auditors, reviewers, accounts, clusters, roles, grants, audit, notify, kubeconfig`},
	{"text", "all", "url\n",
		`1: the file is text; want a mapping with the keys url, listen, operations, trustedProxies, contact, database, sealingKeyFile, sealingKeyEnv, signIn, clients, administrators, auditors, reviewers, accounts, clusters, roles, grants, audit, notify, kubeconfig`},
	{"a byte order mark", "all", "\xef\xbb\xbf" + base,
		` the file begins with a byte order mark; save it as UTF-8 without one`},
	{"Latin-1", "", "contact: \"B\xfcro\"\n",
		` the file is not UTF-8; save it as UTF-8`},
	{"a binary file", "all", "\x00\x01\x02",
		`1: the file is not YAML from about here on: control characters are not allowed; look for a missing quote, bracket or space`},
	{"a line break nobody sees", "", "contact: a\u2028\n",
		` the file has a line break that editors do not show as one (a lone CR, U+0085, U+2028 or U+2029); remove it, so that lines can be told`},
	{"a lone carriage return", "", "contact: a\rlisten: b\n",
		` the file has a line break that editors do not show as one (a lone CR, U+0085, U+2028 or U+2029); remove it, so that lines can be told`},
	{"more than a MiB", "", strings.Repeat("# nothing\n", maxSize/10),
		` the file is larger than 1 MiB; is it the right one?`},
	{"a second document", "", "---\nurl: https://other.example.com\n",
		`14: a second document begins here and would not be read; keep everything in one and remove the ---`},
	{"a second document that is broken", "", "---\nurl: [\n",
		`16: the file is not YAML from about here on: did not find expected node content; look for a missing quote, bracket or space`},
	{"a tab", "idle: 1h", "\tidle: 1h",
		`4: a tab is used to indent, which YAML does not allow; use spaces`},
	{"a bracket left open", "{sqlite: d.db}", "{sqlite: d.db",
		`2: the file is not YAML from about here on: did not find expected ',' or '}'; look for a missing quote, bracket or space`},
	{"a colon too many", "idle: 1h", "idle: 1h: 2h",
		`4: the file is not YAML from about here on: mapping values are not allowed in this context; look for a missing quote, bracket or space`},
	{"an anchor and its alias", "{env: SECRET}", "&s {env: SECRET}\nnotify: {webhooks: [{name: x, url: 'https://h.example.com', secret: *s}]}",
		"9: an anchor (&…) is not read; remove it, or quote a text that begins with &\n" +
			`10: an alias (*…) stands for something written elsewhere; write it out here, or quote a text that begins with *`},
	{"an alias of nothing", "{env: SECRET}", "*s",
		`9: an alias (*…) stands for something written elsewhere; write it out here, or quote a text that begins with *`},
	{"a merge key", "idle: 1h", "<<: {idle: 1h}",
		`4: the merge key << is not read; write the keys out, so that each line says all it means`},
	{"a secret that begins with a star", secret, "*" + hush,
		`9: an alias (*…) stands for something written elsewhere; write it out here, or quote a text that begins with *`},
	{"a secret that begins with an ampersand", secret, "&" + hush,
		"9: an anchor (&…) is not read; remove it, or quote a text that begins with &\n" +
			`9: provider "okta": clientSecret does not say where the secret is; write {file: PATH} or {env: NAME}; a secret is never written into this file`},
	{"a secret that begins with an exclamation mark", secret, "!" + hush,
		"9: a tag (!…) is not read; remove it, or quote a text that begins with !\n" +
			`9: provider "okta": clientSecret does not say where the secret is; write {file: PATH} or {env: NAME}; a secret is never written into this file`},
	{"a secret with a quote left open", secret, "'" + hush,
		`9: the file is not YAML from about here on: found unexpected end of stream; look for a missing quote, bracket or space`},
	{"a tag", "idle: 1h", "idle: !duration 1h",
		`4: a tag (!…) is not read; remove it, or quote a text that begins with !`},
	{"an unknown key", "", "webhooks: []\n",
		`14: the file has no key "webhooks"; there is accounts, administrators, audit, auditors, clients, clusters, contact, database, grants, kubeconfig, listen, notify, operations, reviewers, roles, sealingKeyEnv, sealingKeyFile, signIn, trustedProxies, url`},
	{"a typo in a key", "idle: 1h", "idel: 1h",
		`4: signIn has no key "idel"; did you mean "idle"?`},
	{"a key in the wrong case", "clientID", "clientId",
		"6: provider \"okta\" has no clientID; add one, such as 0oa1b2c3\n" +
			`8: provider "okta" has no key "clientId"; did you mean "clientID"?`},
	{"a key twice", "idle: 1h", "idle: 1h\n  idle: 2h",
		`5: signIn has the key "idle" twice, first on line 4; keep one`},
	{"a key that is a list", "", "[a, b]: c\n",
		`14: the file has something that is no key; its keys are url, listen, operations, trustedProxies, contact, database, sealingKeyFile, sealingKeyEnv, signIn, clients, administrators, auditors, reviewers, accounts, clusters, roles, grants, audit, notify, kubeconfig`},
	{"a key without a value", "", "contact:\n",
		`14: contact has no value; give it text, or leave it out`},
	{"an empty text", "", "contact: ' '\n",
		`14: contact is empty; give it text, or leave it out`},
	{"a list for text", "", "contact: [a]\n",
		`14: contact is a list; want text`},
	{"text for a list", "", "administrators: okta:platform\n",
		`14: administrators is text; want a list`},
	{"a mapping for a list", two, "clusters: {one: arn}",
		"10: clusters is a mapping; want a list\n" +
			`13: grant "view" names the cluster "one", which is not declared; there is none yet`},
	{"control characters", "", "contact: \"a\\e[31m\"\n",
		`14: contact has a control character in it; remove it`},
	{"a text without end", "", "contact: " + strings.Repeat("x", 1001) + "\n",
		`14: contact is longer than 1000 bytes; shorten it`},

	{"no url", "url: https://daypass.example.com\n", "",
		`1: the file has no url; add one, such as https://daypass.example.com`},
	{"a url with a path", "url: https://daypass.example.com", "url: https://example.com/daypass",
		`1: url: more than an origin; Daypass has a host of its own: leave out what follows host and port`},
	{"a url of plain http", "url: https:", "url: http:",
		`1: url: http is for loopback addresses only; use https`},
	{"a url without scheme", "url: https://", "url: ",
		`1: url: not a URL; write one such as https://sso.example.com`},
	{"a url of ftp", "url: https:", "url: ftp:",
		`1: url: a URL of the scheme "ftp"; use https`},
	{"a url with a password", "url: https://", "url: https://ann:" + hush + "@",
		`1: url: the URL holds a user or a password; remove them`},
	{"a url that cannot be parsed", "url: https://", "url: https://ann:" + hush + "/@",
		`1: url: not a URL; write one such as https://sso.example.com`},
	{"a url with an odd host", "url: https://daypass.example.com", "url: https://dày_pass.example.com",
		`1: url: not a host name; use letters, digits, - and . (xn--… for others)`},
	{"listening nowhere", "", "listen: example.com:80\n",
		`14: listen: "example.com:80" names the host "example.com"; want an IP address of this machine, localhost or nothing`},
	{"listening without a port", "", "listen: 127.0.0.1\n",
		`14: listen: "127.0.0.1" is not an address to listen on; write one such as 127.0.0.1:8080 or :8080`},
	{"listening on a port too high", "", "listen: :65536\n",
		`14: listen: ":65536" names the port "65536"; want a number from 0 to 65535`},
	{"one address for both listeners", "", "listen: 127.0.0.1:9090\n",
		`1: listen and operations are both 127.0.0.1:9090; give operations a port of its own, away from the public one`},
	{"proxies that are no network", "", "trustedProxies: [proxy, 10.0.0.1]\n",
		"14: trustedProxies: \"proxy\" is not a network; write one such as 203.0.113.0/24\n" +
			`14: trustedProxies: "10.0.0.1" is an address; for it alone, write 10.0.0.1/32`},
	{"flags in words", "", "audit: {stdout: yes}\n",
		`14: audit: stdout is neither true nor false; write one of them, without quotes`},

	{"no database", "database: {sqlite: d.db}\n", "",
		`1: the file has no database; add one, such as {sqlite: /var/lib/daypass/daypass.db}`},
	{"two databases", sqlite, "{sqlite: d.db, postgres: {urlEnv: DATABASE_URL}}",
		`2: database has both sqlite and postgres; keep one`},
	{"an empty database", sqlite, "{}",
		`2: database is empty; give it one of sqlite, postgres`},
	{"a database that is its URL", sqlite, "postgres://a:" + hush + "@h/d",
		`2: database is text; want a mapping with the keys sqlite, postgres`},
	{"a database with its URL as a key", sqlite, "{postgres: {'postgres://a:" + hush + "@h/d'}}",
		`2: database: postgres has something that is no key; its keys are url, urlFile, urlEnv`},
	{"a database password inline", sqlite, "{postgres: {url: 'postgres://a:" + hush + "@h/d'}}",
		`2: database: postgres: url: the URL holds a password; put the whole URL into a file or the environment and name it as urlFile or urlEnv`},
	{"a database password in a parameter", sqlite, "{postgres: {url: 'postgres://a@h/d?password=" + hush + "'}}",
		`2: database: postgres: url: the URL holds a password; put the whole URL into a file or the environment and name it as urlFile or urlEnv`},
	{"another kind of database", sqlite, "{postgres: {urlEnv: NOT_POSTGRES}}",
		`2: database: postgres: urlEnv: not a PostgreSQL URL; write one such as postgres://daypass@db.example.com/daypass?sslmode=verify-full (special characters in a password as %XX)`},
	{"a database's URL that cannot be parsed", sqlite, "{postgres: {urlEnv: BROKEN_URL}}",
		`2: database: postgres: urlEnv: not a PostgreSQL URL; write one such as postgres://daypass@db.example.com/daypass?sslmode=verify-full (special characters in a password as %XX)`},

	{"nowhere to sign in", "all", strings.Replace(base, signIn(), "", 1),
		"1: the file has no signIn; add one, such as {providers: [{name: okta, …}]}\n" +
			`6: an entry of grant "view": who names the provider "okta", which is not declared; there is none yet`},
	{"no providers", "providers:", "provider:",
		"4: signIn has no providers; add one, such as [{name: okta, issuer: https://example.okta.com, …}]\n" +
			"5: signIn has no key \"provider\"; did you mean \"providers\"?\n" +
			`13: an entry of grant "view": who names the provider "okta", which is not declared; there is none yet`},
	{"a program's sign-in of five minutes", "", "clients: {longest: 5m}\n",
		`14: clients: longest: "5m" is too short; want 15 min or more`},
	{"typed codes where no program may sign in", "", "clients: {enabled: false, deviceLogin: true}\n",
		`14: clients: deviceLogin is true and enabled is false; remove one of them`},
	{"a folder of clients that is not there", "", "clients:\n  downloads: /no/such/folder\n",
		`15: clients: downloads: the folder /no/such/folder does not exist; create it or correct the path`},
	{"a folder without clients, beside the file", "", "clients: {downloads: .}\n",
		`14: clients: downloads: the folder . holds none of the programs (kubectl-daypass-linux-amd64, kubectl-daypass-linux-arm64, kubectl-daypass-darwin-amd64, kubectl-daypass-darwin-arm64, kubectl-daypass-windows-amd64.exe, kubectl-daypass-windows-arm64.exe); build them with make clients, or correct the path`},
	{"a file where a folder of clients should be", "", "clients: {downloads: clients.go}\n",
		`14: clients: downloads: open clients.go: not a directory; correct the path or its rights`},
	{"an empty name of a folder", "", "clients: {downloads: ''}\n",
		`14: clients: downloads is empty; give it text, or leave it out`},
	{"clients to download where no program may sign in", "", "clients: {enabled: false, downloads: /no/such/folder}\n",
		`14: clients: downloads is given and enabled is false; remove one of them`},
	{"no provider", "all", strings.Replace(base, signIn(), "signIn: {providers: []}\n", 1),
		"3: signIn: providers is empty, so nobody can sign in; add an entry\n" +
			`7: an entry of grant "view": who names the provider "okta", which is not declared; there is none yet`},
	{"a provider's name in capitals", "name: okta", "name: Okta",
		`6: provider "Okta": name: "Okta" cannot be a name; use up to 63 of a-z, 0-9 and -, with a letter or digit at both ends`},
	{"two providers of a name", secret, secret + "\n    - {name: okta, issuer: 'https://b.example.com', clientID: b, clientSecret: {env: SECRET}}",
		`10: two providers are named "okta", first on line 6; rename one`},
	{"two providers of one issuer and client", secret, secret + "\n    - {name: b, issuer: 'https://okta.example.com', clientID: daypass, clientSecret: {env: SECRET}}",
		`10: provider "b" has issuer and clientID of provider "okta" on line 6; remove one of them`},
	{"a provider of nothing", "- name: okta", "- {}\n    - name: okta",
		"6: provider number 1 has no name; add one, such as okta\n" +
			"6: provider number 1 has no issuer; add one, such as https://example.okta.com\n" +
			"6: provider number 1 has no clientID; add one, such as 0oa1b2c3\n" +
			`6: provider number 1 has no clientSecret; add one, such as {file: /etc/daypass/okta-secret}`},
	{"an issuer of plain http", issuer, "issuer: http://okta.example.com",
		`7: provider "okta": issuer: http is for loopback addresses only; use https`},
	{"an issuer with a query", issuer, "issuer: https://okta.example.com?a=b",
		`7: provider "okta": issuer: an issuer has no query; write it exactly as the provider's discovery document does`},
	{"scopes in one text", secret, secret + "\n      scopes: [profile email]",
		`10: provider "okta": scopes: "profile email" is not one scope; write each as an entry of its own`},
	{"an unknown key of a provider", secret, secret + "\n      maxage: 1h",
		`10: provider "okta" has no key "maxage"; did you mean "maxAge"?`},
	{"a CA that is not there", secret, secret + "\n      caFile: none.pem",
		`10: provider "okta": caFile: the file none.pem does not exist; create it or correct the path`},
	{"a CA that is none", secret, secret + "\n      caFile: cases_test.go",
		`10: provider "okta": caFile: the file cases_test.go holds something else than certificates in PEM; leave only those in it`},
	{"a CA that is a folder", secret, secret + "\n      caFile: .",
		`10: provider "okta": caFile: . is not a file; correct the path`},
	{"a prompt that lets nobody in", secret, secret + "\n      prompt: none",
		`10: provider "okta": prompt: "none" is not known; write login, consent or select_account, or several with spaces between`},
	{"a prompt as a list", secret, secret + "\n      prompt: [login]",
		`10: provider "okta": prompt is a list; want text`},
	{"a proof too fresh", secret, secret + "\n      maxAge: 0s",
		`10: provider "okta": maxAge: "0s" is too short; want 1 min or more`},
	{"a proof too old", secret, secret + "\n      maxAge: 721h",
		`10: provider "okta": maxAge: "721h" is too long; want 720 h or less`},
	{"a maxAge in seconds", secret, secret + "\n      maxAge: 3600",
		`10: provider "okta": maxAge: "3600" is not a duration; write one such as 8h, 45m or 1h30m`},
	{"classes in one text", secret, secret + "\n      acrValues: [mfa phr]",
		`10: provider "okta": acrValues: "mfa phr" is not one value; write each as an entry of its own`},
	{"no class at all", secret, secret + "\n      acrValues: []",
		`10: provider "okta": acrValues is empty, so no way of signing in would do; add an entry`},
	{"trust in quotes", secret, secret + "\n      trustUnstatedEmail: 'true'",
		`10: provider "okta": trustUnstatedEmail is neither true nor false; write one of them, without quotes`},
	{"groups from nowhere", secret, secret + "\n      groupsFrom: ldap",
		`10: provider "okta": groupsFrom: "ldap" is no place for groups; write idToken, userinfo or graph`},
	{"a Graph that is not asked", secret, secret + "\n      graphURL: https://graph.microsoft.us",
		`10: provider "okta" has graphURL, which is asked with groupsFrom: graph only; set that, or remove it`},
	{"a Graph with a path", secret, secret + "\n      groupsFrom: graph\n      graphURL: https://graph.microsoft.us/v1.0",
		`11: provider "okta": graphURL: more than scheme and host; write one such as https://graph.microsoft.us`},
	{"a Graph of plain http", secret, secret + "\n      groupsFrom: graph\n      graphURL: http://graph.microsoft.us",
		`11: provider "okta": graphURL: http is for loopback addresses only; use https`},
	{"a secret inline", secret, hush,
		`9: provider "okta": clientSecret does not say where the secret is; write {file: PATH} or {env: NAME}; a secret is never written into this file`},
	{"a secret inline as a value", secret, "{value: " + hush + "}",
		`9: provider "okta": clientSecret does not say where the secret is; write {file: PATH} or {env: NAME}; a secret is never written into this file`},
	{"a secret inline as a key", secret, "{" + hush + "}",
		`9: provider "okta": clientSecret does not say where the secret is; write {file: PATH} or {env: NAME}; a secret is never written into this file`},
	{"a secret inline as the name of a variable", secret, "{env: '" + hush + "'}",
		`9: provider "okta": clientSecret: env is not the name of an environment variable; use capital letters, digits and _`},
	{"a secret from file and environment", secret, "{env: SECRET, file: x}",
		`9: provider "okta": clientSecret has both file and env; keep one`},
	{"a secret from nowhere", secret, "{}",
		`9: provider "okta": clientSecret is empty; give it one of file, env`},
	{"a variable that is not set", secret, "{env: SECRETT}",
		`9: provider "okta": clientSecret: env: the environment variable SECRETT is not set or empty; set it where Daypass is started`},
	{"a variable of two lines", secret, "{env: TWO_LINES}",
		`9: provider "okta": clientSecret: env: the environment variable TWO_LINES holds more than one line of text; leave only the secret in it`},
	{"idle longer than absolute", "idle: 1h", "idle: 2h\n  absolute: 1h",
		`4: signIn: idle is 2 h, longer than absolute, 1 h; shorten idle`},
	{"a duration without unit", "idle: 1h", "idle: 3600",
		`4: signIn: idle: "3600" is not a duration; write one such as 8h, 45m or 1h30m`},
	{"a duration in days", "idle: 1h", "idle: 1d",
		`4: signIn: idle: "1d" is not a duration; write one such as 8h, 45m or 1h30m`},
	{"a sign-in of a week", "idle: 1h", "absolute: 168h",
		`4: signIn: absolute: "168h" is too long; want 24 h or less`},

	{"an administrator without provider", "", "administrators: [{group: platform}]\n",
		`14: an entry of administrators: group: "platform" does not say whose it is; write provider:platform`},
	{"an administrator of an unknown provider", "", "administrators: [{group: 'okat:platform'}, {provider: github}]\n",
		"14: an entry of administrators names the provider \"okat\", which is not declared; did you mean \"okta\"?\n" +
			`14: an entry of administrators names the provider "github", which is not declared; there is okta`},
	{"a reviewer of an unknown provider", "", "reviewers: [{group: 'okat:leads'}]\n",
		`14: an entry of reviewers names the provider "okat", which is not declared; did you mean "okta"?`},
	{"a reviewer who is two", "", "reviewers: [{group: 'okta:a', provider: okta}]\n",
		`14: an entry of reviewers has both group and provider; keep one`},
	{"sealing keys from file and environment", "", "sealingKeyFile: f\nsealingKeyEnv: SECRET\n",
		`15: the file has both sealingKeyFile and sealingKeyEnv; keep one`},
	{"sealing keys from a variable that is not set", "", "sealingKeyEnv: SECRETT\n",
		`14: sealingKeyEnv: the environment variable SECRETT is not set or empty; set it where Daypass is started`},
	{"sealing keys in the place of a variable", "", "sealingKeyEnv: '" + hush + "'\n",
		`14: sealingKeyEnv is not the name of an environment variable; use capital letters, digits and _`},
	{"a cluster without ARN, of which nothing more is told", two, "clusters: [{name: one}]",
		`10: cluster "one" has no arn; add one, such as arn:aws:eks:eu-west-1:111122223333:cluster/payments`},
	{"an auditor who is two", "", "auditors: [{group: 'okta:a', email: 'okta:a@example.com'}]\n",
		`14: an entry of auditors has both group and email; keep one`},
	{"an auditor who is nobody", "", "auditors: [{}]\n",
		`14: an entry of auditors is empty; give it one of group, email, subject, provider`},
	{"an auditor whose e-mail is none", "", "auditors: [{email: 'okta:ann'}]\n",
		`14: an entry of auditors: email: "okta:ann" is not an e-mail address; write provider:ann@example.com`},

	{"an account of eleven digits", "", "accounts: [{id: 11112222333, name: prod}]\n",
		`14: account "prod": id: "11112222333" is no account; write its twelve digits in quotes`},
	{"an account twice", "", "accounts: [{id: 111122223333, name: prod}, {id: 111122223333, name: prod}]\n",
		"14: two accounts have the id 111122223333, first on line 14; keep one\n" +
			`14: two accounts are named "prod", first on line 14; rename one`},
	{"an account described by another's role", "", "accounts: [{id: 111122223333, name: prod, describeRole: 'arn:aws:iam::444455556666:role/d'}]\n",
		`14: account "prod": describeRole "arn:aws:iam::444455556666:role/d" is a role of another account than 111122223333, which cannot see this account's clusters; name a role of 111122223333`},
	{"a cluster's name with a space", "{name: one, arn", "{name: one two, arn",
		`10: cluster number 1: name: "one two" cannot be a name; use up to 100 of a-z, 0-9, - and ., with a letter or digit at both ends`},
	{"a cluster without ARN", two, "clusters: [{name: one}]",
		`10: cluster "one" has no arn; add one, such as arn:aws:eks:eu-west-1:111122223333:cluster/payments`},
	{"a cluster with a role's ARN", arn, "arn:aws:iam::111122223333:role/one",
		`10: cluster "one": arn: "arn:aws:iam::111122223333:role/one" is not a cluster's ARN; aws eks describe-cluster shows it`},
	{"a cluster's ARN cut short", arn, "arn:aws:eks:eu-west-1:111122223333",
		`10: cluster "one": arn: "arn:aws:eks:eu-west-1:111122223333" is not an ARN: want arn:partition:service:region:account:resource; aws eks describe-cluster shows it`},
	{"a cluster of an unknown partition", "arn:aws:eks", "arn:amazon:eks",
		`10: cluster "one": arn: "arn:amazon:eks:eu-west-1:111122223333:cluster/one" names the partition "amazon", which is none of aws, aws-cn, aws-us-gov, aws-iso, aws-iso-b, aws-iso-e, aws-iso-f, aws-eusc; aws eks describe-cluster shows it`},
	{"a cluster under two names", "labels: {env: prod}}", "labels: {env: prod}}, {name: two, arn: '" + arn + "'}",
		`10: cluster "two" is the same EKS cluster as cluster "one" on line 10; keep one, or grants on one open the other`},
	{"two clusters of a name", "labels: {env: prod}}", "labels: {env: prod}}, {name: one, arn: 'arn:aws:eks:eu-west-1:111122223333:cluster/two'}",
		`10: two clusters are named "one", first on line 10; rename one`},
	{"a proxy with a password", "labels: {env: prod}", "proxyURL: 'https://a:" + hush + "@proxy'",
		`10: cluster "one": proxyURL: the URL holds a user or a password and goes into everybody's kubeconfig; remove them`},
	{"a proxy of an unknown kind", "labels: {env: prod}", "proxyURL: 'socks4://proxy'",
		`10: cluster "one": proxyURL: not a proxy's URL; write one such as https://egress.example.com:3128 (http, https or socks5)`},
	{"labels in a list", "labels: {env: prod}", "labels: [prod]",
		`10: cluster "one": labels is a list; want a mapping such as {env: prod}`},

	{"a role with an unknown placeholder", "{account}", "{acount}",
		`11: role "viewer": arn: the placeholder "{acount}" is not known; did you mean "account"?`},
	{"a role with half a placeholder", "{account}", "{account",
		`11: role "viewer": arn: "arn:{partition}:iam::{account:role/viewer" has a brace without its other half; placeholders look like {partition}`},
	{"a role of another service", ":iam:", ":sts:",
		`11: role "viewer": arn: "arn:aws:sts::000000000000:role/viewer" is of the service "sts": want eks or iam; write one such as arn:aws:iam::111122223333:role/NAME`},
	{"a role with a bad external ID", "role/viewer\"}", "role/viewer\", externalID: 'a b'}",
		`11: role "viewer": externalID: not an external ID; AWS takes two or more letters, digits and _+=,.@:/-`},
	{"a role whose partition does not fit", "{partition}", "aws-cn",
		`13: grant "view" gives the role "viewer" of the partition aws-cn on the cluster "one" of aws; write {partition} in the role's arn, or select other clusters`},
	{"two roles of a name", "role/viewer\"}", "role/viewer\"}, {name: viewer, arn: 'arn:aws:iam::111122223333:role/v'}",
		`11: two roles are named "viewer", first on line 11; rename one`},
	{"a role with a quoted flag", "role/viewer\"}", "role/viewer\", sessionTags: 'false'}",
		`11: role "viewer": sessionTags is neither true nor false; write one of them, without quotes`},

	{"a grant of an unknown role", grant, "role: viewr}",
		`13: grant "view" names the role "viewr", which is not declared; did you mean "viewer"?`},
	{"a grant on an unknown cluster", "{name: one}]", "{name: won}]",
		`13: grant "view" names the cluster "won", which is not declared; there is one`},
	{"a grant on no cluster", "[{name: one}]", "[]",
		`13: grant "view": clusters is empty, so no cluster is meant; add an entry`},
	{"a grant to nobody", "[{group: okta:eng}]", "[]",
		`13: grant "view": who is empty, so nobody is meant; add an entry`},
	{"a grant that lacks all", "- {name: view,", "- {name: all}\n  - {name: view,",
		"13: grant \"all\" has no who; add one, such as [{group: okta:engineering}]\n" +
			"13: grant \"all\" has no clusters; add one, such as [{labels: {env: dev}}]\n" +
			`13: grant "all" has no role; add one, such as viewer`},
	{"a selector of nothing", "{name: one}]", "{}]",
		`13: an entry of grant "view": clusters selects nothing; give it name, arn or labels`},
	{"a selector of no labels", "{name: one}]", "{labels: {}}]",
		`13: an entry of grant "view": clusters selects nothing; give it name, arn or labels`},
	{"labels that match nothing", "{name: one}]", "{name: one}, {labels: {env: dev}}]",
		`13: grant "view": the selector {labels: {env: dev}} matches no cluster; correct it or remove it`},
	{"a pattern that matches nothing", "{name: one}]", "{name: one}, {arn: 'arn:aws:eks:us-*'}]",
		`13: grant "view": the selector {arn: arn:aws:eks:us-*} matches no cluster; correct it or remove it`},
	{"a pattern that is none", "{name: one}]", "{arn: '*/one'}]",
		`13: an entry of grant "view": clusters: arn: "*/one" is not a pattern for ARNs; write one such as arn:aws:eks:*:111122223333:cluster/*`},
	{"a lease too long", grant, "role: viewer, longest: 24h}",
		`13: grant "view": longest: "24h" is too long; want 12 h or less`},
	{"a lease too short", grant, "role: viewer, longest: 1s}",
		`13: grant "view": longest: "1s" is too short; want 1 min or more`},
	{"an end that is a day", grant, "role: viewer, until: 2026-12-31}",
		`13: grant "view": until: "2026-12-31" does not say whether that day still counts, nor where; write 2026-12-31T00:00:00Z if it does not, 2027-01-01T00:00:00Z if it does`},
	{"an end without zone", grant, "role: viewer, until: '2026-12-31T00:00:00'}",
		`13: grant "view": until: "2026-12-31T00:00:00" is not an instant; write one such as 2026-12-31T00:00:00Z or 2026-12-31T18:00:00+01:00`},
	{"an end in words", grant, "role: viewer, until: new year}",
		`13: grant "view": until: "new year" is not an instant; write one such as 2026-12-31T00:00:00Z or 2026-12-31T18:00:00+01:00`},
	{"networks with host bits", grant, "role: viewer, networks: [203.0.113.7/24, 'fd00::1', '::ffff:10.0.0.0/104', ten]}",
		"13: grant \"view\": networks: \"203.0.113.7/24\" has bits set behind its /24; did you mean 203.0.113.0/24 or 203.0.113.7/32?\n" +
			"13: grant \"view\": networks: \"fd00::1\" is an address; for it alone, write fd00::1/128\n" +
			"13: grant \"view\": networks: \"::ffff:10.0.0.0/104\" is IPv4 written as IPv6, which no address matches; write it as IPv4\n" +
			`13: grant "view": networks: "ten" is not a network; write one such as 203.0.113.0/24`},
	{"a reason of text", grant, "role: viewer, require: {reason: ticket}}",
		`13: grant "view": require: reason is text; want true, or {hint: what to write}`},
	{"a requirement not known", grant, "role: viewer, require: {approval: true}}",
		`13: grant "view": require has no key "approval"; there is reason`},
	{"break-glass without reason", grant, "role: viewer, require: {reason: false}, breakGlass: {whom: all}}",
		`13: grant "view" breaks the glass, which always demands a reason; remove reason: false`},
	{"break-glass that tells a stranger", grant, "role: viewer, breakGlass: {tells: [securty]}}\n" + hooks,
		`13: grant "view" names the webhook "securty", which is not declared; did you mean "security"?`},
	{"a webhook's secret too short", "", strings.Replace(hooks, "{env: SECRET}", "{env: SHORT_SECRET}", 1),
		`14: webhook "security": secret is too short, 23 bytes; Standard Webhooks wants 24 to 64: make another, such as with 'openssl rand -base64 32', and give it to the receiver too`},
	{"a webhook of plain http", "", "notify: {webhooks: [{name: a, url: 'http://h.example.com', secret: {env: SECRET}}]}\n",
		`14: webhook "a": url: http is for loopback addresses only; use https`},
	{"two webhooks of a name", "", "notify: {webhooks: [{name: a, url: 'https://h.example.com', secret: {env: SECRET}}, {name: a, url: 'https://h.example.com', secret: {env: SECRET}}]}\n",
		`14: two webhooks are named "a", first on line 14; rename one`},
	{"a context that names no role", "", "kubeconfig: {context: '{cluster}'}\n",
		`14: kubeconfig: context: must hold both {cluster} and {role}, or one kubeconfig would overwrite another`},
	{"a context with an unknown placeholder", "", "kubeconfig: {context: '{cluster}-{roles}'}\n",
		`14: kubeconfig: context: the placeholder "{roles}" is not known; did you mean "role"?`},
	{"a context with a space", "", "kubeconfig: {context: '{cluster} {role}'}\n",
		`14: kubeconfig: context: has characters that shells and tools trip over; use letters, digits and ._:/@+=,- beside placeholders`},
	{"contexts that collide", "all", collide,
		`1: the kubeconfigs of role "b-c" on cluster "a" and of role "c" on cluster "a-b" would both be named "a-b-c"; set kubeconfig: {context: …} to keep them apart, such as {role}@{cluster}`},
	{"everything at once", "all", everything,
		"1: url: http is for loopback addresses only; use https\n" +
			"2: listen: \"here\" is not an address to listen on; write one such as 127.0.0.1:8080 or :8080\n" +
			"3: database: sqlite is empty; give it text, or leave it out\n" +
			"4: the file has no key \"signin\"; did you mean \"signIn\"?\n" +
			"6: signIn: idle: \"soon\" is not a duration; write one such as 8h, 45m or 1h30m\n" +
			"8: provider \"okta\" has no clientID; add one, such as 0oa1b2c3\n" +
			"9: provider \"okta\": issuer: not a URL; write one such as https://sso.example.com\n" +
			"10: provider \"okta\": clientSecret does not say where the secret is; write {file: PATH} or {env: NAME}; a secret is never written into this file\n" +
			"12: cluster \"One\": name: \"One\" cannot be a name; use up to 100 of a-z, 0-9, - and ., with a letter or digit at both ends\n" +
			"12: cluster \"One\": arn: \"one\" is not an ARN: want arn:partition:service:region:account:resource; aws eks describe-cluster shows it\n" +
			"14: role \"viewer\": arn: \"viewer\" is not an ARN: want arn:partition:service:region:account:resource; write one such as arn:aws:iam::111122223333:role/NAME\n" +
			"16: grant \"g\" has no key \"for\"; there is breakGlass, clusters, longest, name, networks, require, role, sponsor, until, who\n" +
			"16: an entry of grant \"g\": who names the provider \"otka\", which is not declared; did you mean \"okta\"?\n" +
			"16: grant \"g\": until: \"2026-12-31\" does not say whether that day still counts, nor where; write 2026-12-31T00:00:00Z if it does not, 2027-01-01T00:00:00Z if it does\n" +
			"17: grant \"g\" names the role \"editor\", which is not declared; there is viewer\n" +
			"17: grant \"g\": networks: \"10.0.0.1/8\" has bits set behind its /8; did you mean 10.0.0.0/8 or 10.0.0.1/32?\n" +
			"17: two grants are named \"g\", first on line 16; rename one\n" +
			`18: webhook "w" has no secret; add one, such as {file: /etc/daypass/webhook-secret}`},
}

// signIn is that section of base.
func signIn() string {
	return base[strings.Index(base, "signIn:"):strings.Index(base, "clusters:")]
}

const collide = `url: https://daypass.example.com
database: {sqlite: d.db}
signIn: {providers: [{name: okta, issuer: 'https://okta.example.com', clientID: a, clientSecret: {env: SECRET}}]}
clusters:
  - {name: a, arn: "arn:aws:eks:eu-west-1:111122223333:cluster/a"}
  - {name: a-b, arn: "arn:aws:eks:eu-west-1:111122223333:cluster/b"}
roles:
  - {name: c, arn: "arn:aws:iam::111122223333:role/c"}
  - {name: b-c, arn: "arn:aws:iam::111122223333:role/bc"}
grants:
  - {name: g, who: [{provider: okta}], clusters: [{name: a-b}], role: c}
  - {name: h, who: [{provider: okta}], clusters: [{name: a}], role: b-c}
`

const everything = `url: http://daypass.example.com/x
listen: here
database: {sqlite: ''}
signin: {}
signIn:
  idle: soon
  providers:
    - name: okta
      issuer: okta
      clientSecret: hunter2-hush
clusters:
  - {name: One, arn: one}
roles:
  - {name: viewer, arn: viewer}
grants:
  - {name: g, who: [{group: otka:x}], clusters: [{labels: {a: b}}], role: viewer, until: 2026-12-31, for: 1h}
  - {name: g, who: [{group: okta:x}], clusters: [{name: two}], role: editor, networks: [10.0.0.1/8]}
notify: {webhooks: [{name: w, url: 'https://h.example.com'}]}
`
