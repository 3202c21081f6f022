package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// GroupsFrom says where a provider tells the groups of a person.
type GroupsFrom string

// The places. Zero is the ID token.
const (
	FromIDToken  GroupsFrom = "idToken"
	FromUserinfo GroupsFrom = "userinfo"
	// FromGraph is the ID token, and Microsoft Graph for a person of more
	// groups than Entra ID puts there.
	FromGraph GroupsFrom = "graph"
)

// complete adds to the claims of an ID token what the configuration has told
// elsewhere.
func (p *provider) complete(ctx context.Context, m *metadata, access string, c claims) (claims, *Failure) {
	overage := c.overage(p.GroupsClaim)
	if p.GroupsFrom == FromUserinfo {
		info, fail := p.userinfo(ctx, m, access)
		if fail != nil {
			return claims{}, fail
		}
		if info.Subject != c.Subject {
			// OpenID Connect Core 1.0, section 5.3.2: not to be used.
			return claims{}, p.failed(UserinfoSubject, nil)
		}
		c = c.with(info, p.GroupsClaim)
	}
	switch {
	case !overage || c.all[p.GroupsClaim] != nil:
		return c, nil
	case p.GroupsFrom != FromGraph:
		return claims{}, p.failed(GroupsOverage, nil)
	}
	groups, fail := p.graph(ctx, access, c)
	if fail != nil {
		return claims{}, fail
	}
	c.all[p.GroupsClaim] = groups
	return c, nil
}

// with takes the groups from userinfo, and what the ID token does not have of
// e-mail and name: some providers put next to nothing there (Okta's org
// server). An address and its verification stay together.
func (c claims) with(info claims, groups string) claims {
	if c.Email == "" {
		c.Email, c.Verified = info.Email, info.Verified
	}
	if c.Name == "" {
		c.Name = info.Name
	}
	if delete(c.all, groups); info.all[groups] != nil {
		c.all[groups] = info.all[groups]
	}
	return c
}

// overage reports whether the token says that the person has more groups than
// it holds: FACT Entra ID puts a pointer, or hasgroups, in place of more than
// 200 (learn.microsoft.com, access token claims reference).
func (c claims) overage(claim string) bool {
	if c.all[claim] != nil {
		return false
	}
	has := string(c.all["hasgroups"])
	return has == "true" || has == `"true"` || c.elsewhere(claim) != ""
}

// elsewhere is the name of the source that a claim is said to be at, or
// nothing (OpenID Connect Core 1.0, section 5.6.2).
func (c claims) elsewhere(claim string) string {
	var names map[string]json.RawMessage
	var name string
	if json.Unmarshal(c.all["_claim_names"], &names) != nil || json.Unmarshal(names[claim], &name) != nil {
		return ""
	}
	return name
}

// endpoint is the address of the source that a claim is said to be at.
func (c claims) endpoint(claim string) string {
	var sources map[string]struct {
		Endpoint string `json:"endpoint"`
	}
	if json.Unmarshal(c.all["_claim_sources"], &sources) != nil {
		return ""
	}
	return sources[c.elsewhere(claim)].Endpoint
}

// userinfo asks the provider's userinfo endpoint.
func (p *provider) userinfo(ctx context.Context, m *metadata, access string) (claims, *Failure) {
	if m.userinfo == "" {
		return claims{}, p.failed(UserinfoRefused, errors.New("the provider announces no userinfo endpoint"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.userinfo, nil)
	if err != nil {
		return claims{}, p.failed(UserinfoRefused, unwrapURL(err))
	}
	req.Header.Set("Authorization", "Bearer "+access)
	req.Header.Set("Accept", "application/json")
	body, err := p.ask(req)
	if err != nil {
		return claims{}, p.failed(outageOr(err, UserinfoDown, UserinfoRefused), err)
	}
	var info claims
	if json.Unmarshal(body, &info) != nil || info.all == nil {
		return claims{}, p.failed(UserinfoRefused, errors.New("a claim is of another type than it should be"))
	}
	return info, nil
}

// outageOr tells an outage, which passes, from a refusal, which stays.
func outageOr(err error, down, refused Kind) Kind {
	if isOutage(err) {
		return down
	}
	return refused
}

// ask sends a request and gives the body of a success. Its error holds
// neither the address nor anything of the body.
func (p *provider) ask(req *http.Request) ([]byte, error) {
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, unwrapURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &upstream{what: "the answer is no success", status: resp.StatusCode}
	}
	return io.ReadAll(resp.Body) // read whole already, see bounded
}

// defaultGraph is Microsoft Graph of the public cloud.
const defaultGraph = "https://graph.microsoft.com"

// graphs are the hosts that an ID token may point to, and the Graph that
// answers there: FACT the pointer still names Azure AD Graph, which is gone
// (learn.microsoft.com, "Azure AD Graph retirement" and "national clouds").
func graphs() map[string]string {
	return map[string]string{
		"graph.microsoft.com":             defaultGraph,
		"graph.windows.net":               defaultGraph,
		"graph.microsoft.us":              "https://graph.microsoft.us",
		"dod-graph.microsoft.us":          "https://dod-graph.microsoft.us",
		"graph.microsoftazure.us":         "https://graph.microsoft.us",
		"microsoftgraph.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn",
		"graph.chinacloudapi.cn":          "https://microsoftgraph.chinacloudapi.cn",
	}
}

// graphAt chooses the Graph to ask. What a token points to chooses among
// Microsoft's own only: the access token goes there.
func (p *provider) graphAt(c claims) (string, *Failure) {
	at := c.endpoint(p.GroupsClaim)
	switch {
	case p.GraphURL != "":
		return p.GraphURL, nil
	case at == "":
		return defaultGraph, nil
	}
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "https" || u.User != nil || graphs()[u.Host] == "" {
		return "", p.failed(GraphElsewhere, errors.New("the ID token points to a host that is no Microsoft Graph"))
	}
	return graphs()[u.Host], nil
}

// graph asks Microsoft Graph for the groups of the person who signed in. The
// person is the one of the access token, which came with the ID token.
func (p *provider) graph(ctx context.Context, access string, c claims) (json.RawMessage, *Failure) {
	at, fail := p.graphAt(c)
	if fail != nil {
		return nil, fail
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/v1.0/me/getMemberObjects",
		bytes.NewReader([]byte(`{"securityEnabledOnly":false}`)))
	if err != nil {
		return nil, p.failed(GraphRefused, unwrapURL(err))
	}
	req.Header.Set("Authorization", "Bearer "+access)
	req.Header.Set("Content-Type", "application/json")
	body, err := p.ask(req)
	if err != nil {
		return nil, p.failed(outageOr(err, GraphDown, GraphRefused), err)
	}
	var answer struct {
		Value json.RawMessage `json:"value"`
		Next  string          `json:"@odata.nextLink"`
	}
	switch {
	case json.Unmarshal(body, &answer) != nil || answer.Value == nil || string(answer.Value) == "null":
		return nil, p.failed(GraphRefused, errors.New("the answer holds no list"))
	case answer.Next != "": // FACT: the list is not paged and ends at 11,000
		return nil, p.failed(GroupsMany, fmt.Errorf("%w: the answer has more pages", errTooMany))
	}
	return answer.Value, nil
}
