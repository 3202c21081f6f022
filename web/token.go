package web

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"github.com/daypass/daypass/access"
	"github.com/daypass/daypass/explain"
	"github.com/daypass/daypass/web/view"
)

// tokenRoutes are those of the page that explains. What is pasted there is a
// secret of somebody's: it goes into explain and nowhere else.
func (s *server) tokenRoutes(r chi.Router) {
	r.Get(view.PathToken, s.person(s.tokenPage))
	r.Post(view.PathToken, s.person(s.tokenTold))
}

// tokenPage has the form, and the authority of a cluster if one was chosen.
func (s *server) tokenPage(w http.ResponseWriter, r *http.Request) error {
	m := s.look(r)
	if name := clip(r.URL.Query().Get(view.FieldCluster), 200); name != "" {
		policy, who := visitOf(r).policy, standing(r)
		c, known := policy.Cluster(name)
		if !known || len(policy.Choices(name, who, s.Now())) == 0 {
			return s.closed(policy, name, "", who)
		}
		m.Authority = s.authority(c)
	}
	s.page(w, r, http.StatusOK, view.TokenPage(m))
	return nil
}

// tokenTold explains what was pasted.
func (s *server) tokenTold(w http.ResponseWriter, r *http.Request) error {
	if err := form(r); err != nil {
		return err
	}
	m, status := s.look(r), http.StatusOK
	t, err := explain.TakeApart(r.PostForm.Get(view.FieldToken), s.Now())
	if err != nil {
		m.Error, status = err.Error(), http.StatusUnprocessableEntity
	} else {
		m.Token = told(t)
	}
	s.page(w, r, status, view.TokenPage(m))
	return nil
}

func (s *server) look(r *http.Request) view.Look {
	m := view.Look{Frame: s.frame(r, "Token", view.NavToken)}
	for _, x := range visitOf(r).policy.Reach(standing(r), s.Now()) {
		m.Clusters = append(m.Clusters, x.Cluster.Name)
	}
	return m
}

func told(t explain.Token) *view.TokenTold {
	out := view.TokenTold{
		From: t.From, Bytes: strconv.Itoa(t.Bytes), SignedAt: moment(t.SignedAt), Dies: moment(t.Dies),
		Host: t.Host, Partition: t.Partition, Region: t.Region, Expires: t.Expires, Scope: t.Scope, AccessKeyID: t.AccessKeyID,
		Headers: t.SignedHeaders, SignsCluster: t.SignsCluster, Temporary: t.Temporary, Problems: t.Problems, Notes: t.Notes,
	}
	if t.Action != "" {
		out.Asks = t.Action + " " + t.Version
	}
	return &out
}

// authority is the cluster's as it was last described; nobody is asked.
func (s *server) authority(c access.Cluster) *view.AuthorityTold {
	out := view.AuthorityTold{Cluster: c.Name, Open: clusterURL(c.Name)}
	at, known := s.Endpoints(c.ARN)
	if !known {
		out.Missing = "AWS has not described " + c.Name + " yet. Try again in a minute."
		return &out
	}
	all, err := explain.Authority(at.CA, s.Now())
	if err != nil {
		s.Slog.Warn("a cluster's certificate authority cannot be read", "cluster", c.Name, "error", err)
		out.Missing = "What AWS gave as the certificate authority of " + c.Name + " cannot be read, and no client could use it. " + s.ask("Tell whoever runs Daypass")
		return &out
	}
	out.Endpoint, out.Digest, out.AsOf = at.URL, at.CASHA256(), moment(at.AsOf)
	for _, x := range all {
		out.Certificates = append(out.Certificates, view.CertificateTold{
			Subject: x.Subject, Issuer: x.Issuer, Serial: x.Serial, From: x.NotBefore, To: x.NotAfter, SHA256: x.SHA256, Key: x.Key,
			IsCA: x.IsCA, SelfSigned: x.SelfSigned, Problems: x.Problems, Notes: x.Notes,
		})
	}
	return &out
}
