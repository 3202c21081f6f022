package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daypass/daypass/api"
)

type object = map[string]any

func openAPI(t *testing.T) object {
	t.Helper()
	b, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc object
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestTheDocumentHasTheRoutesThatThereAre reads the routes where they are
// written.
func TestTheDocumentHasTheRoutesThatThereAre(t *testing.T) {
	src, err := os.ReadFile("api.go")
	if err != nil {
		t.Fatal(err)
	}
	var routed, told []string
	for _, m := range regexp.MustCompile(`\tr\.(Get|Post|Delete)\("([^"]+)"`).FindAllStringSubmatch(string(src), -1) {
		routed = append(routed, strings.ToLower(m[1])+" "+m[2])
	}
	for path, ops := range openAPI(t)["paths"].(object) {
		for method := range ops.(object) {
			told = append(told, method+" "+path)
		}
	}
	slices.Sort(routed)
	slices.Sort(told)
	if !slices.Equal(routed, told) || len(told) < 16 {
		t.Errorf("the routes are\n%s\nthe document has\n%s", strings.Join(routed, "\n"), strings.Join(told, "\n"))
	}
}

func TestTheDocumentIsServedToAnybody(t *testing.T) {
	s := newSite(t)
	c := program(t, s)
	served, err := c.OpenAPI(t.Context())
	if err != nil || !bytes.Contains(served, []byte(`"openapi": "3.1.0"`)) {
		t.Errorf("%v: %.80s", err, served)
	}
	if at, err := c.About(t.Context()); err != nil || at.URL != s.URL || at.DeviceLogin {
		t.Errorf("%+v, %v", at, err)
	}
}

func TestAnAnswerThatTheDocumentDoesNotHaveIsNoticed(t *testing.T) {
	d := holder{openAPI(t)}
	for text, want := range map[string]string{
		`{"clusters":[{"name":1}]}`:    "is no string",
		`{"clusters":[{}]}`:            "lacks",
		`{"clusters":[],"secret":"x"}`: "has secret",
		`{"clusters":{}}`:              "is no array",
		`{"time":"noon","url":"","version":"","deviceLogin":false}`: "is no date-time",
	} {
		var v any
		_ = json.Unmarshal([]byte(text), &v)
		schema := object{"$ref": "#/components/schemas/Clusters"}
		if strings.Contains(text, "noon") {
			schema["$ref"] = "#/components/schemas/Server"
		}
		if got := strings.Join(d.flaws("it", schema, v), "; "); !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// held lets requests through and holds each answer of the API against the
// document.
func held(t *testing.T) http.RoundTripper { return holder{openAPI(t)}.on(t) }

type holder struct{ doc object }

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (d holder) on(t *testing.T) http.RoundTripper {
	return tripper(func(r *http.Request) (*http.Response, error) {
		res, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		res.Body = io.NopCloser(bytes.NewReader(raw))
		for _, flaw := range d.judge(r, res, raw) {
			t.Errorf("%s %s: %s", r.Method, r.URL.Path, flaw)
		}
		return res, err
	})
}

func (d holder) judge(r *http.Request, res *http.Response, raw []byte) []string {
	op := d.operation(r)
	if op == nil {
		return []string{"the document has no such operation"}
	}
	answers := op["responses"].(object)
	answer, ok := answers[fmt.Sprint(res.StatusCode)].(object)
	if !ok {
		answer, ok = answers["default"].(object)
		if ok && res.StatusCode < 400 {
			return []string{fmt.Sprintf("%d is no answer the document has", res.StatusCode)}
		}
	}
	content, _ := answer["content"].(object)
	kind := res.Header.Get("Content-Type")
	media, has := content[kind].(object)
	if content == nil && len(raw) == 0 {
		return nil
	}
	var v any
	if !has || json.Unmarshal(raw, &v) != nil {
		return []string{fmt.Sprintf("%d with %s is no answer the document has", res.StatusCode, kind)}
	}
	return d.flaws("the answer", media["schema"].(object), v)
}

func (d holder) operation(r *http.Request) object {
	asked := strings.Split(strings.TrimPrefix(r.URL.Path, api.Prefix), "/")
	var best object
	for path, ops := range d.doc["paths"].(object) {
		parts, exact := strings.Split(path, "/"), true
		if len(parts) != len(asked) {
			continue
		}
		fits := true
		for i, p := range parts {
			fits = fits && (p == asked[i] || strings.HasPrefix(p, "{"))
			exact = exact && p == asked[i]
		}
		if op, ok := ops.(object)[strings.ToLower(r.Method)].(object); fits && ok && (best == nil || exact) {
			best = op
		}
	}
	return best
}

// flaws says how a value differs from a schema, as far as the document's
// schemas go.
func (d holder) flaws(at string, schema object, v any) (out []string) {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/components/schemas/")
		return d.flaws(at, d.doc["components"].(object)["schemas"].(object)[name].(object), v)
	}
	switch schema["type"] {
	case "object":
		o, ok := v.(object)
		if !ok {
			return []string{at + " is no object"}
		}
		props, _ := schema["properties"].(object)
		need, _ := schema["required"].([]any)
		for _, k := range need {
			if _, ok := o[k.(string)]; !ok {
				out = append(out, at+" lacks "+k.(string))
			}
		}
		for k, x := range o {
			p, known := props[k].(object)
			more, open := schema["additionalProperties"].(object)
			switch {
			case known:
				out = append(out, d.flaws(at+"."+k, p, x)...)
			case open:
				out = append(out, d.flaws(at+"."+k, more, x)...)
			case schema["additionalProperties"] == false:
				out = append(out, at+" has "+k)
			}
		}
	case "array":
		a, ok := v.([]any)
		if !ok {
			return []string{at + " is no array"}
		}
		for i, x := range a {
			out = append(out, d.flaws(fmt.Sprintf("%s[%d]", at, i), schema["items"].(object), x)...)
		}
	case "string":
		s, ok := v.(string)
		if !ok {
			return []string{at + " is no string"}
		}
		if schema["format"] == "date-time" {
			if _, err := time.Parse(time.RFC3339, s); err != nil || !strings.HasSuffix(s, "Z") {
				out = append(out, at+" is no date-time in UTC")
			}
		}
	case "integer":
		if n, ok := v.(float64); !ok || n != float64(int64(n)) {
			out = append(out, at+" is no integer")
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			out = append(out, at+" is no boolean")
		}
	}
	return out
}
