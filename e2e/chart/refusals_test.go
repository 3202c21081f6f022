package chart

import (
	"strings"
	"testing"

	"github.com/daypass/daypass/e2e/chain"
)

// TestRefusals lays each mistake over values that work.
func TestRefusals(t *testing.T) {
	chain.Need(t, "helm")
	for _, test := range []struct{ name, base, values, words string }{
		{"refuses two replicas of one SQLite file", "sqlite", `replicas: 2`, `at '/replicas': value must be 1`},
		{"refuses two replicas when SQLite is named", "irsa", `replicas: 2`, `at '/replicas': value must be 1`},
		{"refuses no replica", "postgres", `replicas: 0`, `at '/replicas': minimum: got 0, want 1`},
		{"refuses an unknown value", "sqlite", `image: {repo: x}`, `at '/image': additional properties 'repo' not allowed`},
		{"refuses an unknown key of daypass.yaml", "sqlite", `config: {grant: []}`, `at '/config': additional properties 'grant' not allowed`},
		{"refuses a missing url", "sqlite", `config: {url: null}`, `config.url is missing: write how people reach Daypass`},
		{"refuses an empty url", "sqlite", `config: {url: ""}`, `config.url is missing: write how people reach Daypass`},
		{"refuses a url without TLS", "sqlite", `config: {url: "http://daypass.example.com"}`, `at '/config/url': 'http://daypass.example.com' does not match pattern`},
		{"refuses a url with a path", "sqlite", `config: {url: "https://example.com/daypass"}`, `at '/config/url'`},
		{"refuses a missing image", "sqlite", `image: {repository: ""}`, `image.repository is missing: push the image to a registry of yours`},
		{"refuses two databases", "postgres", `config: {database: {sqlite: /var/lib/daypass/daypass.db}}`, `config.database names both sqlite and postgres: keep one`},
		{"refuses two places to find PostgreSQL", "postgres", `config: {database: {postgres: {urlEnv: DATABASE_URL}}}`, `at '/config/database/postgres': maxProperties: got 2, want 1`},
		{"refuses a file that is nowhere in the pod", "postgres", `config: {database: {postgres: {urlFile: database-url}}}`, `at '/config/database/postgres/urlFile'`},
		{"refuses a SQLite file off the volume", "sqlite", `config: {database: {sqlite: /tmp/daypass.db}}`, `/tmp/daypass.db, which is not on the volume and would be lost`},
		{"refuses a SQLite file that climbs off the volume", "sqlite", `config: {database: {sqlite: /var/lib/daypass/../x.db}}`, `not on the volume and would be lost`},
		{"refuses an address to listen on", "sqlite", `config: {listen: "127.0.0.1:8080"}`, `config.listen is set by the chart`},
		{"refuses an operations address", "sqlite", `config: {operations: "127.0.0.1:9090"}`, `config.operations is set by the chart`},
		{"refuses servers that do not share a sealing key", "sqlite", "replicas: 2\nconfig: {database: {postgres: {urlFile: /etc/daypass/secrets/database-url}}}", `replicas is 2 without a sealing key`},
		{"refuses a number that Helm would rewrite", "sqlite", `config: {accounts: [{id: 11112222333344445555666, name: dev}]}`, `quote it (- id: 1.1112222333344445e+22)`},
		{"refuses a grace too short to drain", "sqlite", `drain: {pauseSeconds: 20}`, `drain.graceSeconds is 60 and would cut requests under way: make it at least 65`},
		{"refuses a user where a role belongs", "irsa", `serviceAccount: {roleArn: "arn:aws:iam::111122223333:user/ann"}`, `at '/serviceAccount/roleArn'`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := template(t, "--values=testdata/values/"+test.base+".yaml", "--values="+written(t, "mistake.yaml", test.values))
			if got.Code == 0 || !strings.Contains(got.Stderr, test.words) {
				t.Errorf("exit code %d, want a refusal with %q:\n%s", got.Code, test.words, got.Stderr)
			}
		})
	}
}

func TestRefusesTwoOwnersEvenWithoutTheSchema(t *testing.T) {
	chain.Need(t, "helm")
	got := template(t, "--values=testdata/values/sqlite.yaml", "--set=replicas=2", "--skip-schema-validation")
	const words = "replicas is 2, but a SQLite file has one owner: set replicas to 1, or use config.database.postgres"
	if got.Code == 0 || !strings.Contains(got.Stderr, words) {
		t.Errorf("exit code %d:\n%s", got.Code, got.Stderr)
	}
}
