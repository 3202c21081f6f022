package config

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/daypass/daypass/download"
)

func TestAFolderOfClientsIsTakenBesideTheFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "programs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "programs", download.Builds()[0].File()), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                                 inImage(),
		"clients: {}\n":                    inImage(),
		"clients: {downloads: programs}\n": filepath.Join(dir, "programs"),
		"clients: {downloads: " + filepath.Join(dir, "programs") + "}\n": filepath.Join(dir, "programs"),
		"clients: {downloads: none}\n":                                   "",
		"clients: {enabled: false}\n":                                    "",
		"clients: {enabled: false, downloads: none}\n":                   "",
	} {
		c, _, err := Parse(filepath.Join(dir, "daypass.yaml"), []byte(base+text), environment, today)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if c.Clients.Downloads != want {
			t.Errorf("%q: %q, want %q", text, c.Clients.Downloads, want)
		}
	}
}
