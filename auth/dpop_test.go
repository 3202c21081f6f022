package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func newKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func thumbprintOf(t *testing.T, k *ecdsa.PrivateKey) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: k.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

// sign signs claims with a key, as a program does. alter changes the header.
func sign(t *testing.T, k *ecdsa.PrivateKey, claims map[string]any, alter func(map[string]any)) string {
	t.Helper()
	head := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": jose.JSONWebKey{Key: k.Public()}}
	if alter != nil {
		alter(head)
	}
	h, err1 := json.Marshal(head)
	c, err2 := json.Marshal(claims)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	said := base64.RawURLEncoding.EncodeToString(h) + "." + base64.RawURLEncoding.EncodeToString(c)
	hash := crypto.SHA256.New()
	hash.Write([]byte(said))
	r, s, err := ecdsa.Sign(rand.Reader, k, hash.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	size := (k.Curve.Params().BitSize + 7) / 8
	sig := make([]byte, 2*size)
	r.FillBytes(sig[:size])
	s.FillBytes(sig[size:])
	return said + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestAProofIsOfOneAlgorithmAndOfAPublicKey(t *testing.T) {
	k, other := newKey(t, elliptic.P256()), newKey(t, elliptic.P256())
	claims := map[string]any{"jti": strings.Repeat("a", 22)}
	good := sign(t, k, claims, nil)
	p, err := readProof(good)
	if err != nil || p.Thumbprint != thumbprintOf(t, k) {
		t.Fatalf("an honest proof: %v, %v", p, err)
	}
	parts := strings.Split(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"none"}`))
	hmac, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("k", 32))}, (&jose.SignerOptions{}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := hmac.Sign([]byte(`{"jti":"a"}`))
	if err != nil {
		t.Fatal(err)
	}
	shared, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	wide := newKey(t, elliptic.P384())
	for name, raw := range map[string]string{
		"nothing":              "",
		"no JWS":               "abc",
		"alg none":             unsigned + "." + parts[1] + ".",
		"HS256":                shared,
		"said to be HS256":     sign(t, k, claims, func(h map[string]any) { h["alg"] = "HS256" }),
		"said to be ES384":     sign(t, k, claims, func(h map[string]any) { h["alg"] = "ES384" }),
		"P-384":                sign(t, wide, claims, func(h map[string]any) { h["alg"] = "ES384" }),
		"P-384 as ES256":       sign(t, wide, claims, nil),
		"another's key":        sign(t, k, claims, func(h map[string]any) { h["jwk"] = jose.JSONWebKey{Key: other.Public()} }),
		"a private key":        sign(t, k, claims, func(h map[string]any) { h["jwk"] = jose.JSONWebKey{Key: k} }),
		"a shared key":         sign(t, k, claims, func(h map[string]any) { h["jwk"] = jose.JSONWebKey{Key: []byte("secret")} }),
		"no key":               sign(t, k, claims, func(h map[string]any) { delete(h, "jwk") }),
		"a key elsewhere":      sign(t, k, claims, func(h map[string]any) { delete(h, "jwk"); h["jku"] = "https://evil.example/jwks" }),
		"another type":         sign(t, k, claims, func(h map[string]any) { h["typ"] = "JWT" }),
		"no type":              sign(t, k, claims, func(h map[string]any) { delete(h, "typ") }),
		"unknown crit":         sign(t, k, claims, func(h map[string]any) { h["crit"] = []string{"x"}; h["x"] = 1 }),
		"changed claims":       parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"jti":"b"}`)) + "." + parts[2],
		"without a signature":  parts[0] + "." + parts[1] + ".",
		"JSON serialization":   `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"claims of other type": sign(t, k, map[string]any{"jti": 7}, nil),
		"oversized":            sign(t, k, map[string]any{"jti": strings.Repeat("a", maxProof)}, nil),
	} {
		if p, err := readProof(raw); err == nil {
			t.Errorf("%s: taken as %+v", name, p)
		}
	}
}

func TestAProofIsForOneRequest(t *testing.T) {
	target, _ := url.Parse("https://daypass.example/api/v1/leases/ls_1/token")
	hash := tokenHash("secret")
	good := proof{Name: strings.Repeat("a", 22), Method: "POST", Address: target.String(), Token: &hash}
	if err := good.flaw("POST", target, "secret"); err != nil {
		t.Fatal(err)
	}
	for _, htu := range []string{"https://DAYPASS.example:443/api/v1/leases/ls_1/token"} {
		p := good
		if p.Address = htu; p.flaw("POST", target, "secret") != nil {
			t.Errorf("%s is the same address", htu)
		}
	}
	for name, change := range map[string]func(*proof){
		"a short name":       func(p *proof) { p.Name = strings.Repeat("a", 21) },
		"a long name":        func(p *proof) { p.Name = strings.Repeat("a", 201) },
		"a name that breaks": func(p *proof) { p.Name = strings.Repeat("a", 22) + "\n" },
		"another method":     func(p *proof) { p.Method = "GET" },
		"a method in small":  func(p *proof) { p.Method = "post" },
		"no method":          func(p *proof) { p.Method = "" },
		"another lease":      func(p *proof) { p.Address = "https://daypass.example/api/v1/leases/ls_2/token" },
		"another server":     func(p *proof) { p.Address = "https://evil.example/api/v1/leases/ls_1/token" },
		"another port":       func(p *proof) { p.Address = "https://daypass.example:8443/api/v1/leases/ls_1/token" },
		"plain http":         func(p *proof) { p.Address = "http://daypass.example/api/v1/leases/ls_1/token" },
		"a query":            func(p *proof) { p.Address += "?x=1" },
		"an empty query":     func(p *proof) { p.Address += "?" },
		"a fragment":         func(p *proof) { p.Address += "#x" },
		"a person":           func(p *proof) { p.Address = "https://a@daypass.example/api/v1/leases/ls_1/token" },
		"dots":               func(p *proof) { p.Address = "https://daypass.example/api/v1/leases/x/../ls_1/token" },
		"an escaped slash":   func(p *proof) { p.Address = "https://daypass.example/api/v1/leases%2Fls_1/token" },
		"no address":         func(p *proof) { p.Address = "" },
		"no address at all":  func(p *proof) { p.Address = "%zz" },
		"another secret":     func(p *proof) { h := tokenHash("other"); p.Token = &h },
		"no secret":          func(p *proof) { p.Token = nil },
		"an empty secret":    func(p *proof) { h := ""; p.Token = &h },
	} {
		p := good
		if change(&p); p.flaw("POST", target, "secret") == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if good.flaw("POST", target, "") == nil {
		t.Error("a proof for a secret is taken where there is none")
	}
}

func noncesOf(t *testing.T, o Options) nonces {
	t.Helper()
	n, err := newNonces(o.Keys)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestANonceIsGoodForTwoWindowsAndOnServersThatShareTheKey(t *testing.T) {
	var shared, others Options
	sealing(t)(&shared)
	sealing(t)(&others)
	one, two := noncesOf(t, shared), noncesOf(t, shared)
	alone, stranger := noncesOf(t, Options{}), noncesOf(t, others)
	now := time.Unix(1_800_000_000, 0).Truncate(nonceWindow)
	nonce := one.fresh(now)
	for later, want := range map[time.Duration]bool{0: true, nonceWindow: true, 2*nonceWindow - time.Second: true, 2 * nonceWindow: false, -time.Second: false} {
		if got := two.good(nonce, now.Add(later)); got != want {
			t.Errorf("after %v: %t", later, got)
		}
	}
	if alone.good(nonce, now) || stranger.good(nonce, now) || !alone.good(alone.fresh(now), now) {
		t.Error("a nonce is good where it was not made, or not where it was")
	}
	for _, forged := range []string{"", "x", nonce + "A", nonce[:len(nonce)-2], "Z" + nonce[1:], strings.Repeat("A", 4000)} {
		if one.good(forged, now) {
			t.Errorf("%q is taken", forged)
		}
	}
}

func TestTheClockOfAProofMayBeOffByAnHour(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for iat, want := range map[json.Number]bool{
		"1800000000": true, "1800003600": true, "1799996400": true, "1800003601": false, "1799996399": false,
		"": false, "1800000000.5": false, "9223372036854775808": false, "-1": false, "1e9": false,
	} {
		if got := (proof{Issued: iat}).issued(now); (got == nil) != want {
			t.Errorf("%s: %v", iat, got)
		}
	}
}

func FuzzReadProof(f *testing.F) {
	f.Add("")
	f.Add("e30.e30.")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`)) + ".e30.AAAA")
	f.Fuzz(func(t *testing.T, raw string) {
		if p, err := readProof(raw); err == nil && len(p.Thumbprint) != 43 {
			t.Errorf("%q: the thumbprint is %q", raw, p.Thumbprint)
		}
	})
}

func TestAProofIsRememberedByItsTimeItsKeyAndItsName(t *testing.T) {
	one := proof{Thumbprint: "key", Name: "name", Issued: "1764000000"}
	again := one
	if again.spent() != one.spent() {
		t.Error("the same proof is remembered as another")
	}
	for what, change := range map[string]func(*proof){
		"key": func(p *proof) { p.Thumbprint = "kez" }, "name": func(p *proof) { p.Name = "nama" }, "time": func(p *proof) { p.Issued = "1764000001" },
	} {
		other := one
		if change(&other); other.spent() == one.spent() {
			t.Errorf("a proof of another %s is remembered as the same", what)
		}
	}
	for _, pair := range [][2]proof{{one, {Thumbprint: "key", Name: "a", Issued: "1764000001"}}, {{Thumbprint: "b", Name: "b", Issued: "1763999999"}, one}} {
		if a, b := pair[0].spent(), pair[1].spent(); bytes.Compare(a[:], b[:]) >= 0 {
			t.Errorf("%s of %s does not lie before %s of %s", a, pair[0].Issued, b, pair[1].Issued)
		}
	}
}
