package chain

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Need skips the test unless every named program is here. With
// DAYPASS_E2E=require it fails instead: a run that promised the whole chain
// must not pass by skipping it.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := Find(name); err != nil {
			absent(t, name)
		}
	}
}

// Path returns where the named program is, and ends the test like Need if it
// is nowhere.
func Path(t testing.TB, program string) string {
	t.Helper()
	path, err := Find(program)
	if err != nil {
		absent(t, program)
	}
	return path
}

// Script reads a script that build-parts fetched, and ends the test like Need
// if it is nowhere.
func Script(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder(), name))
	if err != nil {
		absent(t, name)
	}
	return string(text)
}

func absent(t testing.TB, program string) {
	t.Helper()
	const sentence = "%s is not here; e2e/build-parts builds and installs what these tests run."
	if os.Getenv("DAYPASS_E2E") == "require" {
		t.Fatalf(sentence, program)
	}
	t.Skipf(sentence, program)
}

// Find says where the named program is. It prefers what build-parts built,
// because its version is pinned.
func Find(program string) (string, error) {
	if built, err := exec.LookPath(filepath.Join(folder(), program)); err == nil {
		return built, nil
	}
	return exec.LookPath(program)
}

func folder() string {
	if parts := os.Getenv("DAYPASS_PARTS"); parts != "" {
		return parts
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		cache = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(cache, "daypass-e2e")
}
