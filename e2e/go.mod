module github.com/daypass/daypass/e2e

go 1.26.0

replace github.com/daypass/daypass => ../

require github.com/google/go-cmp v0.7.0

require (
	github.com/coreos/go-oidc/v3 v3.21.0 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/oauth2 v0.38.0 // indirect
)
