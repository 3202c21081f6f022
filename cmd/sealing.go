package cmd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

// soundKeys refuses a configuration whose sealing keys serve could not start
// with.
func soundKeys(cfg *config.Config) error {
	if _, err := sealingKeys(cfg); err != nil {
		return config.Errors{{File: cfg.Path, Text: err.Error()}}
	}
	return nil
}

func sealingKeyCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "sealing-key", Short: "Make and rotate the key that lies outside the database",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(sealingKeyNew(), sealingKeyRotate(), sealingKeyPromote(), sealingKeyRetire())
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

// rotation is told by each of its three commands.
const rotation = "A rotation takes three steps, so that nobody is signed out and every server can read what the others seal:\n\n" +
	"  1. daypass sealing-key rotate          adds a new key, which does not seal yet; restart every server\n" +
	"  2. daypass sealing-key promote KEYID   makes it the one that seals; restart every server\n" +
	"  3. daypass sealing-key retire KEYID    takes the old key out, a day later or after clients.longest,\n" +
	"                                         if that is more; restart every server\n\n" +
	"All three change the file that daypass.yaml names as sealingKeyFile. It keeps its owner, its group and its mode."

func sealingKeyRotate() *cobra.Command {
	c := &cobra.Command{
		Use: "rotate", Short: "Add a new key, which does not seal yet (step 1 of a rotation)",
		Long: "Rotate adds a new key behind the others. From the next start on every server can open with it; the old key still seals.\n\n" + rotation,
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			name, _ := c.Flags().GetString("name") // declared below
			line, err := seal.NewLine(orToday(name))
			if err != nil {
				return usage{err}
			}
			return changeKeys(c, func(old []byte) ([]byte, error) { return seal.Append(old, line) },
				func(k seal.Keys) string {
					young := k.IDs()[len(k.IDs())-1]
					return fmt.Sprintf("Added the key %s. %s still seals. Now restart every server, so that all of them can open with the new key; then run 'daypass sealing-key promote %[1]s'.", young, k.ID())
				})
		},
	}
	c.Flags().String("name", "", "the new key's name; today's date and time unless it is given")
	return c
}

func sealingKeyPromote() *cobra.Command {
	return &cobra.Command{
		Use: "promote KEYID", Short: "Make a key the one that seals (step 2 of a rotation)",
		Long: "Promote puts a key first, so that it is the one that seals from the next start on. Every server must have been restarted since the key was added: one that does not know it has people try again until it is.\n\n" + rotation,
		Args: oneKeyID,
		RunE: func(c *cobra.Command, args []string) error {
			return changeKeys(c, func(old []byte) ([]byte, error) { return seal.Promote(old, args[0]) },
				func(k seal.Keys) string {
					return fmt.Sprintf("%s seals from the next start of every server on; %s can still be opened with. Now restart every server. After a day, or after clients.longest if that is more, nothing that counts is sealed by an old key any more, and 'daypass sealing-key retire KEYID' takes it out.",
						k.ID(), strings.Join(k.IDs()[1:], ", "))
				})
		},
	}
}

func sealingKeyRetire() *cobra.Command {
	return &cobra.Command{
		Use: "retire KEYID", Short: "Take an old key out (step 3 of a rotation)",
		Long: "Retire takes a key out of the file. What it sealed cannot be opened any more from the next start on, so wait a day after another one was promoted, or as long as clients.longest if that is more: programs stay signed in for so long. The key that seals cannot be retired.\n\n" + rotation,
		Args: oneKeyID,
		RunE: func(c *cobra.Command, args []string) error {
			return changeKeys(c, func(old []byte) ([]byte, error) { return seal.Retire(old, args[0]) },
				func(k seal.Keys) string {
					return fmt.Sprintf("Took the key %s out. The file holds %s; %s seals. Now restart every server.", args[0], count(len(k.IDs()), "key"), k.ID())
				})
		},
	}
}

func oneKeyID(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usage{fmt.Errorf("give the name of one key, the first word of its line in the key file; see '%s --help'", c.CommandPath())}
	}
	return nil
}

// changeKeys changes the key file of the configuration and says what to do next.
func changeKeys(c *cobra.Command, change func(old []byte) ([]byte, error), next func(seal.Keys) string) error {
	cfg, _, err := load(c)
	if err != nil {
		return err
	}
	if cfg.SealingKeyFile == "" {
		return errors.New(noKeyFile(cfg))
	}
	if _, err := seal.Load(cfg.SealingKeyFile); err != nil {
		return err
	}
	keys, err := changed(c, cfg.SealingKeyFile, change)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.OutOrStdout(), next(keys))
	return nil
}

// changed changes a key file while no other run does: each of two would write
// what it read, and the key that the other one added would be gone.
func changed(c *cobra.Command, name string, change func(old []byte) ([]byte, error)) (seal.Keys, error) {
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return seal.Keys{}, fmt.Errorf("read the sealing keys: %w", err)
	}
	held, err := hold(c.Context(), filepath.Dir(path), func(w string) { fmt.Fprintln(c.ErrOrStderr(), "warning:", w) })
	if err != nil {
		return seal.Keys{}, fmt.Errorf("change the sealing keys; nothing was changed: %w", err)
	}
	defer held.Close() // and with it the lock goes
	old, err := os.ReadFile(path)
	if err != nil {
		return seal.Keys{}, fmt.Errorf("read the sealing keys: %w", err)
	}
	text, err := change(old)
	if err != nil {
		return seal.Keys{}, usage{fmt.Errorf("%s: %w", name, err)}
	}
	keys, err := seal.Parse(text)
	if err != nil {
		return seal.Keys{}, err
	}
	if err := replace(path, text, giveAsBefore); err != nil {
		return seal.Keys{}, fmt.Errorf("write the sealing keys; nothing was changed: %w", err)
	}
	if err := held.settle(); err != nil {
		return seal.Keys{}, fmt.Errorf("the sealing keys are changed, but a power cut may bring the old ones back (%w); look which keys %s holds before you restart a server", err, name)
	}
	return keys, nil
}

func noKeyFile(cfg *config.Config) string {
	if cfg.SealingKeyEnv != "" {
		return fmt.Sprintf("%s keeps its sealing keys in the environment variable %s, which this command cannot change; take the three steps there by hand, as docs/configuration.md tells under Sealing keys", cfg.Path, cfg.SealingKeyEnv)
	}
	return fmt.Sprintf("%s has no sealing key that could be rotated; make one with 'umask 077; daypass sealing-key new > sealing.key', set sealingKeyFile: sealing.key in %[1]s, and restart every server", cfg.Path)
}

// replace writes a file anew beside the old one and renames it, so that there
// is always a whole one. give makes the new file belong to whom the old one
// belongs to: otherwise the server might not read it at its next start. A path
// that is a link would be replaced itself.
func replace(path string, text []byte, give func(*os.File, os.FileInfo) error) (err error) {
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
	err = give(f, info)
	if err == nil { // the mode after the owner, whose change may take bits away
		_, err = f.Write(text)
		err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
