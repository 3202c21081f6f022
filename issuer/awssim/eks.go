package awssim

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// serveEKS speaks REST with JSON.
func (x *exchange) serveEKS(w http.ResponseWriter) {
	w.Header().Set("X-Amzn-RequestId", requestID())
	answer, err := x.callEKS()
	status := http.StatusOK
	if err != nil {
		r := asRefusal(err)
		status, answer = r.status, map[string]string{"message": r.message}
		w.Header().Set("X-Amzn-ErrorType", r.code)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"message":"the answer cannot be written"}`)
	}
	x.deliver(w, status, "application/json", body)
}

// callEKS finds the action by path and has it judged.
func (x *exchange) callEKS() (any, error) {
	path := x.r.URL.EscapedPath()
	rest, one := strings.CutPrefix(path, "/clusters/")
	name, err := url.PathUnescape(rest)
	var deed func(caller) (any, error)
	switch {
	case x.r.Method == http.MethodGet && path == "/clusters":
		x.call.Action, deed = ListClusters, x.listClusters
	case x.r.Method == http.MethodGet && one && err == nil && rest != "" && !strings.Contains(rest, "/"):
		x.call.Action = DescribeCluster
		deed = func(who caller) (any, error) { return x.describeCluster(who, name) }
	default:
		x.call.Action = "eks:Unknown"
		deed = func(caller) (any, error) {
			return nil, refuse(404, "UnknownOperationException", "The simulator lists and describes clusters only.")
		}
	}
	answer, err := x.judge("eks", deed)
	if err != nil {
		r := *asRefusal(err)
		r.code = eksCode(r.code)
		return nil, &r
	}
	return answer, nil
}

// mayRead: first permission, then existence, as IAM has it; who may not read
// learns of no cluster.
func (x *exchange) mayRead(who caller, action Action, target string) error {
	x.call.Target = target
	readers := x.sim.readers[who.account]
	listed := slices.Contains(readers, who.arn) || (who.session != nil && slices.Contains(readers, who.role()))
	if !listed || !who.may(action, target) {
		return notAllowed(who.arn, action, target)
	}
	return nil
}

func (x *exchange) clusterARN(who caller, name string) arn {
	a, _ := parseARN(who.arn)
	return arn{a.partition, "eks", x.region, who.account, "cluster/" + name}
}

func (x *exchange) describeCluster(who caller, name string) (any, error) {
	target := x.clusterARN(who, name).String()
	if err := x.mayRead(who, DescribeCluster, target); err != nil {
		return nil, err
	}
	for _, c := range x.sim.clusters {
		if c.ARN == target {
			return map[string]any{"cluster": c.shape()}, nil
		}
	}
	return nil, refuse(404, "ResourceNotFoundException", "No cluster found for name: %s.", name)
}

// listClusters pages by position, 100 at a time unless told otherwise.
func (x *exchange) listClusters(who caller) (any, error) {
	all := x.clusterARN(who, "*")
	if err := x.mayRead(who, ListClusters, all.String()); err != nil {
		return nil, err
	}
	names := []string{}
	for _, c := range x.sim.clusters {
		if c.arn.account == all.account && c.arn.region == all.region && c.arn.partition == all.partition {
			names = append(names, c.name)
		}
	}
	from, size, err := x.page(len(names))
	if err != nil {
		return nil, err
	}
	to := min(from+size, len(names))
	answer := map[string]any{"clusters": names[from:to], "nextToken": nil}
	if to < len(names) {
		answer["nextToken"] = strconv.Itoa(to)
	}
	return answer, nil
}

func (x *exchange) page(total int) (from, size int, err error) {
	query := x.r.URL.Query()
	size = 100
	if text := query.Get("maxResults"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > 100 {
			return 0, 0, refuse(400, "InvalidParameterException", "maxResults must be from 1 to 100.")
		}
	}
	if text := query.Get("nextToken"); text != "" {
		if from, err = strconv.Atoi(text); err != nil || from < 0 || from > total {
			return 0, 0, refuse(400, "InvalidParameterException", "Invalid nextToken.")
		}
	}
	return from, size, nil
}

// shape is the cluster as DescribeCluster writes it. A cluster still being
// made has no endpoint and no CA yet.
func (c placed) shape() map[string]any {
	s := map[string]any{
		"name": c.name, "arn": c.ARN, "createdAt": float64(c.Created.UnixMilli()) / 1000,
		"version": c.Version, "status": c.Status, "platformVersion": "eks.1",
		"roleArn":            fmt.Sprintf("arn:%s:iam::%s:role/eks-%s", c.arn.partition, c.arn.account, c.name),
		"resourcesVpcConfig": c.vpc(),
		"kubernetesNetworkConfig": map[string]any{
			"serviceIpv4Cidr": "10.100.0.0/16", "ipFamily": "ipv4",
		},
		"accessConfig": map[string]any{
			"authenticationMode": c.AuthenticationMode, "bootstrapClusterCreatorAdminPermissions": c.CreatorIsAdmin,
		},
		"logging":              map[string]any{"clusterLogging": []any{}},
		"certificateAuthority": map[string]any{},
		"tags":                 c.tags(),
	}
	if c.Status != "CREATING" {
		s["endpoint"] = c.Endpoint
		s["identity"] = map[string]any{"oidc": map[string]any{"issuer": c.issuer()}}
		s["certificateAuthority"] = map[string]any{"data": c.CA} // bytes: base64 in JSON
	}
	return s
}

// issuer is of the cluster's service accounts; AWS makes the ID up, so do we.
func (c placed) issuer() string {
	id := strings.ToUpper(hash([]byte(c.ARN))[:32])
	return fmt.Sprintf("https://oidc.eks.%s.amazonaws.com/id/%s", c.arn.region, id)
}

func (c placed) vpc() map[string]any {
	cidrs := c.PublicAccessCIDRs
	if cidrs == nil {
		cidrs = []string{}
	}
	id := last("00000000000000000"+hex.EncodeToString([]byte(c.name)), 17)
	return map[string]any{
		"subnetIds": []string{"subnet-" + id}, "securityGroupIds": []string{},
		"clusterSecurityGroupId": "sg-" + id, "vpcId": "vpc-" + id,
		"endpointPublicAccess": c.PublicAccess, "endpointPrivateAccess": c.PrivateAccess,
		"publicAccessCidrs": cidrs,
	}
}

func (c placed) tags() map[string]string {
	if c.Tags == nil {
		return map[string]string{}
	}
	return c.Tags
}

// requestID has a UUID's form.
func requestID() string {
	b := random(16)
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
