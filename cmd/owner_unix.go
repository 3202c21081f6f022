//go:build unix

package cmd

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// giveAsBefore gives a new file to the owner and group of the old one.
func giveAsBefore(f *os.File, before os.FileInfo) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	was, okWas := before.Sys().(*syscall.Stat_t)
	is, okIs := now.Sys().(*syscall.Stat_t)
	if !okWas || !okIs {
		return errors.New("this system does not say whom the file belongs to; run the command as the user that the server runs as")
	}
	return give(*was, *is, f.Chown)
}

func give(was, is syscall.Stat_t, chown func(user, group int) error) error {
	if was.Uid == is.Uid && was.Gid == is.Gid {
		return nil
	}
	if err := chown(int(was.Uid), int(was.Gid)); err != nil {
		return fmt.Errorf("the new file cannot be given to user %d and group %d, whom the old one belongs to (%w); run the command as root or as that user", was.Uid, was.Gid, err)
	}
	return nil
}
