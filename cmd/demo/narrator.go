package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/daypass/daypass/auth/oidcsim"
	"github.com/daypass/daypass/cmd/demo/door"
	"github.com/daypass/daypass/issuer/awssim"
)

// narrator tells on the terminal what happens, a line each.
type narrator struct {
	mu     sync.Mutex
	out    io.Writer
	leases map[string]string // by access key ID
}

func newNarrator(out io.Writer) *narrator {
	return &narrator{out: out, leases: map[string]string{}}
}

func (n *narrator) say(who, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.out, "%s  %-8s %s\n", time.Now().Format("15:04:05"), who, fmt.Sprintf(format, args...))
}

// provider tells what happened at an identity provider.
func (n *narrator) provider(name string) func(oidcsim.Sighting) {
	return func(s oidcsim.Sighting) {
		switch s.What {
		case oidcsim.Chosen:
			n.say(name, "%s was chosen", s.Name)
		case oidcsim.Refused:
			n.say(name, "refused a request: %s", s.Why)
		}
	}
}

// aws tells what was asked of AWS. What a door asks to check a token is told
// by the door.
func (n *narrator) aws(c awssim.Call) {
	switch {
	case c.Presigned:
	case c.Action == awssim.AssumeRole:
		n.say("aws", "AssumeRole %s as %s: %s", last(c.Target), c.SessionName, c.Verdict)
	case c.Verdict != "OK":
		n.say("aws", "%s %s: %s", c.Action, last(c.Target), c.Verdict)
	}
}

func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// knock tells what came through a door.
func (n *narrator) knock(k door.Knock) {
	if k.Caller.AccessKeyID == "" {
		n.say("cluster", "%s: somebody without a good token was turned away (%s)", k.Cluster, k.Why)
		return
	}
	n.mu.Lock()
	lease := n.leases[k.Caller.AccessKeyID]
	n.mu.Unlock()
	verdict := "allowed"
	if !k.Allowed {
		verdict = "forbidden"
	}
	n.say("cluster", "%s: %s may %s %s: %s, under %s", k.Cluster, k.Caller.Username, k.Verb, k.What, verdict, orUnknown(lease))
}

func orUnknown(lease string) string {
	if lease == "" {
		return "a lease of before"
	}
	return lease
}

// line is the part of an event's line of JSON that is told.
type line struct {
	Event struct {
		Kind, Provider, Cluster, Role, Lease, AccessKeyID, Reason string
		Facts                                                     map[string]string
	}
	Details struct{ Email, Name, Text string }
}

// events gives a writer that takes the server's standard output, the audit log
// as lines of JSON, and tells it.
func (n *narrator) events() io.Writer {
	return &lines{each: func(b []byte) {
		var l line
		if json.Unmarshal(b, &l) == nil {
			n.event(l)
		}
	}}
}

func (n *narrator) event(l line) {
	e, who := l.Event, cmp.Or(l.Details.Email, "somebody")
	switch e.Kind {
	case "sign-in.succeeded":
		n.say("daypass", "%s signed in with %s", who, e.Provider)
	case "sign-in.failed":
		if e.Provider == "" { // no page of a provider's was involved
			n.say("daypass", "a program's sign-in failed: %s", e.Reason)
			return
		}
		n.say("daypass", "a sign-in with %s failed: %s", e.Provider, e.Reason)
	case "session.ended":
		n.say("daypass", "%s signed out", who)
	case "lease.started":
		n.say("daypass", "%s started %s: %s on %s until %s", who, e.Lease, e.Role, e.Cluster, e.Facts["until"])
	case "lease.break-glass":
		n.say("daypass", "%s BROKE THE GLASS, %s: %s on %s, because %q", who, e.Lease, e.Role, e.Cluster, l.Details.Text)
	case "lease.ended":
		n.say("daypass", "%s ended %s", who, e.Lease)
	case "decision.refused":
		n.say("daypass", "%s was refused %s on %s: %s", who, e.Role, e.Cluster, e.Reason)
	case "issuance.minted":
		n.mu.Lock()
		n.leases[e.AccessKeyID] = e.Lease
		n.mu.Unlock()
		n.say("daypass", "minted a token for %s: %s on %s, access key %s, good until %s", who, e.Role, e.Cluster, e.AccessKeyID, e.Facts["expires"])
	case "issuance.failed":
		n.say("daypass", "no token for %s: %s", who, cmp.Or(l.Details.Text, e.Reason))
	case "hand-over":
		n.say("daypass", "%s took the kubeconfig away (%s)", who, e.Facts["form"])
	}
}

// lines calls each with every whole line written to it.
type lines struct {
	mu   sync.Mutex
	rest bytes.Buffer
	each func([]byte)
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest.Write(b)
	for {
		i := bytes.IndexByte(l.rest.Bytes(), '\n')
		if i < 0 {
			return len(b), nil
		}
		l.each(l.rest.Next(i + 1))
	}
}
