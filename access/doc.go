// Package access decides who may be what on which cluster.
//
// It holds the nouns of the product — Principal, Cluster, Role, Grant, Policy —
// and one pure question, Policy.Decide. It reads no clock, file or network, so
// the same ask, standing and time always give the same answer. Its one danger:
// a Decision is an answer, not an act; only the issuer may act on it.
package access
