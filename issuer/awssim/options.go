package awssim

import (
	"crypto/cipher"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"
)

// Action is an API call, named as IAM policies name it.
type Action string

// The calls that the simulator knows.
const (
	AssumeRole        Action = "sts:AssumeRole"
	GetCallerIdentity Action = "sts:GetCallerIdentity"
	DescribeCluster   Action = "eks:DescribeCluster"
	ListClusters      Action = "eks:ListClusters"
)

// Options say what exists in the simulated AWS. New copies nothing: change
// none of it afterwards.
type Options struct {
	Now              func() time.Time // nil: time.Now
	TokenLife        time.Duration    // life of a presigned GetCallerIdentity; zero: AWS's 15 minutes
	Key              []byte           // seals session tokens; the same key keeps them good over a restart; nil: a fresh one
	SessionTokenSize int              // length of a session token without tags and policy; zero: 1,100

	Users    []User
	Roles    []Role
	Clusters []Cluster
	// Readers maps an account to the users' and roles' ARNs that may list and
	// describe its clusters. Each must be of that account.
	Readers map[string][]string

	// AllowedHosts are STS hosts that Verify accepts besides those of the
	// cluster's partition: the simulator's own host:port on loopback.
	AllowedHosts []string

	// Observe is told of every call once its verdict stands, from many
	// goroutines at once. nil: nobody is told.
	Observe func(Call)
}

// User owns a long-lived access key.
type User struct {
	ARN         string // arn:aws:iam::111122223333:user/daypass
	ID          string // AIDA…; empty: made from the access key ID
	AccessKeyID string // AKIA…
	Secret      Secret
}

// Role can be assumed by those it trusts.
type Role struct {
	ARN        string // with its path
	ID         string // AROA…, unique in all of AWS
	Trust      Trust
	MaxSession time.Duration // zero: one hour, as IAM's default
}

// Trust is a role's trust policy.
type Trust struct {
	Principals     []string // ARNs of users, roles or sessions; an account's ID or root ARN; or *
	ExternalID     string   // demanded unless empty
	SourceIdentity bool     // sts:SetSourceIdentity is allowed
	Tags           bool     // sts:TagSession is allowed
}

// Cluster is what DescribeCluster tells of an EKS cluster. Name, region and
// account are those of its ARN.
type Cluster struct {
	ARN                string
	Version            string // empty: 1.33
	Status             string // empty: ACTIVE
	Endpoint           string
	CA                 []byte // PEM
	Created            time.Time
	PublicAccess       bool
	PrivateAccess      bool
	PublicAccessCIDRs  []string
	AuthenticationMode string // API, API_AND_CONFIG_MAP or CONFIG_MAP; empty: API
	CreatorIsAdmin     bool   // bootstrapClusterCreatorAdminPermissions
	Tags               map[string]string
}

// Call is one request as the simulator judged it. It holds no secret.
type Call struct {
	At             time.Time
	Action         Action
	Caller         string // ARN; empty when the signature proved nobody
	AccessKeyID    string // as claimed by the caller
	SessionName    string // of the caller; for AssumeRole, of the session asked for
	SourceIdentity string // likewise
	Tags           map[string]string
	Target         string // ARN of the role or cluster asked for
	Issued         string // access key ID of the session that was made
	Cluster        string // x-k8s-aws-id of a presigned request
	Presigned      bool
	Verdict        string // OK, or AWS's error code
	Reason         string
}

// Secret does not print itself.
type Secret string

// Format writes [secret] for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// MarshalText keeps the secret out of JSON and logs.
func (Secret) MarshalText() ([]byte, error) { return []byte("[secret]"), nil }

// LogValue keeps the secret out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// Sim is the simulated AWS. Its methods may be used from many goroutines.
type Sim struct {
	now      func() time.Time
	life     time.Duration
	size     int
	key      []byte
	seal     cipher.AEAD
	users    map[string]User // by access key ID
	roles    map[string]Role // by ARN
	clusters []placed
	readers  map[string][]string
	hosts    []string
	observe  func(Call)
	faults   *faults
}

// placed is a cluster with its ARN taken apart.
type placed struct {
	Cluster
	arn  arn
	name string
}

// New makes a simulated AWS. It panics when an ARN in the options cannot be
// read: that is a mistake in the program that wrote them.
func New(o Options) *Sim {
	s := &Sim{
		now: o.Now, life: o.TokenLife, size: o.SessionTokenSize,
		users: map[string]User{}, roles: map[string]Role{},
		readers: o.Readers, hosts: slices.Clone(o.AllowedHosts),
		observe: o.Observe, faults: newFaults(),
	}
	s.fillDefaults()
	s.setKey(o.Key)
	for _, u := range o.Users {
		s.addUser(u)
	}
	for _, r := range o.Roles {
		s.addRole(r)
	}
	for _, c := range o.Clusters {
		s.addCluster(c)
	}
	return s
}

func (s *Sim) fillDefaults() {
	if s.now == nil {
		s.now = time.Now
	}
	if s.life <= 0 {
		s.life = tokenLife
	}
	if s.size <= 0 {
		s.size = 1100
	}
	if s.observe == nil {
		s.observe = func(Call) {}
	}
}

func (s *Sim) addUser(u User) {
	a := mustARN(u.ARN, "iam", "user/")
	if u.AccessKeyID == "" || u.Secret == "" {
		panic(fmt.Sprintf("awssim: user %s needs an access key ID and a secret", a))
	}
	if u.ID == "" {
		u.ID = "AIDA" + last(u.AccessKeyID, 16)
	}
	s.users[u.AccessKeyID] = u
}

func (s *Sim) addRole(r Role) {
	a := mustARN(r.ARN, "iam", "role/")
	if r.ID == "" {
		panic(fmt.Sprintf("awssim: role %s needs a unique ID (AROA…)", a))
	}
	if r.MaxSession == 0 {
		r.MaxSession = time.Hour
	}
	s.roles[r.ARN] = r
}

func (s *Sim) addCluster(c Cluster) {
	a := mustARN(c.ARN, "eks", "cluster/")
	if c.Version == "" {
		c.Version = "1.33"
	}
	if c.Status == "" {
		c.Status = "ACTIVE"
	}
	if c.AuthenticationMode == "" {
		c.AuthenticationMode = "API"
	}
	s.clusters = append(s.clusters, placed{c, a, a.resource[len("cluster/"):]})
}
