//go:build !unix

package cmd

import "os"

// giveAsBefore has nothing to give where files have no numbered owner: the
// new one belongs to whom its folder says.
func giveAsBefore(*os.File, os.FileInfo) error { return nil }
