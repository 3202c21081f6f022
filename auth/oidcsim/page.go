package oidcsim

import (
	"bytes"
	"embed"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

//go:embed page.html style.css
var assets embed.FS

// page is what page.html shows: people to choose from, or a problem.
type page struct {
	Title      string
	Stylesheet string
	Client     string
	Choices    []choice
	Cancel     string
	Problem    string
	Detail     string
}

type choice struct {
	Person
	Href     string
	Initials string
	Tint     int // one of the stylesheet's tints
}

const tints = 5

func (p *Provider) servePeople(w http.ResponseWriter, client Client, q url.Values) {
	v := page{Client: client.ID, Cancel: p.link(q, paramCancel, "1")}
	for i, who := range p.people {
		v.Choices = append(v.Choices, choice{
			Person: who, Href: p.link(q, paramAs, who.Subject), Initials: initials(who.Name, who.Email), Tint: i % tints,
		})
	}
	p.render(w, http.StatusOK, v)
}

// stop shows a page instead of redirecting: without a registered client and
// address there is nowhere safe to send the browser.
func (p *Provider) stop(w http.ResponseWriter, client Client, problem, detail string) {
	p.observe(Sighting{What: Refused, Client: client.ID, Why: problem})
	p.render(w, http.StatusBadRequest, page{Problem: problem, Detail: detail})
}

func (p *Provider) link(q url.Values, name, value string) string {
	next := url.Values{}
	for k, v := range q {
		next[k] = v
	}
	next.Set(name, value)
	return p.issuer + string(Authorization) + "?" + next.Encode()
}

func (p *Provider) render(w http.ResponseWriter, status int, v page) {
	v.Title, v.Stylesheet = p.title, p.issuer+string(stylesheet)
	var b bytes.Buffer
	if err := p.page.Execute(&b, v); err != nil {
		http.Error(w, "the page cannot be rendered", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the browser went away: nobody to tell
}

func (p *Provider) serveStylesheet(w http.ResponseWriter, _ *http.Request) {
	css, err := assets.ReadFile("style.css")
	if err != nil {
		http.Error(w, "the stylesheet is missing", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(css)
}

// initials are the first letters of the first and last word of a name.
func initials(name, email string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) })
	if len(words) == 0 {
		words = []string{email}
	}
	first, last := []rune(words[0]), []rune(words[len(words)-1])
	switch {
	case len(first) == 0:
		return "?"
	case len(words) == 1:
		return strings.ToUpper(string(first[:1]))
	}
	return strings.ToUpper(string(first[:1]) + string(last[:1]))
}
