package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/daypass/daypass/config"
	"github.com/daypass/daypass/seal"
)

// sealingKeys reads the keys that the configuration names; none is the zero
// Keys.
func sealingKeys(cfg *config.Config) (seal.Keys, error) {
	switch {
	case cfg.SealingKeyFile != "":
		return seal.Load(cfg.SealingKeyFile)
	case cfg.SealingKeyEnv != "":
		return seal.Parse([]byte(os.Getenv(cfg.SealingKeyEnv)))
	}
	return seal.Keys{}, nil
}

func sealingKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "sealing-key", Short: "Make and rotate the key that lies outside the database",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(sealingKeyNew(), sealingKeyRotate())
	return c
}

func sealingKeyNew() *cobra.Command {
	c := &cobra.Command{
		Use: "new", Short: "Print a new key, as a line for a key file",
		Long: "New prints a line for a key file:\n\n  umask 077; daypass sealing-key new > sealing.key\n\nName the file as sealingKeyFile in daypass.yaml.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			name, _ := c.Flags().GetString("name") // declared below
			line, err := seal.NewLine(orToday(name))
			if err != nil {
				return usage{err}
			}
			fmt.Fprintln(c.OutOrStdout(), line)
			return nil
		},
	}
	c.Flags().String("name", "", "the key's name; today's date and time unless it is given")
	return c
}

func orToday(name string) string {
	if name == "" {
		return "k" + time.Now().UTC().Format("20060102-150405")
	}
	return name
}

func sealingKeyRotate() *cobra.Command {
	c := &cobra.Command{
		Use: "rotate", Short: "Put a new key before the old ones in the key file",
		Long: "Rotate puts a new key before the old ones in the file that daypass.yaml names as sealingKeyFile. Restart every server then: from there on the new key seals, and the old ones still open.\nA day later nothing that counts is sealed by an old key any more, and its line can be deleted.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, _, err := load(c)
			if err != nil {
				return err
			}
			if cfg.SealingKeyFile == "" {
				return errors.New("daypass.yaml names no sealingKeyFile; make a key with 'daypass sealing-key new' first")
			}
			name, _ := c.Flags().GetString("name") // declared below
			return rotate(c, cfg.SealingKeyFile, orToday(name))
		},
	}
	c.Flags().String("name", "", "the new key's name; today's date and time unless it is given")
	return c
}

func rotate(c *cobra.Command, path, name string) error {
	if _, err := seal.Load(path); err != nil {
		return err
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the sealing keys: %w", err)
	}
	line, err := seal.NewLine(name)
	if err != nil {
		return usage{err}
	}
	text := append([]byte(line+"\n"), old...)
	keys, err := seal.Parse(text)
	if err != nil {
		return usage{err}
	}
	if err := replace(path, text); err != nil {
		return fmt.Errorf("write the sealing keys: %w", err)
	}
	fmt.Fprintf(c.OutOrStdout(), "%s seals from the next start of every server on. It holds %s.\n", keys.ID(), count(len(keys.IDs()), "key"))
	return nil
}

// replace writes a file anew beside the old one and renames it, so that there
// is always a whole one.
func replace(path string, text []byte) (err error) {
	path, err = filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".sealing-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
