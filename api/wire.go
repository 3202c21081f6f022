package api

import "time"

// Server is what a server says of itself to whoever asks: GET /server.
type Server struct {
	URL         string    `json:"url"` // as configured; DPoP proofs are for it
	Version     string    `json:"version"`
	DeviceLogin bool      `json:"deviceLogin"` // whether a client without a browser may sign in by a typed code
	Time        time.Time `json:"time"`        // the server's clock
}

// Person is whoever asks: GET /me.
type Person struct {
	Principal string    `json:"principal"` // pr_…
	Label     string    `json:"label"`     // what people call them
	Provider  string    `json:"provider"`
	Groups    []string  `json:"groups"`
	AsOf      time.Time `json:"asOf"`           // when the provider last said so
	Note      string    `json:"note,omitempty"` // such as: the provider cannot be reached
}

// Choice is one role that the asker may have on one cluster.
type Choice struct {
	Role        string `json:"role"`
	Description string `json:"description,omitempty"`
	Grant       string `json:"grant"`
	Longest     int64  `json:"longestSeconds"`
	Reason      bool   `json:"needsReason"`
	ReasonHint  string `json:"reasonHint,omitempty"`
	BreakGlass  bool   `json:"breakGlass"`
	// TellsWhom is who is told at once when the glass is broken, in the
	// operator's words.
	TellsWhom string `json:"tellsWhom,omitempty"`
}

// Cluster is one that the asker may enter: GET /clusters.
type Cluster struct {
	Name    string            `json:"name"`
	ARN     string            `json:"arn"`
	Region  string            `json:"region"`
	Labels  map[string]string `json:"labels,omitempty"`
	Status  string            `json:"status,omitempty"`  // as AWS last said
	Version string            `json:"version,omitempty"` // of Kubernetes
	Choices []Choice          `json:"choices"`
}

// Clusters is a list of them.
type Clusters struct {
	Clusters []Cluster `json:"clusters"`
}

// Ask is what somebody wants: POST /decisions, and with more POST /leases.
type Ask struct {
	Cluster    string `json:"cluster"`
	Role       string `json:"role"`
	Seconds    int64  `json:"seconds,omitempty"` // zero: the server's default
	Reason     string `json:"reason,omitempty"`
	BreakGlass bool   `json:"breakGlass,omitempty"`
	Confirmed  bool   `json:"confirmed,omitempty"` // that others will be told, for break-glass
}

// Decision is the answer to an Ask.
type Decision struct {
	Answer  string    `json:"answer"` // allowed, needs, refused
	Grant   string    `json:"grant,omitempty"`
	Policy  string    `json:"policy"` // digest of the policy that answered
	RoleARN string    `json:"roleARN,omitempty"`
	EndsAt  time.Time `json:"endsAt,omitzero"`
	// Context and Server are those of the Entry to come, so that whoever asks
	// sees before they start whether the name is free. Empty: refused, or unknown.
	Context  string    `json:"context,omitempty"`
	Server   string    `json:"server,omitempty"`
	Needs    []string  `json:"needs,omitempty"`
	Refusals []Refusal `json:"refusals,omitempty"`
}

// Refusal is one reason for a no.
type Refusal struct {
	Code string `json:"code"`
	Say  string `json:"say"`
	Next string `json:"next,omitempty"`
}

// Start asks for a lease: POST /leases.
type Start struct {
	Ask
	Namespace string `json:"namespace,omitempty"`
	Key       string `json:"key"` // the same key twice starts one lease
}

// Lease is one time-boxed use of a role on a cluster.
type Lease struct {
	ID         string    `json:"id"` // ls_…
	Cluster    string    `json:"cluster"`
	Role       string    `json:"role"`
	Grant      string    `json:"grant"`
	BreakGlass bool      `json:"breakGlass"`
	Reason     string    `json:"reason,omitempty"` // in the person's own words
	Namespace  string    `json:"namespace,omitempty"`
	State      string    `json:"state"` // active, ended, expired
	StartedAt  time.Time `json:"startedAt"`
	EndsAt     time.Time `json:"endsAt"`
	EndedAt    time.Time `json:"endedAt,omitzero"`
	LastUsed   time.Time `json:"lastUsed,omitzero"`
	// MayWorkUntil is until when at most a token that is out may still work.
	MayWorkUntil time.Time `json:"mayWorkUntil,omitzero"`
	Page         string    `json:"page"` // where a person can read about it
	// Note is what the person should know, such as why there is no token yet.
	Note string `json:"note,omitempty"`
}

