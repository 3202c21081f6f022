package web

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/download"
	"github.com/daypass/daypass/web/view"
)

// Where the client is, below view.PathClient.
const (
	pathSums     = view.PathClient + "/SHA256SUMS"
	pathDownload = view.PathClient + "/download/"
)

// downloading is how long one program may take to arrive: what a server gives
// an answer otherwise is too little for some megabytes on a train.
const downloading = 5 * time.Minute

// clientRoutes are open to everybody: a machine without a browser fetches with
// curl, which has no session, and the programs hold nothing of this site's.
func (s *server) clientRoutes(r chi.Router) {
	r.Get(view.PathClient, s.anybody(s.clientPage))
	r.Get(pathSums, s.handle(s.clientSums))
	r.Get(pathDownload+"{file}", s.handle(s.clientFile))
}

// offers are the programs that there are. One that cannot be read keeps no
// other from being offered.
func (s *server) offers(r *http.Request) ([]download.Offer, error) {
	if !s.Programs {
		return nil, errPrograms
	}
	all, err := s.Clients.Offers()
	if err != nil {
		s.Slog.Error("a client cannot be offered", "error", err, "request", visitOf(r).id)
	}
	return all, nil
}

func (s *server) clientPage(w http.ResponseWriter, r *http.Request) error {
	all, err := s.offers(r)
	if err != nil {
		return err
	}
	m := view.Client{Frame: s.frame(r, "Get kubectl daypass", ""), Site: s.URL.String(), Sums: pathSums, Contact: s.Contact()}
	for _, id := range systemsFor(r) {
		of := slices.Collect(func(yield func(download.Offer) bool) {
			for _, o := range all {
				if o.OS == string(id) && !yield(o) {
					return
				}
			}
		})
		if len(of) > 0 {
			m.Systems = append(m.Systems, s.system(r, id, of))
		}
	}
	s.page(w, r, http.StatusOK, view.ClientPage(m))
	return nil
}

func (s *server) system(r *http.Request, id view.SystemID, offers []download.Offer) view.ClientSystem {
	paste, err := download.Paste(s.URL.String(), strings.TrimSuffix(pathDownload, "/"), offers)
	if err != nil { // a URL that the configuration would not have taken
		s.Slog.Error("a client has no paste", "error", err, "request", visitOf(r).id)
	}
	m := view.ClientSystem{ID: id, Yours: id == systemOf(r), Paste: paste}
	for _, o := range offers {
		m.Files = append(m.Files, view.ClientFile{Name: o.File(), URL: pathDownload + o.File(), Arch: view.Arch(o.Arch), Bytes: o.Size, SHA256: o.SHA256})
	}
	return m
}

// systemsFor lists all systems, the visitor's own first.
func systemsFor(r *http.Request) []view.SystemID {
	all, own := []view.SystemID{view.Linux, view.MacOS, view.Windows}, systemOf(r)
	slices.SortStableFunc(all, func(a, b view.SystemID) int {
		switch own {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	return all
}

// systemOf is the system that the browser says it runs on; none when it is
// none that the client runs on, such as a phone. Browsers that send
// Sec-CH-UA-Platform (https://wicg.github.io/ua-client-hints/) mean to say
// nothing in User-Agent one day.
func systemOf(r *http.Request) view.SystemID {
	said, err := strconv.Unquote(r.Header.Get("Sec-CH-UA-Platform"))
	if err != nil {
		said = r.UserAgent()
	}
	for _, x := range []struct {
		word string
		is   view.SystemID
	}{
		{"Android", ""}, {"iPhone", ""}, {"iPad", ""}, {"CrOS", ""}, {"Chrome OS", ""}, // their words for themselves hold others' names
		{"Windows", view.Windows}, {"Macintosh", view.MacOS}, {"macOS", view.MacOS}, {"Linux", view.Linux},
	} {
		if strings.Contains(said, x.word) {
			return x.is
		}
	}
	return ""
}

// clientSums lists checksums as sha256sum -c reads them.
func (s *server) clientSums(w http.ResponseWriter, r *http.Request) error {
	all, err := s.offers(r)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return download.ErrNone
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, o := range all {
		fmt.Fprintf(w, "%s  %s\n", o.SHA256, o.File()) // whoever asked may be gone
	}
	return nil
}

// clientFile sends a program. A cache may keep it, and asks each time whether
// it is still the one: the page and the file have to agree.
func (s *server) clientFile(w http.ResponseWriter, r *http.Request) error {
	if !s.Programs {
		return errPrograms
	}
	p, err := s.Clients.Get(chi.URLParam(r, "file"))
	if err != nil {
		return err
	}
	defer p.Close()
	// The connection counts by the machine's clock; one that cannot be given
	// longer keeps the usual time.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(downloading))
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+p.File()+`"`)
	h.Set("Cache-Control", "public, no-cache")
	h.Set("ETag", `"`+p.SHA256+`"`)
	http.ServeContent(w, ofOnePart(r), "", time.Time{}, p)
	if err := p.Err(); err != nil {
		// Too late for a page. The answer lacks bytes that its length promised,
		// which every client takes for a failure.
		s.Slog.Error("a client was not sent to its end", "error", err, "request", visitOf(r).id)
	}
	return nil
}

// ofOnePart leaves a Range of several parts out: each part costs a block to
// check, of which a short question could name thousands. RFC 9110, section
// 14.2, lets a server give the whole.
func ofOnePart(r *http.Request) *http.Request {
	if !strings.Contains(r.Header.Get("Range"), ",") {
		return r
	}
	r = r.Clone(r.Context())
	r.Header.Del("Range")
	return r
}

// anybody lets everybody through, and knows who is signed in. That nobody can
// be recognised just now, as without the database, stops nothing here.
func (s *server) anybody(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		if who, err := s.SignIn.Person(w, r); err == nil {
			r = withSession(r, who)
		}
		s.handle(h)(w, r) // an error, too, is a page for this person
		return nil
	})
}
