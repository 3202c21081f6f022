package config

import "slices"

// File is a file that the configuration names, as it was when it was read.
type File struct {
	Key  string // of daypass.yaml, under which it is named: signIn, notify, …
	Name string // of the provider or webhook; may be empty
	Path string

	what    string
	content Secret // a digest; of a weak secret even that would tell too much
}

// String says in words what the file is.
func (f File) String() string {
	switch f.Key {
	case "signIn":
		return "the " + f.what + " of provider " + f.Name
	case "notify":
		return "the " + f.what + " of webhook " + f.Name
	}
	return "the " + f.what
}

// Holds tells whether the file is one of those of a key, such as
// clientSecret.
func (f File) Holds(key, name, what string) bool {
	return f.Key == key && f.Name == name && f.what == what
}

// What files hold.
const (
	ClientSecret  = "client secret"
	Certificates  = "certificate file"
	webhookSecret = "secret"
	databaseURL   = "database URL"
	sealingKeys   = "sealing key file"
)

// Altered reports whether the file holds something else by now, or cannot be
// read any more.
func (f File) Altered() bool {
	if regular(f.Path) != nil { // a pipe would hold up whoever reads it
		return true
	}
	b, err := readAtMost(f.Path, maxSize)
	return err != nil || digest(b) != f.content.Reveal()
}

// Altered lists the files of after that before named at the same place, and
// that held something else then.
func Altered(before, after *Config) (out []File) {
	for _, f := range after.Files {
		if slices.ContainsFunc(before.Files, func(old File) bool {
			return old.Holds(f.Key, f.Name, f.what) && old.Path == f.Path && old.content.Reveal() != f.content.Reveal()
		}) {
			out = append(out, f)
		}
	}
	return out
}
