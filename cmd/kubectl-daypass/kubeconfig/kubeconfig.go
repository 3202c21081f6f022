// Package kubeconfig puts one entry of Daypass into a person's kubeconfig and
// takes it out again. Everything else in the file stays as it was, to the byte
// where the file's form allows it, and an entry that Daypass did not make is
// never overwritten.
//
// Its one danger is the file itself: it often holds the only copy of other
// credentials. So each change is made to a copy, read again, compared with
// what it should mean, and only then put in the file's place; before that the
// old file is backed up beside it.
package kubeconfig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Entry is one context with its cluster and its user. The user holds no
// secret: it calls a helper.
type Entry struct {
	Context, Cluster, User string
	Server                 string
	CA                     []byte // PEM; empty: the system's authorities
	ProxyURL               string // empty: kubectl goes straight there
	TLSServerName          string // empty: the certificate is for the server's own name
	Namespace              string // empty: what the file says stays
	Command                string
	Args                   []string
	Use                    bool // make it the current context
	InstallHint            string
	// Beside are the files that kubectl reads with the one the entry goes into.
	Beside []string

	early bool // the way to the cluster is not known yet
}

func (e Entry) check() error {
	for _, need := range [][2]string{
		{"context", e.Context}, {"cluster", e.Cluster}, {"user", e.User},
		{"server", e.Server}, {"command", e.Command},
	} {
		if need[1] == "" {
			return fmt.Errorf("a kubeconfig entry needs a %s", need[0])
		}
	}
	return nil
}

// Path says which kubeconfig is meant: the flag's, else the first of
// $KUBECONFIG that exists, else the first it names, else ~/.kube/config.
func Path(flag string) string {
	if flag != "" {
		return flag
	}
	all := listed()
	for _, path := range all {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if len(all) > 0 {
		return all[0]
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	return filepath.Join(home, ".kube", "config")
}

// listed are the files that $KUBECONFIG names.
func listed() (all []string) {
	for _, path := range filepath.SplitList(os.Getenv("KUBECONFIG")) {
		if path != "" {
			all = append(all, path)
		}
	}
	return all
}

// Beside are the files that kubectl reads with the one that is meant: of what
// is in several, it takes the first. One that a flag names it reads alone.
func Beside(flag string) (others []string) {
	if flag != "" {
		return nil
	}
	main := Path(flag)
	is, _ := os.Stat(main) // one that is not there is no other's file
	for _, path := range listed() {
		if info, err := os.Stat(path); err == nil && path != main && !os.SameFile(is, info) {
			others = append(others, path)
		}
	}
	return others
}

// Written is what a merge did.
type Written struct {
	Backup string // of what was there before; empty when nothing was written
	// Dropped are the fields of the cluster that the entry no longer has.
	Dropped []string
}

// Merge puts e into the kubeconfig at path. Nothing is written when all of e
// is in the file already. On any error the file is as it was.
func Merge(path string, e Entry) (Written, error) { return defaults().merge(path, e) }

// Try says whether Merge could put e into the kubeconfig at path, as far as
// that can be seen beforehand: without a context, no name is known yet, and how
// the cluster is reached never is. It changes nothing.
func Try(path string, e Entry) error {
	k := defaults()
	real, err := follow(path)
	if err != nil {
		return err
	}
	held, err := k.lock(path, real)
	if err != nil {
		return err
	}
	return errors.Join(try(real, e), held.release())
}

func try(path string, e Entry) error {
	old, err := read(path)
	if err != nil {
		return err
	}
	d, err := parse(path, old.text)
	if err != nil || e.Context == "" {
		return err
	}
	d.beside, e.early = glance(e.Beside), true
	return d.checkFree(e)
}

// Remove takes contexts out that Holdings listed under the same command, each
// with the cluster and the user it names, unless a context that stays needs
// them, here or in the files beside, or Daypass did not make them. It tells
// which it took: one that is gone by now, or is for something else, is left
// out. Where one of them was the file's current context, none is.
func Remove(path, command string, beside []string, gone ...Holding) (took []Holding, backup string, err error) {
	return defaults().remove(path, command, beside, gone)
}

// keeper is how we handle files; tests hurry it.
type keeper struct {
	now      func() time.Time
	patience time.Duration // how long to wait for another's lock
	tick     time.Duration
}

func defaults() keeper {
	return keeper{now: time.Now, patience: 5 * time.Second, tick: 50 * time.Millisecond}
}

func (k keeper) merge(path string, e Entry) (w Written, err error) {
	if err := e.check(); err != nil {
		return w, err
	}
	w.Backup, err = k.change(path, true, func(d document) ([]step, error) {
		d.beside = glance(e.Beside)
		w.Dropped = d.dropped(e)
		return mergeSteps(d, e)
	})
	return w, err
}

func (k keeper) remove(path, command string, beside []string, gone []Holding) (took []Holding, backup string, err error) {
	backup, err = k.change(path, false, func(d document) ([]step, error) {
		d.beside = glance(beside)
		took = d.still(command, gone)
		return removeSteps(d, took), nil
	})
	if err != nil {
		return nil, "", err
	}
	return took, backup, nil
}

// change reads, plans, edits and writes under the lock. A file that is not
// there is made only when create says so.
func (k keeper) change(path string, create bool, plan func(document) ([]step, error)) (backup string, err error) {
	real, err := follow(path)
	if err != nil {
		return "", err
	}
	if !create && absent(real) {
		return "", nil
	}
	held, err := k.lock(path, real)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	old, err := read(real)
	if err != nil {
		return "", err
	}
	text, err := edit(real, old.text, plan)
	if err != nil || string(text) == string(old.text) {
		return "", err
	}
	return k.replace(old, text, held)
}

// edit is the whole change from bytes to bytes, without a file.
func edit(path string, text []byte, plan func(document) ([]step, error)) ([]byte, error) {
	d, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	steps, err := plan(d)
	if err != nil {
		return nil, err
	}
	for _, s := range steps {
		if d, err = d.take(s); err != nil {
			return nil, err
		}
	}
	return d.text, nil
}
