package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/daypass/daypass/api"
)

// Exit codes are part of the contract.
const (
	exitOK          = 0
	exitFailed      = 1 // it was tried and failed
	exitUsage       = 2 // it was asked for wrongly
	exitSignedOut   = 3 // nobody is signed in
	exitRefused     = 4 // the policy says no
	exitOver        = 5 // the lease is over
	exitUnreachable = 6 // no server answered
)

// failure is an error whose exit code is known.
type failure struct {
	code int
	say  string
	err  error // may be nil
}

func (f *failure) Error() string { return f.say }
func (f *failure) Unwrap() error { return f.err }

func usage(format string, args ...any) error {
	return &failure{code: exitUsage, say: fmt.Sprintf(format, args...)}
}

func signedOut(server string) error {
	return &failure{code: exitSignedOut, say: "You are not signed in. Run: kubectl daypass login " + server, err: api.ErrNoSession}
}

// ended tells an error in one line and gives the exit code.
func (w world) ended(err error) int {
	if err == nil {
		return exitOK
	}
	if say := err.Error(); say != "" {
		w.say("%s", say)
	}
	return exitOf(err)
}

// say tells something in one line, on standard error.
func (w world) say(format string, args ...any) {
	line := strings.TrimSpace(api.Plain(fmt.Sprintf(format, args...)))
	fmt.Fprintln(w.err, "kubectl-daypass:", line) // nowhere to tell that this failed
}

// stopped is a sentence with its end.
func stopped(say string) string {
	if strings.HasSuffix(say, ".") || strings.HasSuffix(say, "?") {
		return say
	}
	return say + "."
}

func exitOf(err error) int {
	var f *failure
	var p *api.Problem
	var un *api.Unreachable
	var not *api.NotDaypass
	switch {
	case errors.As(err, &f):
		return f.code
	case errors.Is(err, context.Canceled): // the person's doing
		return exitFailed
	case errors.As(err, &p):
		return exitOfProblem(p)
	case errors.As(err, &un), errors.As(err, &not):
		return exitUnreachable
	case errors.Is(err, api.ErrNoSession):
		return exitSignedOut
	}
	return exitFailed
}

func exitOfProblem(p *api.Problem) int {
	switch p.Code {
	case api.CodeOver, api.CodeNoLease:
		return exitOver
	case api.CodeNotSignedIn, api.CodeTooOld, api.CodeProof:
		return exitSignedOut
	case api.CodeDenied:
		return exitRefused
	case api.CodeClock, api.CodeReplayed, api.CodeNonce:
		return exitFailed
	}
	switch {
	case p.Status == 401:
		return exitSignedOut
	case p.Status == 403 || p.Status == 404 || p.Status == 422:
		return exitRefused
	case p.Status == 503 || p.Status == 504:
		return exitUnreachable
	}
	return exitFailed
}

// advised adds to a server's refusal what to run, where that is known.
func advised(err error, server string) error {
	var p *api.Problem
	if errors.As(err, &p) && exitOfProblem(p) == exitSignedOut {
		said := p.Detail
		if said == "" {
			said = "The sign-in is no longer good."
		}
		return &failure{code: exitSignedOut, say: said + " Run: kubectl daypass login " + server, err: err}
	}
	if errors.Is(err, api.ErrNoSession) {
		return signedOut(server)
	}
	return err
}
