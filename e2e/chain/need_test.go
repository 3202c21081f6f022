package chain_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daypass/daypass/e2e/chain"
)

// verdict records how a test would have ended, instead of ending it.
type verdict struct {
	testing.TB
	failed, skipped bool
	said            string
}

func (v *verdict) Helper() {}

func (v *verdict) Fatalf(format string, args ...any) { v.failed = true; v.end(format, args) }

func (v *verdict) Skipf(format string, args ...any) { v.skipped = true; v.end(format, args) }

func (v *verdict) end(_ string, args []any) {
	v.said, _ = args[0].(string)
	panic(v)
}

func judge(t *testing.T, programs ...string) (v *verdict) {
	v = &verdict{TB: t}
	defer func() {
		if got := recover(); got != nil && got != any(v) {
			panic(got)
		}
	}()
	chain.Need(v, programs...)
	return v
}

func TestNeed(t *testing.T) {
	parts := t.TempDir()
	t.Setenv("DAYPASS_PARTS", parts)
	t.Setenv("DAYPASS_E2E", "")
	program := filepath.Join(parts, "present-part")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}

	t.Run("lets a test run when every part is in the parts folder", func(t *testing.T) {
		if v := judge(t, "present-part"); v.failed || v.skipped {
			t.Fatalf("failed=%v skipped=%v", v.failed, v.skipped)
		}
		if got := chain.Path(t, "present-part"); got != program {
			t.Fatalf("Path = %q, want %q", got, program)
		}
	})
	t.Run("skips and names the part that is absent", func(t *testing.T) {
		v := judge(t, "present-part", "absent-part")
		if !v.skipped || v.failed || !strings.Contains(v.said, "absent-part") {
			t.Fatalf("skipped=%v failed=%v said=%q", v.skipped, v.failed, v.said)
		}
	})
	t.Run("fails instead of skipping when the chain is required", func(t *testing.T) {
		t.Setenv("DAYPASS_E2E", "require")
		if v := judge(t, "absent-part"); !v.failed || v.skipped {
			t.Fatalf("failed=%v skipped=%v", v.failed, v.skipped)
		}
	})
}
