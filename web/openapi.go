package web

import (
	_ "embed"
	"net/http"
)

// document describes the API: OpenAPI 3.1. A test holds it against the routes
// and against what they answer.
//
//go:embed openapi.json
var document []byte

func (s *server) apiDocument(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(document) // whoever asked may be gone
	return nil
}
