package awssim

import (
	"encoding/json"
	"encoding/xml"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	stsVersion   = "2011-06-15"
	stsNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// serveSTS speaks the AWS query protocol. It answers in JSON who asks for it,
// as aws-iam-authenticator does, and in XML everybody else.
func (x *exchange) serveSTS(w http.ResponseWriter) {
	id := requestID()
	w.Header().Set("X-Amzn-RequestId", id)
	answer, err := x.callSTS(id)
	status := http.StatusOK
	if err != nil {
		r := asRefusal(err)
		status, answer = r.status, stsError(r, id)
	}
	contentType, body := encodeSTS(answer, x.r.Header.Get("Accept"))
	x.deliver(w, status, contentType, body)
}

// callSTS finds the action and has it judged.
func (x *exchange) callSTS(id string) (any, error) {
	x.readParams()
	name := x.params.Get("Action")
	x.call.Action = Action("sts:" + name)
	return x.judge("sts", func(who caller) (any, error) {
		switch {
		case x.r.URL.Path != "/" || (x.r.Method != http.MethodGet && x.r.Method != http.MethodPost):
			return nil, refuse(404, "InvalidAction", "STS answers GET and POST at / only.")
		case name == "":
			return nil, refuse(400, "MissingAction", "The request must contain the parameter Action.")
		case x.params.Get("Version") != stsVersion:
			return nil, x.noOperation(name)
		case x.call.Action == GetCallerIdentity:
			return identityAnswer(who, id), nil
		case x.call.Action == AssumeRole:
			return x.assumeRole(who, id)
		}
		return nil, x.noOperation(name)
	})
}

func (x *exchange) noOperation(name string) error {
	version := x.params.Get("Version")
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	return refuse(400, "InvalidAction", "Could not find operation %s for version %s", name, version)
}

// readParams joins query and form. Names that sign a query are left out.
func (x *exchange) readParams() {
	x.params = url.Values{}
	for _, p := range queryOf(x.r.URL) {
		if !strings.HasPrefix(p.name, "X-Amz-") {
			x.params.Add(p.name, p.value)
		}
	}
	kind, _, _ := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if x.r.Method != http.MethodPost || kind != "application/x-www-form-urlencoded" {
		return
	}
	form, _ := url.ParseQuery(string(x.body)) // what cannot be read is missing, and missed later
	for name, values := range form {
		x.params[name] = append(x.params[name], values...)
	}
}

// metadata ends every answer of STS.
type metadata struct {
	RequestID string `xml:"RequestId" json:"RequestId"`
}

type identityResponse struct {
	XMLName xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ GetCallerIdentityResponse" json:"-"`
	Result  struct {
		Arn     string
		UserID  string `xml:"UserId" json:"UserId"`
		Account string
	} `xml:"GetCallerIdentityResult" json:"GetCallerIdentityResult"`
	Metadata metadata `xml:"ResponseMetadata" json:"ResponseMetadata"`
}

// identityAnswer needs no permission: GetCallerIdentity works under an
// explicit deny (STS API reference, GetCallerIdentity).
func identityAnswer(who caller, id string) *identityResponse {
	var a identityResponse
	a.Result.Arn, a.Result.UserID, a.Result.Account = who.arn, who.userID, who.account
	a.Metadata.RequestID = id
	return &a
}

type errorResponse struct {
	XMLName xml.Name `xml:"ErrorResponse" json:"-"`
	Space   string   `xml:"xmlns,attr" json:"-"`
	Error   struct {
		Type, Code, Message string
	}
	RequestID string `xml:"RequestId" json:"RequestId"`
}

func stsError(r *refusal, id string) *errorResponse {
	a := errorResponse{Space: stsNamespace, RequestID: id}
	a.Error.Type, a.Error.Code, a.Error.Message = "Sender", r.code, r.message
	if r.status >= 500 {
		a.Error.Type = "Receiver"
	}
	return &a
}

// encodeSTS writes XML, or JSON if accept asks for it.
func encodeSTS(answer any, accept string) (contentType string, body []byte) {
	encode, contentType := xml.Marshal, "text/xml"
	if strings.Contains(accept, "application/json") {
		encode, contentType = json.Marshal, "application/json"
		answer = wrapped(answer)
	}
	body, err := encode(answer)
	if err != nil {
		return "text/plain", []byte("the answer cannot be written: " + err.Error())
	}
	return contentType, body
}

// wrapped names an answer in JSON, where XML has its root element for that.
func wrapped(answer any) any {
	switch answer.(type) {
	case *identityResponse:
		return map[string]any{"GetCallerIdentityResponse": answer}
	case *assumeRoleResponse:
		return map[string]any{"AssumeRoleResponse": answer}
	}
	return answer
}

// moment is a time as STS writes it: ISO 8601 in XML, epoch seconds in JSON.
type moment time.Time

func (m moment) MarshalText() ([]byte, error) {
	return []byte(time.Time(m).UTC().Format("2006-01-02T15:04:05Z")), nil
}

func (m moment) MarshalJSON() ([]byte, error) { return json.Marshal(time.Time(m).Unix()) }
