package web

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/daypass/daypass/auth"
	"github.com/daypass/daypass/lease"
)

func TestAServerThatIsBehindAsksForPatienceAndAccusesNobody(t *testing.T) {
	s := &server{Options{Contact: func() string { return "" }, Slog: slog.New(slog.DiscardHandler)}}
	for _, err := range []error{auth.ErrBehind, lease.ErrBehind} {
		p := s.table(httptest.NewRequest(http.MethodGet, "/", nil), fmt.Errorf("read it: %w", err))
		if p.status != http.StatusServiceUnavailable || p.code != "behind" {
			t.Errorf("%v is %d %s", err, p.status, p.code)
		}
	}
	ways := s.ways(httptest.NewRequest(http.MethodGet, "/access", nil), auth.ErrBehind)
	if len(ways) != 2 || ways[0].URL != "/access" || ways[1].URL != "/sign-in?stay=1" {
		t.Errorf("it leads on to %v", ways)
	}
}
