package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// errNames is what is wrong with a hand-over whose names cannot be ones. The
// lease's page says which and why.
var errNames = errors.New("the names chosen cannot be ones")

// badHow is the error of a form that something cannot be handed over in.
type badHow struct {
	typed string
	there []string
}

func (b badHow) Error() string {
	return fmt.Sprintf("there is no form %q here, only %s", b.typed, strings.Join(b.there, ", "))
}

// formFor reads the form asked for; none is the file. One that there is not is
// an error: whoever asks for it would be on record with another.
func formFor(r *http.Request, how map[view.Form]lease.Form) (view.Form, error) {
	f := view.Form(r.FormValue(view.FieldForm))
	if f == "" {
		f = view.FormFile
	}
	if _, ok := how[f]; ok {
		return f, nil
	}
	bad := badHow{typed: clip(string(f), 40)}
	for _, f := range view.Forms() {
		if _, ok := how[f]; ok {
			bad.there = append(bad.there, string(f))
		}
	}
	return "", bad
}

// naming reads how somebody wants things named. The usual context and the
// namespace are for who says nothing of them.
func naming(r *http.Request, usual, namespace string) view.Naming {
	n := view.Naming{Context: usual, Usual: usual, Namespace: namespace}
	if c := strings.TrimSpace(r.FormValue(view.FieldContext)); c != "" && c != usual {
		n.Context = c
		if err := issuer.CheckContext(c); err != nil {
			n.ContextError = sentence(err.Error())
		}
	}
	if r.Form.Has(view.FieldNamespace) {
		n.Namespace = strings.TrimSpace(r.FormValue(view.FieldNamespace))
		if err := issuer.CheckNamespace(n.Namespace); err != nil {
			n.NamespaceError = sentence(err.Error())
		}
	}
	return n
}

// formURL is the lease's page in a form, with the names that are not usual.
func formURL(l lease.Lease, f view.Form, n view.Naming) string {
	q := url.Values{}
	q.Set(view.FieldForm, string(f))
	if n.Context != n.Usual {
		q.Set(view.FieldContext, n.Context)
	}
	if n.Namespace != l.Namespace {
		q.Set(view.FieldNamespace, n.Namespace)
	}
	return leaseURL(l.ID) + "?" + q.Encode()
}

// written puts a kubeconfig into the words of a form.
func written(f view.Form, k issuer.Kubeconfig) (issuer.Kubeconfig, error) {
	var s issuer.Snippet
	var err error
	switch f {
	case view.FormBash:
		s, err = issuer.Bash(k)
	case view.FormFish:
		s = issuer.Fish(k)
	case view.FormPowerShell:
		s, err = issuer.PowerShell(k)
	case view.FormCmd:
		s, err = issuer.Cmd(k)
	default:
		return k, nil
	}
	return s.Kubeconfig, err
}

// downloads, copies and shows are what each way of handing over is on record
// as. A paste is no file.
func downloads() map[view.Form]lease.Form {
	return map[view.Form]lease.Form{
		view.FormFile: lease.Downloaded, view.FormRaw: lease.Downloaded,
		view.FormAWS: lease.AWS, view.FormAWSRole: lease.AWSRole, view.FormRenewing: lease.Exec,
	}
}

func copies() map[view.Form]lease.Form {
	return map[view.Form]lease.Form{
		view.FormFile: lease.Copied, view.FormRaw: lease.Copied, view.FormBash: lease.CopiedBash, view.FormFish: lease.CopiedFish,
		view.FormPowerShell: lease.CopiedPowerShell, view.FormCmd: lease.CopiedCmd,
		view.FormAWS: lease.AWS, view.FormAWSRole: lease.AWSRole, view.FormRenewing: lease.Exec,
	}
}

func shows() map[view.Form]lease.Form {
	return map[view.Form]lease.Form{
		view.FormFile: lease.Shown, view.FormRaw: lease.Shown, view.FormBash: lease.ShownBash, view.FormFish: lease.ShownFish,
		view.FormPowerShell: lease.ShownPowerShell, view.FormCmd: lease.ShownCmd,
		view.FormAWS: lease.AWS, view.FormAWSRole: lease.AWSRole, view.FormRenewing: lease.Exec,
	}
}
