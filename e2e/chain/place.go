package chain

import (
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// FreePort returns a loopback port nobody listens on. It lies below the range
// from which systems pick ports for outgoing connections, so that between the
// finding and the using only another chain could take it.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 22000 + rand.IntN(8000)
		listener, err := net.Listen("tcp", loopback(port))
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no free port between 22000 and 30000")
	return 0
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// clean is an environment with a home of its own and none of the machine's
// AWS, Kubernetes, proxy or certificate settings.
func clean(t testing.TB, more ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + t.TempDir(),
		"LANG=C.UTF-8",
		"NO_PROXY=127.0.0.1,localhost",
		// Without these, SDKs wait for a metadata service that is not there.
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
	if root := os.Getenv("PYENV_ROOT"); root != "" { // where "aws" may be a pyenv shim
		env = append(env, "PYENV_ROOT="+root)
	}
	return append(env, more...)
}

func write(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
