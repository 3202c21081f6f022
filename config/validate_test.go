package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// refusals checks a value against what our schema uses of JSON Schema, and no
// more: a keyword that it does not know fails the test.
func refusals(t *testing.T, s map[string]any, v any, path string) (out []string) {
	t.Helper()
	say := func(ok bool, what string) {
		if !ok {
			out = append(out, strings.TrimPrefix(path+": ", ".")+what)
		}
	}
	m, isObject := v.(map[string]any)
	list, isArray := v.([]any)
	text, isString := v.(string)
	for keyword, rule := range s {
		switch keyword {
		case "$schema", "title", "description", "default", "examples", "patternErrorMessage":
		case "type":
			say(typeFits(rule, v), "type")
		case "enum":
			say(oneOf(rule.([]any), v), "enum")
		case "pattern":
			say(!isString || regexp.MustCompile(rule.(string)).MatchString(strings.TrimSpace(text)), "pattern")
		case "minItems":
			say(!isArray || float64(len(list)) >= rule.(float64), "minItems")
		case "minProperties":
			say(!isObject || float64(len(m)) >= rule.(float64), "minProperties")
		case "oneOf":
			fits := 0
			for _, one := range rule.([]any) {
				if refusals(t, one.(map[string]any), v, path) == nil {
					fits++
				}
			}
			say(fits == 1 || !isObject, "oneOf")
		case "not":
			say(refusals(t, rule.(map[string]any), v, path) != nil, "not")
		case "required":
			for _, name := range rule.([]any) {
				if _, has := m[name.(string)]; isObject && !has {
					out = append(out, strings.TrimPrefix(path+"."+name.(string), ".")+": required")
				}
			}
		case "items":
			for _, item := range list {
				out = append(out, refusals(t, rule.(map[string]any), item, path)...)
			}
		case "properties", "additionalProperties":
		default:
			t.Fatalf("the test does not know the keyword %s", keyword)
		}
	}
	return append(out, members(t, s, m, path)...)
}

// members checks the values of a mapping's keys.
func members(t *testing.T, s, m map[string]any, path string) (out []string) {
	t.Helper()
	properties, _ := s["properties"].(map[string]any)
	for name, v := range m {
		at := strings.TrimPrefix(path+"."+name, ".")
		known, ok := properties[name].(map[string]any)
		others, open := s["additionalProperties"].(map[string]any)
		switch {
		case ok:
			out = append(out, refusals(t, known, v, at)...)
		case open:
			out = append(out, refusals(t, others, v, at)...)
		case s["additionalProperties"] == false:
			out = append(out, at+": unknown")
		}
	}
	return out
}

func oneOf(all []any, v any) bool {
	for _, one := range all {
		if reflect.DeepEqual(one, v) {
			return true
		}
	}
	return false
}

func typeFits(rule, v any) bool {
	if several, ok := rule.([]any); ok {
		for _, one := range several {
			if typeFits(one, v) {
				return true
			}
		}
		return false
	}
	switch v.(type) {
	case map[string]any:
		return rule == "object"
	case []any:
		return rule == "array"
	case string:
		return rule == "string"
	case float64:
		return rule == "number"
	case bool:
		return rule == "boolean"
	}
	return false
}

func TestTheSchemaTakesWhatTheReaderTakes(t *testing.T) {
	files := map[string]string{"the smallest file": base, "twins": strings.Replace(twins, "ROLE", "arn:aws:iam::{account}:role/v", 1)}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "../docs/daypass.example.yaml") {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(page, ".yaml") {
			files[page] = string(data)
		}
		for _, m := range regexp.MustCompile("(?s)```yaml daypass.yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
			files[page] = m[1]
		}
	}
	if len(files) < 4 {
		t.Errorf("there are only %d files to check", len(files))
	}
	rules := schema(t)
	for name, data := range files {
		if out := refusals(t, rules, value(t, data), ""); out != nil {
			t.Errorf("%s: %q", name, out)
		}
	}
}

// at finds a key by its path.
func at(t *testing.T, path string) []key {
	t.Helper()
	var out []key
	keys := fileKeys()
	for name := range strings.SplitSeq(path, ".") {
		k := find(keys, name)
		if k.name == "" {
			t.Fatalf("there is no key %s", path)
		}
		out, keys = append(out, k), k.keys
	}
	return out
}

