// Package awssim is an AWS in miniature: STS and EKS over TLS, for the demo and
// for tests. It verifies every signature, trust policy, external ID and session
// policy, so a client that it serves signs and asks as AWS demands.
//
// Its danger: it is not AWS. It knows the few calls of a kubeconfig's life, and
// where AWS publishes no rule, a comment says that the rule here is a guess.
// No server may import it.
package awssim
