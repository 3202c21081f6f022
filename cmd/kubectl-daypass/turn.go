package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"time"

	"github.com/daypass/daypass/cmd/kubectl-daypass/kubeconfig"
)

// queue is how long a get waits for another that fills the same context.
const queue = 20 * time.Second

// turn is for one get at a time to look which lease a context has and to put
// another there: two at once would each start one, and neither would know of
// the other's. The kubeconfig's own lock is not for that, since kubectl gives up
// where it stands.
func (h home) turn(ctx context.Context, want wish, name string, wait time.Duration) (release func(), err error) {
	sum := sha256.Sum256([]byte(whole(kubeconfig.Path(want.file)) + "\x00" + name))
	release, err = lock(ctx, filepath.Join(h.cache, "get-"+hex.EncodeToString(sum[:8])+".lock"), wait)
	if errors.Is(err, errBusy) && ctx.Err() == nil {
		return nil, &failure{code: exitFailed, err: err, say: "Another kubectl daypass get has been at " + quoted(name) + " for " + wait.String() + ". Nothing was changed; try again when it is done."}
	}
	return release, err
}

// whole is a file's path as all who mean that file write it.
func whole(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if all, err := filepath.Abs(path); err == nil {
		path = all
	}
	return path
}
