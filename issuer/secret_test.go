package issuer_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"strings"
	"testing"

	yamlv3 "go.yaml.in/yaml/v3"
	"sigs.k8s.io/yaml"

	"github.com/daypass/daypass/issuer"
)

const secret = "k8s-aws-v1.c2VjcmV0"

// inside holds secrets the ways code might hold them by accident; fmt passes
// methods by in unexported fields.
type inside struct {
	Token   issuer.Token
	Config  issuer.Kubeconfig
	Snippet issuer.Snippet
	Made    issuer.Issuance
	token   issuer.Token
	config  issuer.Kubeconfig
	snippet issuer.Snippet
	made    issuer.Issuance
	pointer *issuer.Token
	any     any
	list    []issuer.Token
	byName  map[string]issuer.Kubeconfig
}

func secrets(t *testing.T) map[string]any {
	t.Helper()
	token := issuer.NewToken(secret)
	made := issuer.Issuance{Token: token}
	k, err := issuer.Render(made, "pay", "")
	must(t, err)
	s, err := issuer.Bash(k)
	must(t, err)
	in := inside{token, k, s, made, token, k, s, made, &token, k, []issuer.Token{token}, map[string]issuer.Kubeconfig{"k": k}}
	return map[string]any{
		"a token": token, "a pointer to a token": &token, "a kubeconfig": k, "a pointer to a kubeconfig": &k,
		"a snippet": s, "an issuance": made, "a minted token": issuer.Minted{Token: token},
		"fields": in, "a pointer to fields": &in, "a list": []any{token, k, s, in}, "a map": map[string]any{"x": in},
		"an error": fmt.Errorf("with %v, %s and %w", token, k, errors.Join(fmt.Errorf("%+v", in))),
	}
}

func TestSecretsCannotPrintThemselves(t *testing.T) {
	for name, v := range secrets(t) {
		t.Run(name, func(t *testing.T) {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%U", "%t", "%p"} {
				silent(t, "fmt "+verb, fmt.Sprintf(verb, v))
			}
			silent(t, "print", fmt.Sprint(v)+fmt.Sprintln(v, v))
			for how, encode := range encodings() {
				out, err := encode(v)
				silent(t, how, fmt.Sprint(out, err))
			}
		})
	}
}

func encodings() map[string]func(any) (string, error) {
	logTo := func(h func(*bytes.Buffer) slog.Handler) func(any) (string, error) {
		return func(v any) (string, error) {
			var b bytes.Buffer
			l := slog.New(h(&b))
			l.With("with", v).WithGroup("g").Error(fmt.Sprint(v), "v", v, slog.Group("in", "v", v), slog.Any("any", []any{v}))
			return b.String(), nil
		}
	}
	bytesOf := func(f func(any) ([]byte, error)) func(any) (string, error) {
		return func(v any) (s string, err error) {
			defer func() {
				if p := recover(); p != nil { // yaml panics on what it cannot write
					s = fmt.Sprint(p)
				}
			}()
			b, err := f(v)
			return string(b), err
		}
	}
	return map[string]func(any) (string, error){
		"slog text": logTo(func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) }),
		"slog JSON": logTo(func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) }),
		"JSON":      bytesOf(json.Marshal),
		"YAML":      bytesOf(func(v any) ([]byte, error) { return yaml.Marshal(v) }),
		"YAML v3":   bytesOf(yamlv3.Marshal),
		"XML":       bytesOf(xml.Marshal),
		"gob": bytesOf(func(v any) ([]byte, error) {
			var b bytes.Buffer
			err := gob.NewEncoder(&b).Encode(v)
			return b.Bytes(), err
		}),
		"template": func(v any) (string, error) {
			var b strings.Builder
			err := template.Must(template.New("").Parse(`{{.}} <script>{{.}}</script> <p title="{{.}}">`)).Execute(&b, v)
			return b.String(), err
		},
	}
}

// silent fails when the secret is in some text, plain or in disguise.
func silent(t *testing.T, how, text string) {
	t.Helper()
	_, tail, _ := strings.Cut(secret, ".")
	for _, s := range []string{tail, fmt.Sprintf("%x", tail), fmt.Sprintf("%X", tail), fmt.Sprintf("% x", tail), fmt.Sprintf("%U", []rune(tail))[1:8],
		strings.Trim(fmt.Sprint([]byte(tail)), "[]")} {
		if strings.Contains(text, s) {
			t.Errorf("%s prints the secret: %.200s", how, text)
		}
	}
}

func TestRevealGivesTheSecret(t *testing.T) {
	token := issuer.NewToken(secret)
	if token.Reveal() != secret || (issuer.Token{}).Reveal() != "" {
		t.Error("a token does not give what was put into it")
	}
	k, err := issuer.Render(issuer.Issuance{Token: token}, "pay", "")
	must(t, err)
	if !bytes.Contains(k.Reveal(), []byte(secret)) {
		t.Error("a kubeconfig has no token in it")
	}
	if got := token.SHA256(); got != "5d805dd80f7918a456b7b69686f6df7c545c1d923b1ea2e97cb66c2ca8ed8c8f" {
		t.Errorf("the fingerprint is %s", got)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
