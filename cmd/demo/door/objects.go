package door

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// sort is a sort of objects.
type sort struct {
	plural, singular, kind string
	short                  []string
	namespaced             bool
	columns                []string // of its table, beside NAME and AGE
}

func sorts() []sort {
	return []sort{
		{"namespaces", "namespace", "Namespace", []string{"ns"}, false, []string{"Status"}},
		{"pods", "pod", "Pod", []string{"po"}, true, []string{"Ready", "Status", "Restarts"}},
		{"secrets", "secret", "Secret", nil, true, []string{"Type", "Data"}},
		{"nodes", "node", "Node", []string{"no"}, false, []string{"Status", "Roles"}},
	}
}

// object is one thing on the shelf.
type object struct {
	sort, namespace, name string
	cells                 []string
	born                  time.Time
}

// shelf holds the objects of one cluster.
type shelf struct {
	mu  sync.Mutex
	all []object
}

// stock is what a demo cluster holds at first.
func stock(now time.Time) *shelf {
	old, young := now.Add(-40*24*time.Hour), now.Add(-3*time.Hour)
	s := &shelf{}
	for _, ns := range []string{"default", "kube-system", "payments"} {
		s.all = append(s.all, object{"namespaces", "", ns, []string{"Active"}, old})
	}
	for _, n := range []string{"ip-10-0-1-17.internal", "ip-10-0-2-40.internal"} {
		s.all = append(s.all, object{"nodes", "", n, []string{"Ready", "<none>"}, old})
	}
	pod := func(ns, name string) object { return object{"pods", ns, name, []string{"1/1", "Running", "0"}, young} }
	s.all = append(s.all, pod("default", "web-7d9c5b8f6d-2x4kq"), pod("default", "web-7d9c5b8f6d-p8zvm"),
		pod("payments", "ledger-0"), pod("payments", "ledger-1"), pod("kube-system", "coredns-5f8b6c7d9-t2wqx"))
	s.all = append(s.all, object{"secrets", "payments", "ledger-database", []string{"Opaque", "2"}, old})
	return s
}

func (s *shelf) find(kind, namespace, name string) (out []object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.all {
		if o.sort == kind && (namespace == "" || o.namespace == namespace) && (name == "" || o.name == name) {
			out = append(out, o)
		}
	}
	return out
}

func (s *shelf) remove(x object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(o object) bool {
		return o.sort == x.sort && o.namespace == x.namespace && o.name == x.name
	})
}

// target is what a path under /api/v1 means.
type target struct {
	sort            sort
	namespace, name string
}

func (t target) String() string {
	if t.name != "" {
		return t.sort.plural + "/" + t.name
	}
	return t.sort.plural
}

func aim(path string) (t target, ok bool) {
	parts := strings.Split(strings.Trim(strings.TrimPrefix(path, "/api/v1/"), "/"), "/")
	if len(parts) >= 3 && parts[0] == "namespaces" {
		t.namespace, parts = parts[1], parts[2:]
	}
	i := slices.IndexFunc(sorts(), func(s sort) bool { return s.plural == parts[0] })
	if i < 0 || len(parts) > 2 {
		return t, false
	}
	t.sort = sorts()[i]
	if len(parts) == 2 {
		t.name = parts[1]
	}
	return t, true
}

// objects answers get, list and delete.
func (d *door) objects(w http.ResponseWriter, r *http.Request, who Caller) {
	t, ok := aim(r.URL.Path)
	verb := verbOf(r, t)
	if !ok || verb == "" {
		notFound(w, r, who)
		return
	}
	k := Knock{Cluster: d.Cluster, Caller: who, Verb: verb, What: t.String(), Allowed: d.Allows(who.Groups, verb, t.sort.plural)}
	if !k.Allowed {
		k.Why = forbidden(who, verb, t)
	}
	d.Observe(k)
	if !k.Allowed {
		fail(w, http.StatusForbidden, metav1.StatusReasonForbidden, k.Why)
		return
	}
	found := d.shelf.find(t.sort.plural, t.namespace, t.name)
	switch {
	case t.name != "" && len(found) == 0:
		fail(w, http.StatusNotFound, metav1.StatusReasonNotFound, fmt.Sprintf("%s %q not found", t.sort.plural, t.name))
	case verb == "delete":
		d.shelf.remove(found[0])
		write(w, http.StatusOK, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusSuccess,
			Details: &metav1.StatusDetails{Name: t.name, Kind: t.sort.plural}})
	case strings.Contains(r.Header.Get("Accept"), "as=Table"):
		write(w, http.StatusOK, table(t.sort, found, d.Now()))
	case t.name != "":
		write(w, http.StatusOK, plain(t.sort, found[0]))
	default:
		items := make([]any, 0, len(found))
		for _, o := range found {
			items = append(items, plain(t.sort, o))
		}
		write(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": t.sort.kind + "List", "metadata": map[string]any{"resourceVersion": "1"}, "items": items})
	}
}

func verbOf(r *http.Request, t target) string {
	switch {
	case r.Method == http.MethodDelete && t.name != "":
		return "delete"
	case r.Method != http.MethodGet || r.URL.Query().Get("watch") != "":
		return ""
	case t.name != "":
		return "get"
	}
	return "list"
}

// forbidden is worded as RBAC words it, for that is what people will see.
func forbidden(who Caller, verb string, t target) string {
	s := t.sort.plural
	if t.name != "" {
		s = fmt.Sprintf("%s %q", s, t.name)
	}
	scope := "at the cluster scope"
	if t.namespace != "" {
		scope = fmt.Sprintf("in the namespace %q", t.namespace)
	}
	return fmt.Sprintf(`%s is forbidden: User %q cannot %s resource %q in API group "" %s`, s, who.Username, verb, t.sort.plural, scope)
}

func meta(o object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: o.name, Namespace: o.namespace, CreationTimestamp: metav1.NewTime(o.born), ResourceVersion: "1"}
}

func plain(s sort, o object) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": s.kind, "metadata": meta(o)}
}

func table(s sort, found []object, now time.Time) metav1.Table {
	t := metav1.Table{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "Table"}}
	for _, c := range append(append([]string{"Name"}, s.columns...), "Age") {
		t.ColumnDefinitions = append(t.ColumnDefinitions, metav1.TableColumnDefinition{Name: c, Type: "string"})
	}
	for _, o := range found {
		cells := []any{o.name}
		for _, c := range o.cells {
			cells = append(cells, c)
		}
		row := metav1.TableRow{Cells: append(cells, age(now.Sub(o.born)))}
		row.Object.Object = &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: meta(o)}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func age(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return fmt.Sprintf("%dh", d/time.Hour)
}
