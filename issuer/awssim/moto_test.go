package awssim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// startMoto runs moto's server on a port of its own and gives its URL.
func startMoto(t *testing.T) string {
	t.Helper()
	path := program(t, "moto_server")
	cmd := exec.CommandContext(deadline(t), path, "-H", "127.0.0.1", "-p", "0")
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it says that it was killed
	})
	running := regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if found := running.FindString(lines.Text()); found != "" {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			return found
		}
	}
	t.Fatal("moto_server ended before it said its address")
	return ""
}

// raw sends one signed request and gives the body of the answer.
func raw(t *testing.T, client *http.Client, base, method, path, form, service string, who aws.Credentials) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if err := v4.NewSigner().SignHTTP(t.Context(), who, r, hash([]byte(form)), service, region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, body)
	}
	return body
}

func TestAnswersHaveTheShapeThatMotoGivesThem(t *testing.T) {
	moto := startMoto(t)
	w := newWorld(t)
	both := func(method, path, form, service string) (ours, theirs []byte) {
		return raw(t, w.client, w.server.URL, method, path, form, service, w.user),
			raw(t, http.DefaultClient, moto, method, path, form, service, w.user)
	}
	t.Run("AssumeRole", func(t *testing.T) {
		form := url.Values{"Action": {"AssumeRole"}, "Version": {stsVersion}, "RoleArn": {readerRole}, "RoleSessionName": {"ada"}, "Policy": {denyAll}}
		ours, theirs := both(http.MethodPost, "/", form.Encode(), "sts")
		compare(t, elements(t, ours), elements(t, theirs), nil)
	})
	t.Run("GetCallerIdentity", func(t *testing.T) {
		form := url.Values{"Action": {"GetCallerIdentity"}, "Version": {stsVersion}}
		ours, theirs := both(http.MethodPost, "/", form.Encode(), "sts")
		compare(t, elements(t, ours), elements(t, theirs), nil)
	})
	createShop(t, moto, w)
	t.Run("DescribeCluster", func(t *testing.T) {
		ours, theirs := both(http.MethodGet, "/clusters/shop", "", "eks")
		// How a cluster was made, encrypts its secrets and logs is not simulated.
		compare(t, members(t, ours), members(t, theirs), []string{"clientRequestToken", "encryptionConfig", "cluster.logging.clusterLogging"})
	})
	t.Run("ListClusters", func(t *testing.T) {
		ours, theirs := both(http.MethodGet, "/clusters", "", "eks")
		compare(t, members(t, ours), members(t, theirs), nil)
	})
}

func createShop(t *testing.T, moto string, w *world) {
	t.Helper()
	cfg := w.config(w.user)
	cfg.BaseEndpoint, cfg.HTTPClient = aws.String(moto), http.DefaultClient
	_, err := eks.NewFromConfig(cfg).CreateCluster(t.Context(), &eks.CreateClusterInput{
		Name: aws.String("shop"), RoleArn: aws.String(readerRole),
		ResourcesVpcConfig: &types.VpcConfigRequest{SubnetIds: []string{"subnet-1"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// compare demands everything of theirs in ours, except what is named.
func compare(t *testing.T, ours, theirs, except []string) {
	t.Helper()
	if len(theirs) == 0 {
		t.Fatal("moto answered nothing to compare with")
	}
	for _, want := range theirs {
		skip := slices.ContainsFunc(except, func(e string) bool { return strings.Contains(want, e) })
		if !skip && !slices.Contains(ours, want) {
			t.Errorf("moto has %s; ours has %q", want, ours)
		}
	}
}

// elements are the paths of an XML document's elements, with namespaces.
func elements(t *testing.T, document []byte) []string {
	t.Helper()
	var path, all []string
	for d := xml.NewDecoder(bytes.NewReader(document)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			path = append(path, e.Name.Local)
			all = append(all, e.Name.Space+" "+strings.Join(path, "/"))
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
}

// members are the paths of a JSON document's values, with their kinds.
func members(t *testing.T, document []byte) []string {
	t.Helper()
	var root any
	if err := json.Unmarshal(document, &root); err != nil {
		t.Fatal(err)
	}
	return walk("", root)
}

func walk(path string, value any) []string {
	all := []string{fmt.Sprintf("%s %T", path, value)}
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			all = append(all, walk(strings.TrimPrefix(path+"."+name, "."), member)...)
		}
	case []any:
		for _, member := range v {
			all = append(all, walk(path+"[]", member)...)
		}
	}
	return all
}
