package chain_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daypass/daypass/e2e/chain"
)

func get(t *testing.T, client *http.Client, url string) (int, string, error) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body), nil
}

func TestAWS(t *testing.T) {
	hostname := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Host) })

	t.Run("answers under the real names of any region", func(t *testing.T) {
		aws := chain.StartAWS(t)
		aws.Serve(hostname)
		client := aws.Client(t)
		for _, name := range []string{
			"sts.eu-central-1.amazonaws.com", "eks.us-east-1.amazonaws.com",
			"sts.cn-north-1.amazonaws.com.cn", "sts-fips.us-gov-west-1.amazonaws.com", "sts.amazonaws.com",
		} {
			_, body, err := get(t, client, "https://"+name+"/")
			if err != nil || body != name {
				t.Errorf("%s: body %q, error %v", name, body, err)
			}
		}
	})
	t.Run("refuses every other name and remembers it", func(t *testing.T) {
		aws := chain.StartAWS(t)
		aws.Serve(hostname)
		client := aws.Client(t)
		strangers := []string{"example.com:443", "s3.us-east-1.amazonaws.com:443", "sts.us-east-1.amazonaws.com.example.com:443", "sts.us-east-1.amazonaws.com:8443"}
		for _, stranger := range strangers {
			if _, body, err := get(t, client, "https://"+stranger+"/"); err == nil {
				t.Errorf("%s was answered: %q", stranger, body)
			}
		}
		if diff := cmp.Diff(strangers, aws.Refused()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("is unavailable until somebody plays AWS", func(t *testing.T) {
		status, _, err := get(t, chain.StartAWS(t).Client(t), "https://sts.us-east-1.amazonaws.com/")
		if err != nil || status != http.StatusServiceUnavailable {
			t.Fatalf("status %d, error %v", status, err)
		}
	})
	t.Run("is trusted only by who was given its authority", func(t *testing.T) {
		aws := chain.StartAWS(t)
		aws.Serve(hostname)
		client := aws.Client(t)
		client.Transport.(*http.Transport).TLSClientConfig = nil
		if _, _, err := get(t, client, "https://sts.us-east-1.amazonaws.com/"); err == nil {
			t.Fatal("a client with the machine's roots only trusted the test AWS")
		}
	})
}
