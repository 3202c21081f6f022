module github.com/daypass/daypass/e2e/parts/kubectl

go 1.26.0
