package main

import (
	"os/exec"
	"runtime"
)

// openBrowser has the system open a link. The link is an argument of its own
// and passes through no shell.
func openBrowser(link string) error {
	name, args := "xdg-open", []string{link}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", link}
	}
	c := exec.Command(name, args...)
	if err := c.Start(); err != nil {
		return err
	}
	go func() { _ = c.Wait() }() // some browsers stay in the foreground
	return nil
}