// Leases is a list of them, the active ones first: GET /leases.
type Leases struct {
	Leases []Lease `json:"leases"`
}

// Held is somebody's lease, as administrators see it.
type Held struct {
	Principal string `json:"principal"` // pr_…
	Provider  string `json:"provider"`
	Email     string `json:"email,omitempty"`
	Lease     Lease  `json:"lease"`
}

// HeldLeases is a list of everybody's active leases, the newest first:
// GET /administration/leases, narrowed by the parameters person (a principal
// or an e-mail address) and cluster.
type HeldLeases struct {
	Leases []Held `json:"leases"`
	More   bool   `json:"more"` // there are others
}

// EndedPerson is what an administrator ended of a person:
// POST /administration/people/{principal}/end.
type EndedPerson struct {
	Leases   []Lease `json:"leases"`
	Sessions int     `json:"sessions"` // how many
}

// Token is a lease's token: POST /leases/{lease}/token. It is a secret.
type Token struct {
	Token     string    `json:"token"`
	Issuance  string    `json:"issuance"` // is_…
	ExpiresAt time.Time `json:"expiresAt"`
	// NextAt is from when on the server mints another.
	NextAt time.Time `json:"nextAt"`
	EndsAt time.Time `json:"endsAt"` // of the lease
	Note   string    `json:"note,omitempty"`
}

// Entry is what a kubeconfig needs to know of a lease's cluster, and no
// secret: POST /leases/{lease}/entry.
type Entry struct {
	Lease  Lease  `json:"lease"`
	Server string `json:"server"`
	CA     []byte `json:"certificateAuthority"` // PEM, base64 in JSON
	// ProxyURL is kubectl's proxy to the cluster, and TLSServerName what the
	// server's certificate is for, where that is not its name.
	ProxyURL      string `json:"proxyURL,omitempty"`
	TLSServerName string `json:"tlsServerName,omitempty"`
	Context       string `json:"context"` // what to call it
	Namespace     string `json:"namespace,omitempty"`
}

// Session is a browser's or a client's sign-in: GET /sessions, and for
// administrators GET /administration/people/{principal}/sessions.
type Session struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // browser, client
	Name      string    `json:"name,omitempty"`
	This      bool      `json:"this"` // the one that asks
	Address   string    `json:"address"`
	UserAgent string    `json:"userAgent,omitempty"`
	SignedIn  time.Time `json:"signedIn"`
	LastUsed  time.Time `json:"lastUsed"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Sessions is a list of them.
type Sessions struct {
	Sessions []Session `json:"sessions"`
}

// The grants by which a client signs in.
const (
	GrantCode   = "authorization_code" // RFC 6749, section 4.1, with PKCE
	GrantDevice = "device_code"        // in the manner of RFC 8628
)

// SignIn asks for a client's session: POST /sessions, with a DPoP proof whose
// key the session is bound to.
type SignIn struct {
	Grant       string `json:"grant"`
	Code        string `json:"code,omitempty"`
	Verifier    string `json:"codeVerifier,omitempty"` // RFC 7636
	RedirectURI string `json:"redirectURI,omitempty"`
	DeviceCode  string `json:"deviceCode,omitempty"`
}

// SignedIn is a client's new session. Secret goes into the Authorization
// header, after DPoP; it is worth nothing without the key.
type SignedIn struct {
	Session Session `json:"session"`
	Secret  string  `json:"secret"`
	Person  Person  `json:"person"`
}

// DeviceAsk begins a sign-in without a browser: POST /device, with a proof.
type DeviceAsk struct {
	Name string `json:"name"` // of the client, as the person will see it
}

// Device is a begun sign-in without a browser. The person types UserCode at
// VerificationURI; meanwhile the client asks POST /sessions every Interval.
type Device struct {
	DeviceCode      string `json:"deviceCode"`
	UserCode        string `json:"userCode"`
	VerificationURI string `json:"verificationURI"`
	ExpiresIn       int64  `json:"expiresInSeconds"`
	Interval        int64  `json:"intervalSeconds"`
}

// Problem is an error: RFC 9457, with members of our own.
type Problem struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Status  int    `json:"status"`
	Detail  string `json:"detail"`
	Code    string `json:"code"` // stable
	Next    string `json:"next,omitempty"`
	Request string `json:"request,omitempty"`
}
