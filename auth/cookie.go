package auth

import (
	"net"
	"net/http"
	"net/url"
	"time"
)

// jar is one cookie of ours. The __Host- prefix makes browsers refuse it
// unless it is Secure, for this host alone and for all its paths, so that no
// neighbouring host can plant one.
type jar struct{ name string }

func newJar(what string, site *url.URL) jar {
	return jar{"__Host-daypass-" + what + suffix(site)}
}

// suffix keeps apart two servers on one machine: cookies do not tell ports
// from each other (RFC 6265, section 8.5).
func suffix(site *url.URL) string {
	port := site.Port()
	if port == "" || !isLoopback(site.Hostname()) {
		return ""
	}
	return "-" + port
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// read gives the cookie's value. Present says that there is something, whole
// or broken; a broken one has no value.
func (j jar) read(r *http.Request) (value string, key Hash, present bool) {
	cookies := r.CookiesNamed(j.name)
	if len(cookies) != 1 {
		return "", Hash{}, len(cookies) > 0
	}
	key, ok := hashSecret(cookies[0].Value)
	if !ok {
		return "", Hash{}, true
	}
	return cookies[0].Value, key, true
}

func (j jar) set(w http.ResponseWriter, value string, life time.Duration) {
	j.write(w, value, max(1, int(life/time.Second)))
}

func (j jar) clear(w http.ResponseWriter) { j.write(w, "", -1) }

func (j jar) write(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: j.name, Value: value, Path: "/", MaxAge: age,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	})
}
