package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// The versions of kubectl's question that have one answer.
const (
	v1     = "client.authentication.k8s.io/v1"
	v1beta = "client.authentication.k8s.io/v1beta1"
)

// execCredential is written by hand: the types of client-go double the time
// that a small program needs to start.
type execCredential struct {
	APIVersion string     `json:"apiVersion"`
	Kind       string     `json:"kind"`
	Status     execStatus `json:"status"`
}

type execStatus struct {
	Expires time.Time `json:"expirationTimestamp"`
	Token   string    `json:"token"`
}

// execVersion reads KUBERNETES_EXEC_INFO, by which kubectl says what answer it
// wants: the version of its stanza. Without it, a person asks.
func execVersion(info string) (string, error) {
	if info == "" {
		return v1, nil
	}
	var asked struct {
		APIVersion string `json:"apiVersion"`
	}
	if err := json.Unmarshal([]byte(info), &asked); err != nil {
		return "", usage("KUBERNETES_EXEC_INFO cannot be read: %v", err)
	}
	if asked.APIVersion != v1 && asked.APIVersion != v1beta {
		return "", usage("kubectl asks by %q, and this helper answers %s and %s: correct apiVersion in the kubeconfig's exec stanza", asked.APIVersion, v1, v1beta)
	}
	return asked.APIVersion, nil
}

// writeCredential answers kubectl.
func writeCredential(out io.Writer, version string, k kept) error {
	b, err := json.Marshal(execCredential{version, "ExecCredential", execStatus{k.Until.UTC().Truncate(time.Second), k.Token}})
	if err != nil {
		return fmt.Errorf("writing the answer: %w", err)
	}
	if _, err := out.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("cannot write the answer: %w", reason(err))
	}
	return nil
}
