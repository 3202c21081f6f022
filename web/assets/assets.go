// Package assets holds the files that pages load: one style sheet, one script,
// one icon. Each is served under a name that carries the hash of its content,
// so a browser may keep it for ever and never shows a new page in an old dress.
// Nothing here may differ per person: everybody gets the same bytes.
package assets

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Prefix is where Handler wants to be mounted.
const Prefix = "/assets/"

//go:embed daypass.css daypass.js favicon.svg
var files embed.FS

// file is one asset, ready to be sent.
type file struct {
	url   string
	kind  string
	plain []byte
	small []byte // gzip
}

// shelf finds the files by their plain name and by their URL. It is worked out
// once, since the bytes are part of the binary.
var shelf = sync.OnceValue(func() map[string]file {
	entries, _ := files.ReadDir(".") // an embedded folder is always readable
	out := make(map[string]file, 2*len(entries))
	for _, e := range entries {
		f := load(e.Name())
		out[e.Name()], out[f.url] = f, f
	}
	return out
})

func load(name string) file {
	b, _ := files.ReadFile(name)
	sum := sha256.Sum256(b)
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	return file{
		url:   Prefix + base + "." + hex.EncodeToString(sum[:6]) + ext,
		kind:  contentType(ext),
		plain: b,
		small: squeeze(b, gzip.BestCompression),
	}
}

// contentType does not ask the machine's own table for the types used here:
// it differs between machines, and browsers told not to sniff mind it.
func contentType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(ext)
}

// Squeeze gives the body as the request's browser takes it, compressed or not,
// and sets the headers that say so.
func Squeeze(w http.ResponseWriter, r *http.Request, body []byte) []byte {
	w.Header().Set("Vary", "Accept-Encoding")
	if !takesGzip(r.Header.Get("Accept-Encoding")) {
		return body
	}
	w.Header().Set("Content-Encoding", "gzip")
	return squeeze(body, gzip.BestSpeed)
}

func squeeze(b []byte, level int) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, level) // the level is valid
	_, _ = w.Write(b)                        // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// URL is the address of a file by its plain name, such as daypass.css. The
// address of a file that does not exist leads to a 404.
func URL(name string) string {
	if f, ok := shelf()[name]; ok {
		return f.url
	}
	return Prefix + name
}

// Handler serves the files at the addresses that URL gives, and nothing else.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Assets can only be read.", http.StatusMethodNotAllowed)
			return
		}
		f, ok := shelf()[r.URL.Path]
		if !ok || f.url != r.URL.Path {
			// Never kept: a rolling update may serve this address a moment later.
			w.Header().Set("Cache-Control", "no-store")
			http.Error(w, "There is no such asset. Reload the page that asked for it.", http.StatusNotFound)
			return
		}
		f.send(w, r)
	})
}

func (f file) send(w http.ResponseWriter, r *http.Request) {
	body := f.plain
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	if takesGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = f.small
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a browser that went away needs no answer
}

func takesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return !refused(q)
		}
	}
	return false
}

// refused reads a quality of zero, in any of its spellings.
func refused(q string) bool {
	v, ok := strings.CutPrefix(strings.ReplaceAll(q, " ", ""), "q=")
	if !ok {
		return false
	}
	n, err := strconv.ParseFloat(v, 64)
	return err == nil && n == 0
}
