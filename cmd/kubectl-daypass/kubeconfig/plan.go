package kubeconfig

import (
	"encoding/base64"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// helper is the program whose users are ours.
const helper = "kubectl-daypass"

// mergeSteps checks that nothing of another's is in the way, then says what
// to do.
func mergeSteps(d document, e Entry) ([]step, error) {
	if err := d.checkFree(e); err != nil {
		return nil, err
	}
	var steps []step
	if len(d.root.Content) == 0 {
		steps = append(steps, begin{})
	}
	steps = append(steps,
		put{"clusters", e.Cluster, e.fillCluster},
		put{"contexts", e.Context, e.fillContext},
		put{"users", e.User, e.fillUser},
	)
	if e.Use || d.bare() && !slices.ContainsFunc(d.beside, func(other document) bool { return !other.bare() }) {
		steps = append(steps, current{e.Context})
	}
	return steps, nil
}

// bare says that the file names nothing yet. Where none that kubectl reads
// does, a current context is help and not a switch.
func (d document) bare() bool {
	for _, list := range lists() {
		if items := child(d.root, list); items != nil && len(items.Content) > 0 {
			return false
		}
	}
	return text(child(d.root, "current-context")) == ""
}

func (e Entry) fillCluster(body *yaml.Node) {
	if !sameServer(text(field(body, "server")), e.Server) {
		setDefault(body, "server", str(e.Server))
	}
	if len(e.CA) > 0 {
		setDefault(body, "certificate-authority-data", str(base64.StdEncoding.EncodeToString(e.CA)))
	}
	for _, way := range e.route() {
		settle(body, way.key, way.value)
	}
}

// way is a field of a cluster about how kubectl gets there.
type way struct{ key, value string }

// route is where each is to lead. Unlike other fields, one that the entry does
// not have goes: a proxy that is no more leads nowhere.
func (e Entry) route() []way {
	return []way{{"proxy-url", e.ProxyURL}, {"tls-server-name", e.TLSServerName}}
}

// dropped are the fields that go from the entry's cluster.
func (d document) dropped(e Entry) (all []string) {
	body := field(d.item("clusters", e.Cluster), "cluster")
	for _, way := range e.route() {
		if way.value == "" && text(field(body, way.key)) != "" {
			all = append(all, way.key)
		}
	}
	return all
}

func (e Entry) fillContext(body *yaml.Node) {
	setDefault(body, "cluster", str(e.Cluster))
	setDefault(body, "user", str(e.User))
	if e.Namespace != "" {
		setDefault(body, "namespace", str(e.Namespace))
	}
}

func (e Entry) fillUser(body *yaml.Node) {
	exec := child(body, "exec")
	if exec == nil || exec.Kind != yaml.MappingNode {
		exec = mapping()
		set(body, "exec", exec)
	}
	var args []*yaml.Node
	for _, arg := range e.Args {
		args = append(args, str(arg))
	}
	set(exec, "apiVersion", str("client.authentication.k8s.io/v1"))
	set(exec, "command", str(e.Command))
	set(exec, "args", list(args...))
	set(exec, "interactiveMode", str("Never"))
	set(exec, "provideClusterInfo", boolean(false))
	if e.InstallHint != "" {
		set(exec, "installHint", str(e.InstallHint))
	}
}

// checkFree refuses to write over what is not ours, and to cover it: what is in
// the first file, kubectl does not look for in others.
func (d document) checkFree(e Entry) error {
	for _, one := range append([]document{d}, d.beside...) {
		if err := d.checkFreeIn(one, e); err != nil {
			return err
		}
	}
	return nil
}

func (d document) checkFreeIn(one document, e Entry) error {
	if user := one.item("users", e.User); user != nil {
		if why := e.notOurs(user); why != "" {
			return one.taken(user, "user", e.User, "it "+why)
		}
	}
	if context := one.item("contexts", e.Context); context != nil {
		if why := d.contextInTheWay(context, e); why != "" {
			return one.taken(context, "context", e.Context, why)
		}
	}
	if cluster := one.item("clusters", e.Cluster); cluster != nil {
		if why := d.clusterInTheWay(cluster, e); why != "" {
			return one.taken(cluster, "cluster", e.Cluster, why)
		}
	}
	return nil
}

func (d document) taken(item *yaml.Node, what, name, why string) error {
	return d.at(item.Line, "there is a %s %q already that this Daypass did not make (%s); it stays as it is. Choose another name with --context NAME", what, name, why)
}

func (d document) clusterInTheWay(cluster *yaml.Node, e Entry) string {
	body := field(cluster, "cluster")
	if at := text(field(body, "server")); e.elsewhere(at) && !d.onlyOurs(e) {
		return "it is at " + at + ", and this one at " + e.Server
	}
	for _, key := range []string{"insecure-skip-tls-verify", "certificate-authority"} {
		if value := text(field(body, key)); value != "" && value != "false" {
			return "it has " + key
		}
	}
	if e.early {
		return ""
	}
	for _, way := range e.route() {
		if leads := text(field(body, way.key)); leads != "" && leads != way.value && !d.onlyOurs(e) {
			return "it has " + way.key
		}
	}
	want := clone(body)
	e.fillCluster(want)
	if what := differing(want, clone(body)); what != "" && d.usedByOthers(e) {
		return "its " + what + " differs, and contexts of others use it"
	}
	return ""
}

// elsewhere says whether a server is another than the entry's, as far as that
// is known.
func (e Entry) elsewhere(server string) bool {
	return !sameServer(server, e.Server) && (e.Server != "" || !e.early)
}

// differing is the first of a mapping's fields that another has not so.
func differing(want, has *yaml.Node) string {
	for i := 0; i+1 < len(want.Content); i += 2 {
		key := want.Content[i].Value
		if old := child(has, key); old == nil || !same(old, want.Content[i+1]) {
			return strings.TrimSuffix(key, "-data")
		}
	}
	return ""
}

// usedByOthers says whether a context with a user that is not this Daypass's
// names the entry's cluster.
func (d document) usedByOthers(e Entry) bool {
	for _, context := range d.together("contexts") {
		body := field(context, "context")
		if text(field(body, "cluster")) != e.Cluster {
			continue
		}
		if user := d.known("users", text(field(body, "user"))); user == nil || e.notOurs(user) != "" {
			return true
		}
	}
	return false
}

// onlyOurs says whether the entry's cluster is named by contexts of this
// Daypass alone, and by one at least: then a cluster that moved is followed.
func (d document) onlyOurs(e Entry) bool {
	used := slices.ContainsFunc(d.together("contexts"), func(context *yaml.Node) bool {
		return text(field(field(context, "context"), "cluster")) == e.Cluster
	})
	return used && !d.usedByOthers(e)
}

func (d document) contextInTheWay(context *yaml.Node, e Entry) string {
	body := field(context, "context")
	name := text(field(body, "user"))
	user := d.known("users", name)
	if user == nil && name != e.User {
		return "its user is " + name
	}
	if user != nil {
		if why := e.notOurs(user); why != "" {
			return "its user " + why
		}
	}
	name = text(field(body, "cluster"))
	cluster := d.known("clusters", name)
	if cluster == nil && name != e.Cluster {
		return "its cluster is " + name
	}
	if at := text(field(field(cluster, "cluster"), "server")); cluster != nil && name != e.Cluster && e.elsewhere(at) {
		return "its cluster is at " + at + ", and this one at " + e.Server
	}
	return "" // of the entry's own cluster, clusterInTheWay decides
}

func (d document) items(list string) []*yaml.Node {
	if items := child(d.root, list); items != nil {
		return items.Content
	}
	return nil
}

// removeSteps takes out contexts of ours, and what only they needed.
func removeSteps(d document, gone []Holding) (steps []step) {
	for _, h := range gone {
		body := field(d.item("contexts", h.Context), "context")
		user, cluster := text(field(body, "user")), text(field(body, "cluster"))
		steps = append(steps, drop{"contexts", h.Context})
		if !d.needed("user", user, gone) {
			steps = append(steps, drop{"users", user})
		}
		if item := d.item("clusters", cluster); item != nil && asWeMakeThem(item) && !d.needed("cluster", cluster, gone) {
			steps = append(steps, drop{"clusters", cluster})
		}
		if h.Current {
			steps = append(steps, current{""})
		}
	}
	return steps
}

// needed says whether a context other than those that go names it, be it one of
// a file beside.
func (d document) needed(what, name string, gone []Holding) bool {
	stays := func(context *yaml.Node) bool {
		return !slices.ContainsFunc(gone, func(h Holding) bool { return h.Context == text(field(context, "name")) })
	}
	names := func(context *yaml.Node) bool { return text(field(field(context, "context"), what)) == name }
	for _, other := range d.beside {
		if slices.ContainsFunc(other.items("contexts"), names) {
			return true
		}
	}
	return slices.ContainsFunc(d.items("contexts"), func(context *yaml.Node) bool { return stays(context) && names(context) })
}

// asWeMakeThem says that a cluster has nothing but what Daypass writes.
func asWeMakeThem(cluster *yaml.Node) bool {
	body := child(cluster, "cluster")
	if len(cluster.Content) != 4 || body == nil || body.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i < len(body.Content); i += 2 {
		switch body.Content[i].Value {
		case "server", "certificate-authority-data", "proxy-url", "tls-server-name":
		default:
			return false
		}
	}
	return true
}

// ours says that a user is one that Daypass made: it calls our program, or
// the one this entry calls, for a token.
func ours(user *yaml.Node, command string) bool {
	exec := field(field(user, "user"), "exec")
	called, args := program(text(field(exec, "command"))), field(exec, "args")
	if called == "" || called != helper && called != program(command) {
		return false
	}
	return args != nil && len(args.Content) > 0 && text(args.Content[0]) == "token"
}

// notOurs says why a user is not one that this entry's Daypass made. One that
// asks another for tokens is that one's: were it taken over, its context would
// lead elsewhere under the same name.
func (e Entry) notOurs(user *yaml.Node) string {
	if !ours(user, e.Command) {
		return "does not call " + program(e.Command)
	}
	if asks := argument(arguments(user), "--server"); asks != "" && !sameServer(asks, argument(e.Args, "--server")) {
		return "asks " + asks + " for tokens"
	}
	return foreign(user)
}

// foreign says what a user that calls our program has besides, and Daypass
// gives to none: who is somebody at once, or somebody else by their request, or
// whose helper works in another world. A proxy for the helper is for people to
// name; what goes through it is sealed.
func foreign(user *yaml.Node) string {
	body := field(user, "user")
	exec := field(body, "exec")
	besides := append(others(body, "exec", "extensions"), others(exec, "apiVersion", "command", "args", "env", "interactiveMode", "provideClusterInfo", "installHint")...)
	if len(besides) > 0 {
		return "has " + besides[0]
	}
	if env := field(exec, "env"); env != nil {
		for _, one := range env.Content {
			name := text(field(one, "name"))
			if !slices.Contains([]string{"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}, strings.ToUpper(name)) {
				return "has env " + name
			}
		}
	}
	return ""
}

// arguments are what a user's helper is called with.
func arguments(user *yaml.Node) (args []string) {
	if given := field(field(field(user, "user"), "exec"), "args"); given != nil {
		for _, arg := range given.Content {
			args = append(args, text(arg))
		}
	}
	return args
}

// program is a command's name without folder or .exe, on any system.
func program(command string) string {
	name := path.Base(strings.ReplaceAll(command, `\`, "/"))
	if name == "." || name == "/" {
		return ""
	}
	return strings.TrimSuffix(name, ".exe")
}

func sameServer(a, b string) bool {
	return strings.TrimRight(a, "/") == strings.TrimRight(b, "/")
}
