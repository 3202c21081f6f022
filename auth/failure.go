package auth

import (
	"fmt"
	"strings"
	"unicode"
)

// Side says where a sign-in failed.
type Side string

// The sides.
const (
	AtProvider      Side = "provider"      // the provider is down, or its answer does not hold
	AtPerson        Side = "person"        // nothing is broken: the person, or whoever lets them in, said no
	AtBrowser       Side = "browser"       // the browser's request does not fit what was begun here
	AtConfiguration Side = "configuration" // somebody must change a setting
)

// Kind is the stable code of a failure. Events carry it as their reason.
type Kind string

// The kinds of failure.
const (
	UnknownProvider Kind = "unknown-provider"
	NoState         Kind = "state-missing"    // the answer carries no state of our shape
	UnknownStart    Kind = "state-unknown"    // forged, already used, or long gone
	StaleStart      Kind = "state-expired"    // begun too long ago
	OtherBrowser    Kind = "other-browser"    // begun in another browser
	MixedUp         Kind = "other-provider"   // begun with another provider
	OtherIssuer     Kind = "issuer-parameter" // RFC 9207's iss is wrong or missing
	Denied          Kind = "denied"           // the person cancelled at the provider, or it does not let them in
	Unasked         Kind = "not-asked"        // the provider would have to ask the person, and was told not to
	ProviderError   Kind = "provider-error"   // another error in the answer
	Unregistered    Kind = "client-refused"   // the provider does not accept our registration
	NoCode          Kind = "code-missing"
	CodeRefused     Kind = "code-refused"

	DiscoveryDown  Kind = "discovery-unreachable"
	DiscoveryWrong Kind = "discovery-wrong"
	KeysDown       Kind = "keys-unreachable"
	TokenDown      Kind = "token-unreachable"

	NoIDToken   Kind = "id-token-missing"
	Malformed   Kind = "id-token-malformed"
	Algorithm   Kind = "algorithm"
	Signature   Kind = "signature"
	WrongIssuer Kind = "issuer"
	Audience    Kind = "audience"
	Party       Kind = "authorized-party"
	Expired     Kind = "expired"
	Future      Kind = "issued-in-future"
	NotYet      Kind = "not-yet-valid"
	Nonce       Kind = "nonce"
	Subject     Kind = "subject"
	GroupsShape Kind = "groups-unreadable"
	GroupsMany  Kind = "groups-too-many"
	AuthAge     Kind = "auth-time" // max_age was asked for and not kept
	AuthClass   Kind = "acr"       // acr_values were asked for and none came back

	UserinfoDown    Kind = "userinfo-unreachable"
	UserinfoRefused Kind = "userinfo-refused"
	UserinfoSubject Kind = "userinfo-subject" // it is about somebody else
	GroupsOverage   Kind = "groups-overage"   // too many for the token (Entra ID)
	GraphDown       Kind = "graph-unreachable"
	GraphRefused    Kind = "graph-refused"
	GraphElsewhere  Kind = "graph-elsewhere" // the token points to a stranger

	LeftMeanwhile Kind = "signed-out-meanwhile" // at the provider, while the sign-in was under way
)

// The kinds of failure that only a provider's notice of a logout has; it
// shares those about signature, issuer, audience and times.
const (
	LogoutMissing  Kind = "logout-token-missing" // there is none, or more than one, or it is too long
	LogoutType     Kind = "logout-token-type"    // it is a token of another type
	LogoutEvent    Kind = "logout-token-event"
	LogoutNonce    Kind = "logout-token-nonce" // it has one: an ID token in disguise
	LogoutName     Kind = "logout-token-name"  // jti is missing or not acceptable
	LogoutWhom     Kind = "logout-token-whom"  // neither sub nor sid, or not acceptable
	LogoutStale    Kind = "logout-token-stale"
	LogoutReplayed Kind = "logout-token-replayed"
)

// The kinds of failure that only programs' requests have.
const (
	NeedsNonce      Kind = "use-dpop-nonce" // no nonce of ours, or an old one; not a fault
	BadProof        Kind = "proof"
	ProofReplayed   Kind = "proof-replayed"
	ClockOff        Kind = "clock"
	NotSignedIn     Kind = "not-signed-in"
	SignInTooOld    Kind = "sign-in-too-old"
	NotFresh        Kind = "sign-in-not-fresh"
	ManyPrograms    Kind = "too-many-programs"
	ProviderDown    Kind = "provider-down"
	BadGrant        Kind = "invalid-grant" // the code is wrong, used, or another's
	DevicePending   Kind = "authorization-pending"
	DeviceSlowDown  Kind = "slow-down"
	DeviceDenied    Kind = "access-denied"
	CodeExpired     Kind = "expired-code"
	DeviceOff       Kind = "device-login-off"
	UnknownUserCode Kind = "user-code-unknown"
	BadAsk          Kind = "client-ask" // what a program asks for is not acceptable
)

