// Package api is what programs say to Daypass and hear from it: the wire types
// of /api/v1 and a Go client for them. It imports nothing of ours, and little
// else, since kubectl waits for whoever imports it.
//
// Times are RFC 3339 in UTC, lengths of time are whole seconds, and errors are
// RFC 9457 problem details. Its one danger: a Token opens a cluster, and a
// session's Secret with its key asks for more of them.
package api

// Prefix is where the API is, under the server's URL.
const Prefix = "/api/v1"
