// Package config turns daypass.yaml into a checked, immutable snapshot.
//
// Whatever Load returns without an error can be used without checking it
// again, and whatever is wrong with a file is told all at once, each with its
// line and what to do about it. Its one danger: a Config holds secrets; they
// cannot print themselves, but whoever calls Reveal can.
package config

//go:generate go test . -run ^(TestTheSchemaIsCurrent|TestTheTablesOfTheReferenceAreCurrent)$ -update
