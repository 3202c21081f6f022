package kubeconfig

import (
	"slices"
	"strings"
)

// Holding is a context of ours that is for a lease: its user calls the helper
// for the lease's token.
type Holding struct {
	Context, Server, Lease string
	Current                bool // it is the current context
}

// Holdings lists those in the kubeconfig at path. Besides our program's, users
// that call command are ours. A file that is not there has none.
func Holdings(path, command string) ([]Holding, error) {
	real, err := follow(path)
	if err != nil {
		return nil, err
	}
	is, err := read(real)
	if err != nil {
		return nil, err
	}
	d, err := parse(real, is.text)
	if err != nil {
		return nil, err
	}
	return d.holdings(command), nil
}

func (d document) holdings(command string) (all []Holding) {
	for _, context := range d.items("contexts") {
		user := d.item("users", text(field(field(context, "context"), "user")))
		if !ours(user, command) {
			continue
		}
		args := arguments(user)
		name := text(field(context, "name"))
		h := Holding{name, argument(args, "--server"), argument(args, "--lease"), name == text(child(d.root, "current-context"))}
		if h.Server != "" && h.Lease != "" {
			all = append(all, h)
		}
	}
	return all
}

// Contexts counts all that these files have, whosever they are.
func Contexts(paths []string) (n int) {
	for _, d := range glance(paths) {
		n += len(d.items("contexts"))
	}
	return n
}

// still are those that the file has now.
func (d document) still(command string, before []Holding) (all []Holding) {
	for _, h := range d.holdings(command) {
		if slices.ContainsFunc(before, h.same) {
			all = append(all, h)
		}
	}
	return all
}

func (h Holding) same(as Holding) bool {
	return h.Context == as.Context && h.Server == as.Server && h.Lease == as.Lease
}

// At says whether the helper asks that server.
func (h Holding) At(server string) bool { return sameServer(h.Server, server) }

// argument is what a helper with these arguments takes for one of them: the
// last that is given.
func argument(args []string, name string) (given string) {
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, name+"="); ok {
			given = value
		}
		if arg == name && i+1 < len(args) {
			given = args[i+1]
		}
	}
	return given
}
