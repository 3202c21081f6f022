.PHONY: demo test check e2e bench clients

demo: ; go run ./cmd/demo

test: ; go test ./...

check: ; git ls-files '*.go' | grep -v _templ.go | xargs gofmt -l | (! grep .) && go vet ./... && go generate ./... && git diff --exit-code -- '*_templ.go' && if command -v staticcheck; then staticcheck ./...; else echo 'staticcheck is not installed and was left out'; fi

e2e: ; e2e/build-parts && e2e/build-chart-tools && cd e2e && DAYPASS_E2E=require go test -timeout 30m -p 1 ./...

bench: ; go test -run '^$$' -bench . -benchmem ./... && cd e2e && go test -run '^$$' -bench . -benchmem ./...

clients: ; cmd/kubectl-daypass/build-all "$${VERSION:-dev}" dist/clients
