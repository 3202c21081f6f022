package store_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/daypass/daypass/store"
	"github.com/daypass/daypass/store/storetest"
)

// childVar makes a run of this test program the process that is killed.
const childVar = "DAYPASS_TEST_STORE"

// TestAKillLosesNothingThatWasAcknowledged kills a process that writes, at
// random instants, and holds what it was told against the log.
func TestAKillLosesNothingThatWasAcknowledged(t *testing.T) {
	if path := os.Getenv(childVar); path != "" {
		writeUntilKilled(t, path)
		return
	}
	c := freshSQLite(t)
	var told []string
	for range 10 {
		told = append(told, killed(t, c.SQLite)...)
	}
	on := map[string]bool{}
	for _, row := range storetest.Gapless(t, storetest.Open(t, c)) {
		on[row.Event.ID] = true
	}
	if len(told) == 0 {
		t.Fatal("no write was ever acknowledged")
	}
	for _, id := range told {
		if !on[id] {
			t.Errorf("the event %s was acknowledged and is lost", id)
		}
	}
}

// killed runs a writer, kills it, and gives what it was told is written.
func killed(t *testing.T, path string) (told []string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestAKillLosesNothingThatWasAcknowledged$")
	child.Env = append(os.Environ(), childVar+"="+path)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	const id = len("ev_") + 26
	after := 1 + rand.IntN(200)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if line := lines.Text(); len(line) == id && line[:3] == "ev_" { // a line cut short was not told
			told = append(told, line)
		}
		if len(told) == after {
			_ = child.Process.Kill()
		}
	}
	if err := child.Wait(); err == nil {
		t.Error("the writer ended by itself")
	}
	return told
}

// writeUntilKilled records events from eight writers and prints each ID once
// it is acknowledged.
func writeUntilKilled(t *testing.T, path string) {
	s := storetest.Open(t, store.Config{SQLite: path})
	failed := make(chan error)
	for range 8 {
		go func() {
			for {
				e := anEvent()
				if err := s.Record(t.Context(), e); err != nil {
					failed <- err
					return
				}
				_, _ = os.Stdout.WriteString(e.ID + "\n")
			}
		}()
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	case <-time.After(time.Minute):
		t.Fatal("nobody killed it")
	}
}
