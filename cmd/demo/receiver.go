package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

// startReceiver starts whoever is told when the glass is broken. It checks the
// signature, as a receiver must.
func (w *world) startReceiver(secret string, say *narrator) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for the webhook: %w", err)
	}
	w.serve(l, &http.Server{ErrorLog: quiet(), Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, 64<<10))
		if err != nil || !signed(r.Header, body, secret) {
			say.say("webhook", "refused a notice whose signature does not hold")
			http.Error(rw, "the signature does not hold", http.StatusUnauthorized)
			return
		}
		var n struct {
			Data struct{ Person, Role, Cluster, Reason, Link string }
		}
		if json.Unmarshal(body, &n) == nil {
			say.say("webhook", "security is told: %s is %s on %s, because %q; %s", n.Data.Person, n.Data.Role, n.Data.Cluster, n.Data.Reason, n.Data.Link)
		}
	})}, false)
	return "http://" + l.Addr().String() + "/", nil
}

// signed checks a notice as https://www.standardwebhooks.com tells.
func signed(h http.Header, body []byte, secret string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("Webhook-Id"), h.Get("Webhook-Timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return hmac.Equal([]byte(h.Get("Webhook-Signature")), []byte(want))
}
