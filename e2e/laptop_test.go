package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/e2e/chain"
	"github.com/daypass/daypass/web/webtest"
)

// laptop is somebody's machine: a home folder, kubectl, and the client as its
// plugin.
type laptop struct {
	home string
	env  []string
}

func newLaptop(t *testing.T) laptop {
	t.Helper()
	home := t.TempDir()
	path := filepath.Dir(built(t, "kubectl-daypass")) + ":" + filepath.Dir(chain.Path(t, "kubectl")) + ":" + os.Getenv("PATH")
	return laptop{home, []string{"HOME=" + home, "PATH=" + path, "KUBECONFIG=" + filepath.Join(home, "config")}}
}

func (l laptop) run(t *testing.T, program string, args ...string) chain.Answer {
	t.Helper()
	return chain.Run(t, l.env, program, args...)
}

// kubectl must succeed, and say nothing beside its answer.
func (l laptop) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	got := l.run(t, "kubectl", args...)
	if got.Code != 0 || got.Stderr != "" {
		t.Fatalf("kubectl %s ended with %d: %s", strings.Join(args, " "), got.Code, got.Stderr)
	}
	return got.Stdout
}

// started is a program under way.
type started struct {
	name     string
	cmd      *exec.Cmd
	out, err lines
	end      chan struct{}
	ended    error // read only after end is closed
}

// start starts a program on the laptop. It is ended with the test at the
// latest.
func (l laptop) start(t *testing.T, program string, args ...string) *started {
	t.Helper()
	s := &started{name: program + " " + strings.Join(args, " "), cmd: exec.CommandContext(t.Context(), program, args...), end: make(chan struct{})}
	s.cmd.Env = append([]string{"LANG=C.UTF-8", "NO_PROXY=127.0.0.1,localhost"}, l.env...)
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.WaitDelay = &s.out, &s.err, 5*time.Second
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.ended = s.cmd.Wait(); close(s.end) }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // fails only if it has ended
		<-s.end
	})
	return s
}

// says waits until the program has said what matches.
func (s *started) says(t *testing.T, where *lines, what *regexp.Regexp) string {
	t.Helper()
	var found string
	within(t, 30*time.Second, s.name+" says "+what.String(), func() bool {
		found = what.FindString(where.String())
		return found != ""
	}, func() string { return s.out.String() + s.err.String() })
	return found
}

// finishes waits for a good end.
func (s *started) finishes(t *testing.T) {
	t.Helper()
	select {
	case <-s.end:
	case <-time.After(time.Minute):
		t.Fatalf("%s does not end: %s%s", s.name, s.out.String(), s.err.String())
	}
	if s.ended != nil {
		t.Fatalf("%s: %v: %s%s", s.name, s.ended, s.out.String(), s.err.String())
	}
}

// lines is what a program has said so far.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// within asks again and again until the answer is yes, or time is up.
func within(t *testing.T, d time.Duration, what string, yes func() bool, seen func() string) {
	t.Helper()
	end := time.NewTimer(d)
	defer end.Stop()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for !yes() {
		select {
		case <-again.C:
		case <-end.C:
			t.Fatalf("not within %v: %s\n%s", d, what, seen())
		}
	}
}

// signIn has the client wait for the browser, and the person let it in there.
func (l laptop) signIn(t *testing.T, server string, b *webtest.Browser) {
	t.Helper()
	login := l.start(t, built(t, "kubectl-daypass"), "login", "--server", server, "--no-browser")
	link := login.says(t, &login.err, regexp.MustCompile(`http\S+/client/authorize\?\S+`+"\n"))
	u := must[*url.URL](t)(url.Parse(strings.TrimSpace(link)))
	b.Get(u.RequestURI()).MustSay(t, http.StatusOK, "act for you?")
	form := u.Query()
	form.Set("answer", "allow")
	before := b.Client.CheckRedirect
	b.Client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	back := b.Post("/client/authorize", form).Header.Get("Location")
	b.Client.CheckRedirect = before
	if !strings.HasPrefix(back, "http://127.0.0.1:") {
		t.Fatalf("the person was sent to %q, which is no port of the client's", back)
	}
	webtest.New(t, server).Get(back).MustSay(t, http.StatusOK, "close this page")
	login.finishes(t)
}

// get starts a lease and makes it the current context.
func (l laptop) get(t *testing.T, cluster string) (lease string) {
	t.Helper()
	var got struct{ Lease struct{ ID string } }
	l.json(t, &got, "get", cluster, "--role", "reader", "--for", "1h", "--use")
	if !strings.HasPrefix(got.Lease.ID, "ls_") {
		t.Fatalf("%q is no lease", got.Lease.ID)
	}
	if config := string(readFile(t, filepath.Join(l.home, "config"))); strings.Contains(config, "k8s-aws-v1.") {
		t.Error("the kubeconfig holds a token")
	}
	return got.Lease.ID
}

// json runs the client as kubectl's plugin and reads its answer.
func (l laptop) json(t *testing.T, into any, args ...string) {
	t.Helper()
	text := l.kubectl(t, append(append([]string{"daypass"}, args...), "-o", "json")...)
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("kubectl daypass %s: %v\n%s", strings.Join(args, " "), err, text)
	}
}

// credential is what the helper gives kubectl.
type credential struct {
	Status struct {
		Token               string
		ExpirationTimestamp time.Time
	}
}

// token runs the helper as kubectl does.
func (l laptop) token(t *testing.T, server, lease string) (credential, chain.Answer) {
	t.Helper()
	got := l.run(t, built(t, "kubectl-daypass"), "token", "--server", server, "--lease", lease)
	var c credential
	if got.Code != 0 {
		return c, got
	}
	if err := json.Unmarshal([]byte(got.Stdout), &c); err != nil || !strings.HasPrefix(c.Status.Token, "k8s-aws-v1.") {
		t.Fatalf("the helper gave no credential: %v", err)
	}
	return c, got
}

// kept is the token that the client keeps for kubectl, and until when it does.
func (l laptop) kept(t *testing.T, lease string) (token string, until time.Time) {
	t.Helper()
	files := must[[]string](t)(filepath.Glob(filepath.Join(l.home, ".cache/daypass/servers/*", lease+".json")))
	var k struct {
		Token string
		Until time.Time
	}
	if len(files) != 1 {
		t.Fatalf("the lease is kept in %v", files)
	}
	if err := json.Unmarshal(readFile(t, files[0]), &k); err != nil || k.Token == "" {
		t.Fatalf("nothing is kept of the lease: %v", err)
	}
	return k.Token, k.Until
}

// accessKey is the one by which the cluster knows whoever asks now.
func (l laptop) accessKey(t *testing.T) string {
	t.Helper()
	person, got := chain.WhoAmIBy(t, l.env)
	if got.Code != 0 || got.Stderr != "" || len(person.Extra["accessKeyId"]) != 1 {
		t.Fatalf("kubectl auth whoami: exit %d, %v, %s", got.Code, person, got.Stderr)
	}
	return person.Extra["accessKeyId"][0]
}
