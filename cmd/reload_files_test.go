package cmd

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/config"
	"github.com/daypass/daypass/seal"
)

// filed is a house whose secrets, certificates and sealing key are in files.
type filed struct {
	*house
	dir string
	log *output
}

func inFiles(t *testing.T) filed {
	t.Helper()
	dir := t.TempDir()
	f := filed{dir: dir, log: &output{}}
	key, err := seal.NewLine("first")
	if err != nil {
		t.Fatal(err)
	}
	f.put(t, "client", strings.Repeat("hush", 8))
	f.put(t, "hook", strings.Repeat("hush", 8))
	f.put(t, "ca", certificate(t))
	f.put(t, "sealing", key+"\n")
	path := written(t, address(t), address(t), fmt.Sprintf("sealingKeyFile: %s/sealing\nnotify: {webhooks: [{name: security, url: 'http://127.0.0.1:1', secret: {file: %[1]s/hook}}]}\n", dir))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("{env: DAYPASS_TEST_SECRET}"), fmt.Appendf(nil, "{file: %s/client}, caFile: %[1]s/ca", dir), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := config.Load(path, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if f.house, err = build(t.Context(), cfg, slog.New(slog.NewTextHandler(f.log, nil)), f.log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.close)
	return f
}

func certificate(t *testing.T) string {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
}

func (f filed) put(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// texts gives what events of a kind say, the newest first.
func (f filed) texts(t *testing.T, k audit.Kind) (out []string) {
	t.Helper()
	rows, err := f.store.Events(t.Context(), audit.Query{Kind: k})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		out = append(out, r.Event.Details.Text)
	}
	return out
}

func (f filed) notes() string {
	w := httptest.NewRecorder()
	f.readyz(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Body.String()
}

func TestAFileThatIsRotatedInPlaceIsNoticed(t *testing.T) {
	f := inFiles(t)
	f.look(t.Context())
	if got := f.texts(t, audit.ConfigLoaded); len(got) != 0 {
		t.Fatalf("nothing changed, and on record is %q", got)
	}
	young := strings.Repeat("new!", 8)
	old, err := os.ReadFile(filepath.Join(f.dir, "sealing"))
	if err != nil {
		t.Fatal(err)
	}
	line, err := seal.NewLine("second")
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range []struct{ file, text, want string }{
		{"client", young, "the client secret of provider staff changed on disk; restart to use it"},
		{"ca", certificate(t) + certificate(t), "the certificate file of provider staff changed on disk; restart to use it"},
		{"sealing", string(old) + line + "\n", "the sealing key file changed on disk; restart to use it"},
		{"hook", young, "the secret of webhook security changed on disk and is in use"},
	} {
		f.put(t, tt.file, tt.text)
		f.look(t.Context())
		f.look(t.Context())
		got := f.texts(t, audit.ConfigLoaded)
		if len(got) != i+1 || got[0] != tt.want {
			t.Errorf("%s: on record is %q", tt.file, got)
		}
		if waits := tt.file != "hook"; strings.Contains(f.notes(), tt.want) != waits {
			t.Errorf("%s: readiness is %s", tt.file, f.notes())
		}
	}
	if got := string(f.hooks()[0].Secret); got != young {
		t.Errorf("the webhook's notices are signed with the old secret")
	}
	if strings.Contains(f.notes(), "changes of") {
		t.Errorf("keys are said to have changed: %s", f.notes())
	}
	if said := f.log.String(); !strings.Contains(said, "the sealing key file changed on disk") {
		t.Errorf("the log holds %s", said)
	}
	for _, hush := range []string{"hushhush", "new!new!", strings.Fields(line)[1]} {
		if strings.Contains(f.log.String(), hush) || strings.Contains(f.notes(), hush) {
			t.Errorf("%s is told", hush)
		}
	}

	f.put(t, "client", strings.Repeat("hush", 8))
	f.look(t.Context())
	if strings.Contains(f.notes(), "client secret") {
		t.Errorf("put back, it still waits: %s", f.notes())
	}
}

func TestAFileThatIsLostOrSpoiledKeepsWhatWasInForce(t *testing.T) {
	f := inFiles(t)
	for i, tt := range []struct {
		spoil func() error
		want  string
	}{
		{func() error { return os.Remove(filepath.Join(f.dir, "client")) }, "does not exist; create it or correct the path"},
		{func() error { return os.WriteFile(filepath.Join(f.dir, "client"), []byte("good again"), 0o600) }, ""},
		{func() error { return os.WriteFile(filepath.Join(f.dir, "sealing"), []byte("first aGVsbG8=\n"), 0o600) }, "the key first is not 32 bytes in base64"},
	} {
		if err := tt.spoil(); err != nil {
			t.Fatal(err)
		}
		f.look(t.Context())
		f.look(t.Context())
		got := f.texts(t, audit.ConfigRefused)
		if tt.want == "" {
			continue
		}
		if want := i/2 + 1; len(got) != want || !strings.Contains(got[0], tt.want) {
			t.Errorf("on record is %q", got)
		}
		if !strings.Contains(f.notes(), "has not been valid since") {
			t.Errorf("readiness is %s", f.notes())
		}
	}
}

func TestNoListenerWaitsForAClientForEver(t *testing.T) {
	f := inFiles(t)
	for _, s := range []*http.Server{f.listener(f.site), f.listener(f.operations())} {
		for name, limit := range map[string]int64{"header": int64(s.ReadHeaderTimeout), "request": int64(s.ReadTimeout), "answer": int64(s.WriteTimeout), "idling": int64(s.IdleTimeout)} {
			if limit <= 0 {
				t.Errorf("the %s has no limit", name)
			}
		}
	}
}
