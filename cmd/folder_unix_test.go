//go:build unix

package cmd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daypass/daypass/seal"
)

func TestRotationsAtOnceLoseNoKey(t *testing.T) {
	cfg, path := keyFile(t)
	const many = 8
	var all sync.WaitGroup
	want := []string{"first"}
	for i := range many {
		name := fmt.Sprintf("k%d", i)
		want = append(want, name)
		all.Go(func() {
			var out, errs bytes.Buffer
			if code := Run(t.Context(), []string{"sealing-key", "rotate", "-c", cfg, "--name", name}, &out, &errs); code != exitOK {
				t.Errorf("%s: exit code %d, %s", name, code, errs.String())
			}
		})
	}
	all.Wait()
	keys, err := seal.Load(path)
	got := slices.Sorted(slices.Values(keys.IDs()))
	if err != nil || !slices.Equal(got, want) || keys.ID() != "first" {
		t.Errorf("the file holds %v, %v", keys.IDs(), err)
	}
}

func TestARotationWaitsForTheOneBefore(t *testing.T) {
	cfg, path := keyFile(t)
	held, err := hold(t.Context(), filepath.Dir(path), func(w string) { t.Error(w) })
	if err != nil {
		t.Fatal(err)
	}
	rotate := func(ctx context.Context) (int, string) {
		var out, errs bytes.Buffer
		code := Run(ctx, []string{"sealing-key", "rotate", "-c", cfg, "--name", "second"}, &out, &errs)
		return code, errs.String()
	}
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	code, errs := rotate(short)
	if code != exitFailed || !strings.Contains(errs, "nothing was changed: the folder "+filepath.Dir(path)+": another run of 'daypass sealing-key' holds it; let that one finish, and try again") {
		t.Errorf("while it is held: exit code %d, %s", code, errs)
	}
	if keys, err := seal.Load(path); err != nil || len(keys.IDs()) != 1 {
		t.Errorf("the file holds %v, %v", keys.IDs(), err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	if code, errs := rotate(t.Context()); code != exitOK {
		t.Errorf("after that: exit code %d, %s", code, errs)
	}
}

func TestARotationThroughALinkChangesWhatItLeadsTo(t *testing.T) {
	_, path := keyFile(t)
	link := filepath.Join(t.TempDir(), "link.key")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	cfg := written(t, address(t), address(t), "sealingKeyFile: "+link)
	if code, _, errs := run(t, "sealing-key", "rotate", "-c", cfg, "--name", "second"); code != exitOK {
		t.Fatal(errs)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is one no more: %v, %v", info.Mode(), err)
	}
	if keys, err := seal.Load(path); err != nil || len(keys.IDs()) != 2 {
		t.Errorf("the file holds %v, %v", keys.IDs(), err)
	}
}
