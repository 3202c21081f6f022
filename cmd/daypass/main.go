// Command daypass is the server and its tools.
package main

import (
	"os"

	"github.com/daypass/daypass/cmd"
)

func main() { os.Exit(cmd.Main(os.Args[1:], os.Stdout, os.Stderr)) }
