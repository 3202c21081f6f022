package awssim

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// Server is the simulator behind TLS on one listener.
type Server struct {
	URL  string // https://host:port, for AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_EKS
	http *http.Server
	done chan error
}

// Serve answers on the listener until Close. Listen first, so that the
// listener's address can stand in Options.AllowedHosts.
func (s *Sim) Serve(l net.Listener, ca *Authority) *Server {
	server := &Server{
		URL:  "https://" + l.Addr().String(),
		done: make(chan error, 1),
		http: &http.Server{
			Handler:           s.Handler(),
			TLSConfig:         ca.TLS(),
			ReadHeaderTimeout: 10 * time.Second,
			ErrorLog:          log.New(io.Discard, "", 0), // clients that distrust the CA say so themselves
		},
	}
	go func() { server.done <- server.http.ServeTLS(l, "", "") }()
	return server
}

// Close stops at once; calls that hang are cut off.
func (s *Server) Close() error {
	closing := s.http.Close()
	serving := <-s.done
	s.done <- serving // for a second Close
	if errors.Is(serving, http.ErrServerClosed) {
		serving = nil
	}
	if err := errors.Join(closing, serving); err != nil {
		return fmt.Errorf("stop the simulated AWS: %w", err)
	}
	return nil
}
