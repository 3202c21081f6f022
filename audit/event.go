// Package audit says what an event of the audit log is and what its bytes are.
//
// An event has two parts. The record is kept for good: names, times, hashes
// and pseudonyms. The details are personal or free text (e-mail, address,
// reason): they can be erased, and the record holds a salted hash of them, so
// that what is left still verifies. Its one danger: nothing secret may ever be
// put into an event; neither part is meant to hide anything.
package audit

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

// Kind says what happened.
type Kind string

// The kinds of events.
const (
	ServerStarted     Kind = "server.started"
	ServerStopped     Kind = "server.stopped"
	ConfigLoaded      Kind = "config.loaded"
	ConfigRefused     Kind = "config.refused"
	SignedIn          Kind = "sign-in.succeeded"
	SignInFailed      Kind = "sign-in.failed"
	SignedOut         Kind = "session.ended"
	Regrouped         Kind = "session.refreshed" // the provider told other groups of a person than before
	LogoutRefused     Kind = "logout.refused"    // a provider's notice that somebody signed out there
	Refused           Kind = "decision.refused"
	LeaseStarted      Kind = "lease.started"
	GlassBroken       Kind = "lease.break-glass"
	LeaseEnded        Kind = "lease.ended"
	LeaseExpired      Kind = "lease.expired"
	Administered      Kind = "administration" // an administrator's act, beside what it did to whom
	Intended          Kind = "issuance.intended"
	Minted            Kind = "issuance.minted"
	MintFailed        Kind = "issuance.failed"
	HandedOver        Kind = "hand-over"
	NoticeDelivered   Kind = "notice.delivered"
	NoticeUndelivered Kind = "notice.undelivered"
	Read              Kind = "audit.read"
	Exported          Kind = "audit.exported"
	RowRefused        Kind = "row.refused"
)

// Kinds lists every kind, for filters.
func Kinds() []Kind {
	return []Kind{ServerStarted, ServerStopped, ConfigLoaded, ConfigRefused, SignedIn, SignInFailed, SignedOut, Regrouped, LogoutRefused,
		Refused, LeaseStarted, GlassBroken, LeaseEnded, LeaseExpired, Administered, Intended, Minted, MintFailed,
		HandedOver, NoticeDelivered, NoticeUndelivered, Read, Exported, RowRefused}
}

// Event is one line of the audit log. Zero fields are left out.
type Event struct {
	ID   string // ev_…, sortable by time
	At   time.Time
	Kind Kind

	Principal   string // pr_…, the pseudonym of whoever acted; empty: the server itself
	Provider    string // the sign-in provider's name
	Cluster     string
	Role        string
	Grant       string
	Lease       string // ls_…
	Issuance    string // is_…
	AccessKeyID string // joins with CloudTrail and the cluster's own audit log
	Policy      string // digest of the policy in force
	Request     string // ID of the HTTP request
	Reason      string // a stable code of why: no-grant, signature, throttled
	// Facts are further impersonal values under stable names, such as
	// expires, tokenSHA256, caSHA256, form, roleARN, sessionName.
	Facts map[string]string

	Details Details
}

// Details is the erasable part of an event. Zero fields are left out.
type Details struct {
	Email     string            `json:"email,omitempty"`
	Name      string            `json:"name,omitempty"`
	Subject   string            `json:"subject,omitempty"`
	Address   string            `json:"address,omitempty"`
	UserAgent string            `json:"userAgent,omitempty"`
	Text      string            `json:"text,omitempty"` // the person's reason, or an error's sentence
	More      map[string]string `json:"more,omitempty"`
}

// Who is the person and client behind a request, as events tell them.
type Who struct {
	Principal string
	Provider  string
	Email     string
	Name      string
	Subject   string
	Address   string
	UserAgent string
	Request   string
}

// New starts an event of a kind at a time, by somebody.
func New(kind Kind, at time.Time, by Who) Event {
	return Event{
		ID: NewID("ev", at), At: at, Kind: kind,
		Principal: by.Principal, Provider: by.Provider, Request: by.Request,
		Details: Details{Email: by.Email, Name: by.Name, Subject: by.Subject, Address: by.Address, UserAgent: by.UserAgent},
	}
}

// crockford is base32 in an order that sorts as the bytes do, lower case and
// without letters that read like digits.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewID makes an ID such as ls_01k…: the prefix, then 48 bits of milliseconds
// since 1970 and 80 random bits in 26 characters. IDs of different
// milliseconds sort by time and are safe in URLs.
func NewID(prefix string, at time.Time) string {
	var b [16]byte
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()))
	copy(b[:6], ms[2:])
	_, _ = rand.Read(b[6:]) // never fails since Go 1.24
	return prefix + "_" + strings.ToLower(crockford.EncodeToString(b[:]))
}
