package chain

import (
	"net/http"
	"testing"
)

// startEtcd returns the address of a database that forgets everything with the
// test, and so need not wait for the disk.
func startEtcd(t testing.TB) string {
	t.Helper()
	client, peer := "http://"+loopback(FreePort(t)), "http://"+loopback(FreePort(t))
	p := launch(t, "etcd", clean(t),
		"--data-dir="+t.TempDir(),
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer,
		"--initial-cluster=default="+peer,
		"--unsafe-no-fsync",
	)
	p.await(t, answers(http.DefaultClient, client+"/health"))
	return client
}