// Failure is why a sign-in did not come about. It opened nothing.
type Failure struct {
	Side     Side
	Kind     Kind
	Provider string // its name in daypass.yaml; empty when there is none of that name
	Say      string // what happened, for a person
	Next     string // what to do now
	cause    error
	whose    Session // the one whose secret came with it; zero: none did
}

// Error is for logs. It holds no code, state or token.
func (f *Failure) Error() string {
	s := "sign-in failed: " + string(f.Kind)
	if f.Provider != "" {
		s = fmt.Sprintf("sign-in with %s failed: %s", f.Provider, f.Kind)
	}
	if f.cause != nil {
		s += ": " + f.cause.Error()
	}
	return s
}

// Unwrap gives the cause, which holds no secret either.
func (f *Failure) Unwrap() error { return f.cause }

// Passing reports whether it is an outage, so that the same may work later.
func (f *Failure) Passing() bool {
	switch f.Kind {
	case DiscoveryDown, KeysDown, TokenDown, UserinfoDown, GraphDown:
		return true
	}
	return false
}

// saying is the text of a kind; %s is the provider's label.
type saying struct {
	side      Side
	say, next string
}

const (
	again     = "Start again from the sign-in page."
	wait      = "Try again in a minute. If it stays so, tell the person who runs Daypass."
	tell      = "Tell the person who runs Daypass."
	nothing   = " Nothing was opened."
	fixClock  = "Tell the person who runs Daypass: the clocks of the two servers may differ."
	askGroups = "Ask the person who runs Daypass to let %s send only the groups that grants name."
)