func TestReaderAndSchemaAgreeOnValues(t *testing.T) {
	j := judges(t)
	for _, tt := range []struct {
		path, text string
		good       bool
	}{
		{"url", "https://daypass.example.com:8443/", true}, {"url", "http://[::1]:8080", true}, {"url", "https://example.com/daypass", false}, {"url", "ftp://example.com", false},
		{"listen", `":0"`, true}, {"listen", `"[::1]:80"`, true}, {"listen", "127.0.0.1", false},
		{"contact", "5", true}, {"contact", "' spaces '", true}, {"contact", "~", false},
		{"trustedProxies", "['fd00::/8', 10.0.0.0/8]", true}, {"trustedProxies", "[10.0.0.1]", false},
		{"sealingKeyEnv", "SECRET", true}, {"sealingKeyEnv", "secret", false},
		{"database", "{}", false}, {"database", "{sqlite: a, postgres: {urlEnv: DATABASE_URL}}", false},
		{"database.postgres", "{url: 'postgresql://a@h/d'}", true}, {"database.postgres", "{url: 'mysql://a@h/d'}", false},
		{"signIn.idle", "+1h30m", true}, {"signIn.idle", "1.5h", true}, {"signIn.idle", "3600s", true}, {"signIn.idle", "1d", false}, {"signIn.idle", "3600", false},
		{"signIn.providers", "[]", false},
		{"signIn.providers.issuer", "http://localhost:5556/dex/", true}, {"signIn.providers.issuer", "okta", false},
		{"signIn.providers.clientID", "1234567890", true},
		{"signIn.providers.clientSecret", "hunter2-hush", false}, {"signIn.providers.clientSecret", "{env: SECRET, file: x}", false}, {"signIn.providers.clientSecret", "{env: lower}", false},
		{"signIn.providers.scopes", "['https://graph.microsoft.com/.default']", true}, {"signIn.providers.scopes", "[profile email]", false},
		{"signIn.providers.groupsFrom", "userinfo", true}, {"signIn.providers.groupsFrom", "ldap", false},
		{"signIn.providers.prompt", "'login  consent'", true}, {"signIn.providers.prompt", "none", false},
		{"signIn.providers.trustUnstatedEmail", "true", true}, {"signIn.providers.trustUnstatedEmail", "'true'", false},
		{"signIn.providers.acrValues", "[1, 2]", true}, {"signIn.providers.acrValues", "[]", false}, {"signIn.providers.acrValues", "[mfa phr]", false},
		{"reviewers", "[{group: 'okta:a b'}]", true}, {"reviewers", "[]", true}, {"reviewers", "[{}]", false}, {"reviewers", "[{group: sre}]", false}, {"reviewers", "[{group: 'okta:a', provider: okta}]", false},
		{"accounts.id", "111122223333", true}, {"accounts.id", "'1111'", false},
		{"clusters.labels", "{env: prod, tier: 1, gpu: true, team: payments}", true}, {"clusters.labels", "{env: [prod]}", false},
		{"clusters.proxyURL", "socks5://egress.example.com:1080", true}, {"clusters.proxyURL", "https://a:b@egress.example.com", false},
		{"clusters.arn", "arn:aws:eks:eu-west-1:111122223333:nodegroup/x", false},
		{"roles.arn", "arn:{partition}:iam::{account}:role/path/{region}/viewer", true}, {"roles.arn", "arn:aws:iam::111122223333:user/ann", false},
		{"roles.externalID", "12345", true}, {"roles.externalID", "a b", false},
		{"grants.until", "2099-12-31T18:00:00.5+01:00", true}, {"grants.until", "2099-12-31", false},
		{"grants.networks", "['2001:db8::/32']", true}, {"grants.who", "[]", false}, {"grants.clusters", "[{}]", false},
		{"grants.require", "{reason: {}}", true}, {"grants.require", "{reason: true}", true}, {"grants.require", "{reason: ticket}", false},
		{"kubeconfig.context", "'{role}@{cluster}.{account}/{region}'", true}, {"kubeconfig.context", "'{cluster} {role}'", false}, {"kubeconfig.context", "'{cluster}-{roles}'", false},
	} {
		t.Run(tt.path+" as "+tt.text, func(t *testing.T) {
			_, told, refused := j.verdicts(t, set(t, at(t, tt.path), tt.text))
			if (told == "") != tt.good || (refused == "") != tt.good {
				t.Errorf("want good: %v; the reader says %q, the schema %q", tt.good, told, refused)
			}
		})
	}
}

func TestTheExampleNamesItsSchema(t *testing.T) {
	data, err := os.ReadFile("../docs/daypass.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name, ok := strings.CutPrefix(strings.SplitN(string(data), "\n", 2)[0], "# yaml-language-server: $schema=")
	if !ok || filepath.Join("../docs", name) != schemaPath {
		t.Errorf("it names %q", name)
	}
}

func TestReaderAndSchemaRefuseTwoPlacesOfSealingKeys(t *testing.T) {
	root := exampleNode(t)
	put(root, "sealingKeyFile", node(t, "secrets/webhook-secret"))
	j := judges(t)
	if _, told, refused := j.verdicts(t, root); told+refused != "" {
		t.Errorf("one: the reader says %q, the schema %q", told, refused)
	}
	put(root, "sealingKeyEnv", node(t, "SECRET"))
	if _, told, refused := j.verdicts(t, root); told == "" || !strings.Contains(refused, "not") {
		t.Errorf("both: the reader says %q, the schema %q", told, refused)
	}
}
