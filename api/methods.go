package api

import (
	"context"
	"net/http"
	"net/url"
)

func get(path string) question { return question{method: http.MethodGet, path: path} }
func post(path string, body any) question {
	return question{method: http.MethodPost, path: path, body: body}
}

func segment(id string) string { return url.PathEscape(id) }

// asked is for questions whose answer is a T.
func asked[T any](ctx context.Context, c *Client, q question) (T, error) {
	var out T
	err := c.ask(ctx, q, &out)
	return out, err
}

// About asks what the server is. Whoever signs in compares its URL with the
// one asked: proofs are for that URL alone.
func (c *Client) About(ctx context.Context) (Server, error) {
	return asked[Server](ctx, c, question{method: http.MethodGet, path: "/server", open: true})
}

// OpenAPI gives the server's description of its API, as it is.
func (c *Client) OpenAPI(ctx context.Context) ([]byte, error) {
	return c.answer(ctx, question{method: http.MethodGet, path: "/openapi.json", open: true})
}

// Me tells who asks.
func (c *Client) Me(ctx context.Context) (Person, error) { return asked[Person](ctx, c, get("/me")) }

// Clusters lists those that the asker may enter.
func (c *Client) Clusters(ctx context.Context) (Clusters, error) {
	return asked[Clusters](ctx, c, get("/clusters"))
}

// Decide tells what the answer to an Ask would be. It starts nothing.
func (c *Client) Decide(ctx context.Context, a Ask) (Decision, error) {
	return asked[Decision](ctx, c, post("/decisions", a))
}

// Start starts a lease, and the same one when it is asked twice under one Key.
func (c *Client) Start(ctx context.Context, s Start) (Lease, error) {
	return asked[Lease](ctx, c, post("/leases", s))
}

// Leases lists the asker's, the active ones first.
func (c *Client) Leases(ctx context.Context) (Leases, error) {
	return asked[Leases](ctx, c, get("/leases"))
}

// Lease tells of one.
func (c *Client) Lease(ctx context.Context, id string) (Lease, error) {
	return asked[Lease](ctx, c, get("/leases/"+segment(id)))
}

// Entry tells what a kubeconfig for the lease has in it.
func (c *Client) Entry(ctx context.Context, id string) (Entry, error) {
	return asked[Entry](ctx, c, post("/leases/"+segment(id)+"/entry", nil))
}

// Token gives the lease's token, which is a secret.
func (c *Client) Token(ctx context.Context, id string) (Token, error) {
	return asked[Token](ctx, c, post("/leases/"+segment(id)+"/token", nil))
}

// End ends a lease.
func (c *Client) End(ctx context.Context, id string) (Lease, error) {
	return asked[Lease](ctx, c, post("/leases/"+segment(id)+"/end", nil))
}

// EndAll ends all of the asker's, and gives those that it ended.
func (c *Client) EndAll(ctx context.Context) (Leases, error) {
	return asked[Leases](ctx, c, post("/leases/end", nil))
}

// Sessions lists the asker's.
func (c *Client) Sessions(ctx context.Context) (Sessions, error) {
	return asked[Sessions](ctx, c, get("/sessions"))
}

// This is the ID by which a session calls itself.
const This = "this"

// SignOut ends one of the asker's sessions.
func (c *Client) SignOut(ctx context.Context, id string) error {
	return c.ask(ctx, question{method: http.MethodDelete, path: "/sessions/" + segment(id)}, nil)
}

// Replaced ends the session that asks because another has taken its place. It
// is no sign-out, so leases stay where those end with one.
func (c *Client) Replaced(ctx context.Context) error {
	q := question{method: http.MethodDelete, path: "/sessions/" + This, query: url.Values{"replaced": {"true"}}}
	return c.ask(ctx, q, nil)
}

// SignIn asks for a session that is bound to the Key.
func (c *Client) SignIn(ctx context.Context, s SignIn) (SignedIn, error) {
	q := post("/sessions", s)
	q.proven = true
	return asked[SignedIn](ctx, c, q)
}

// BeginDevice begins a sign-in without a browser.
func (c *Client) BeginDevice(ctx context.Context, a DeviceAsk) (Device, error) {
	q := post("/device", a)
	q.proven = true
	return asked[Device](ctx, c, q)
}

// Held lists everybody's active leases, for administrators; what is empty does
// not narrow it.
func (c *Client) Held(ctx context.Context, person, cluster string) (HeldLeases, error) {
	q := get("/administration/leases")
	q.query = url.Values{"person": {person}, "cluster": {cluster}}
	return asked[HeldLeases](ctx, c, q)
}

// EndOf ends anybody's lease, for administrators.
func (c *Client) EndOf(ctx context.Context, id string) (Held, error) {
	return asked[Held](ctx, c, post("/administration/leases/"+segment(id)+"/end", nil))
}

// SessionsOf lists where a person is signed in, for administrators.
func (c *Client) SessionsOf(ctx context.Context, principal string) (Sessions, error) {
	return asked[Sessions](ctx, c, get("/administration/people/"+segment(principal)+"/sessions"))
}

// EndSessionOf signs a person out at one place, for administrators.
func (c *Client) EndSessionOf(ctx context.Context, principal, session string) error {
	return c.ask(ctx, post("/administration/people/"+segment(principal)+"/sessions/"+segment(session)+"/end", nil), nil)
}

// EndPerson signs a person out everywhere and ends all their leases, for
// administrators.
func (c *Client) EndPerson(ctx context.Context, principal string) (EndedPerson, error) {
	return asked[EndedPerson](ctx, c, post("/administration/people/"+segment(principal)+"/end", nil))
}