func sayings() map[Kind]saying {
	return map[Kind]saying{
		UnknownProvider: {AtBrowser, "There is no sign-in provider of that name here.", "Choose one on the sign-in page."},
		NoState:         {AtBrowser, "This answer from %s does not say which sign-in it belongs to." + nothing, again},
		UnknownStart:    {AtBrowser, "This sign-in was already used, or was never begun here." + nothing, again},
		StaleStart:      {AtBrowser, "This sign-in took too long: it was begun more than ten minutes ago." + nothing, again},
		OtherBrowser:    {AtBrowser, "This sign-in was begun in another browser, or this browser's cookies were cleared meanwhile." + nothing, again},
		MixedUp:         {AtBrowser, "This answer came for %s, but the sign-in was begun with another provider." + nothing, again},
		OtherIssuer:     {AtProvider, "The answer says it comes from another provider than %s." + nothing, again + " If it happens again, tell the person who runs Daypass."},
		Denied:          {AtPerson, "You cancelled at %s, or it does not let you in." + nothing, "Try again, or ask whoever runs %s for access to Daypass."},
		Unasked:         {AtConfiguration, "%s would have to ask you something and did not, because Daypass tells it not to.", tell + " They look at prompt in the provider's settings in daypass.yaml."},
		ProviderError:   {AtProvider, "%s answered with an error instead of signing you in.", wait},
		Unregistered:    {AtConfiguration, "%s does not accept Daypass as it is registered there.", tell + " They check client ID, client secret, redirect address and scopes at %s."},
		NoCode:          {AtProvider, "The answer from %s lacks the code that completes a sign-in." + nothing, again},
		CodeRefused:     {AtProvider, "%s did not accept the code that completes this sign-in; each is good once and briefly." + nothing, again},

		DiscoveryDown:  {AtProvider, "%s does not answer, so nobody can sign in with it right now.", wait},
		DiscoveryWrong: {AtConfiguration, "What %s says about itself does not fit its settings in Daypass.", tell + " They compare the issuer in daypass.yaml with the one %s announces."},
		KeysDown:       {AtProvider, "The keys of %s cannot be fetched, so its answer cannot be checked." + nothing, wait},
		TokenDown:      {AtProvider, "%s signed you in but did not complete it: its token endpoint does not answer as it should." + nothing, wait},

		NoIDToken:   {AtProvider, "The answer from %s does not say who you are: it holds no ID token." + nothing, tell},
		Malformed:   {AtProvider, "%s answered with an ID token that cannot be read." + nothing, tell},
		Algorithm:   {AtProvider, "%s answered with an ID token that is not signed, or in a way that is not accepted." + nothing, tell},
		Signature:   {AtProvider, "%s answered with a signature that its published keys do not match." + nothing, tell},
		WrongIssuer: {AtProvider, "%s answered with an ID token that somebody else issued." + nothing, tell},
		Audience:    {AtProvider, "%s answered with an ID token meant for another application." + nothing, tell},
		Party:       {AtProvider, "%s answered with an ID token that was given to another application." + nothing, tell},
		Expired:     {AtProvider, "%s answered with an ID token that has expired." + nothing, fixClock},
		Future:      {AtProvider, "%s answered with an ID token without an issue time, or with one in the future." + nothing, fixClock},
		NotYet:      {AtProvider, "%s answered with an ID token that is not valid yet." + nothing, fixClock},
		Nonce:       {AtProvider, "%s answered with an ID token made for another sign-in." + nothing, again + " If it happens again, tell the person who runs Daypass."},
		Subject:     {AtProvider, "%s answered with an ID token whose subject is missing or not acceptable." + nothing, tell},
		GroupsShape: {AtConfiguration, "The groups that %s sends are neither a text nor a list of texts." + nothing, tell + " They check the groups claim at %s."},
		GroupsMany:  {AtConfiguration, "%s sends more groups than Daypass takes." + nothing, askGroups},
		AuthAge:     {AtProvider, "%s does not say that you proved who you are recently enough." + nothing, "Sign out at %s and start again. If it happens again, tell the person who runs Daypass."},
		AuthClass:   {AtProvider, "%s let you in by other means than Daypass asks for, such as without a second factor." + nothing, "Start again and use a stronger way to sign in at %s. If none is offered, tell the person who runs Daypass."},

		UserinfoDown:    {AtProvider, "%s signed you in but does not tell your groups: its userinfo endpoint does not answer." + nothing, wait},
		UserinfoRefused: {AtConfiguration, "%s signed you in but refuses to tell your groups at its userinfo endpoint." + nothing, tell + " They check scopes and groupsFrom."},
		UserinfoSubject: {AtProvider, "%s told about another person at its userinfo endpoint than in the ID token." + nothing, tell},
		GroupsOverage:   {AtConfiguration, "You are in more groups than %s puts into a sign-in, so it sent none of them." + nothing, tell + " They set groupsFrom: graph, or let %s send only the groups that grants name."},
		GraphDown:       {AtProvider, "%s signed you in, but Microsoft Graph does not answer, which knows your groups." + nothing, wait},
		GraphRefused:    {AtConfiguration, "%s signed you in, but Microsoft Graph refuses to tell your groups." + nothing, tell + " They check that Daypass asks for the scope User.Read and may have it."},
		GraphElsewhere:  {AtProvider, "%s points to a stranger for your groups." + nothing, tell},

		LeftMeanwhile: {AtProvider, "%s signed you out while this sign-in was under way." + nothing, again},
	}
}

// logoutSayings are for the logs of a provider's operator: no person sees them.
func logoutSayings() map[Kind]saying {
	const notice = "The logout notice of %s "
	return map[Kind]saying{
		LogoutMissing:  {AtProvider, notice + "does not hold exactly one logout_token of acceptable length.", tell},
		LogoutType:     {AtProvider, notice + "holds a token of another type.", tell},
		LogoutEvent:    {AtProvider, notice + "lacks the event that makes it one.", tell},
		LogoutNonce:    {AtProvider, notice + "holds a nonce, which only ID tokens do.", tell},
		LogoutName:     {AtProvider, notice + "has no name (jti) that is acceptable.", tell},
		LogoutWhom:     {AtProvider, notice + "does not say acceptably who signed out.", tell},
		LogoutStale:    {AtProvider, notice + "is too old.", fixClock},
		LogoutReplayed: {AtProvider, notice + "was taken before.", tell},
	}
}

// failed makes the failure of a kind; label is what people call the provider.
func failed(kind Kind, name, label string, cause error) *Failure {
	s, ok := sayings()[kind]
	if !ok {
		s, ok = logoutSayings()[kind]
	}
	if !ok {
		s = clientSayings()[kind]
	}
	fill := func(text string) string { return strings.ReplaceAll(text, "%s", label) }
	return &Failure{Side: s.side, Kind: kind, Provider: name, Say: fill(s.say), Next: fill(s.next), cause: cause}
}

func (p *provider) failed(kind Kind, cause error) *Failure {
	return failed(kind, p.Name, p.Label, cause)
}

// printable keeps what can be shown of foreign text, at most max runes of it.
func printable(s string, max int) string {
	s = strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > max {
		return string(runes[:max])
	}
	return s
}
