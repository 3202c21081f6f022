// Package chain runs the programs Daypass stands between, so that a test can
// walk the whole road: dex, a real kube-apiserver that asks a real
// aws-iam-authenticator, and AWS under its real names.
//
// All of it listens on loopback, lives in the test's own temporary folder and
// ends with the test. One thing escapes: the authenticator also answers "ok" on
// port 21363 of every interface, a number its command line cannot change. A
// second authenticator only logs that the port is taken and goes on.
//
// Nothing here verifies a signature. Whoever hands a face to [AWS.Serve]
// answers for what it accepts.
package chain
