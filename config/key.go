package config

// kind is what the value of a key is.
type kind int

const (
	isText     kind = iota
	isFlag          // true or false
	isTexts         // a list of texts
	isMapping       // of the keys below
	isMappings      // a list of such mappings
	isLabels        // a mapping of free keys to texts
	isFlagOrMapping
)

// key describes a key of daypass.yaml. The reader takes from here which keys
// there are, how they nest and which are required; the JSON Schema and the
// tables of the reference are written from the same words.
type key struct {
	name string
	kind kind
	says string // Markdown, one line; may link to headings of docs/configuration.md

	such     string   // an example in YAML, for the error that says the key is missing; only where it is required
	fallback string   // what leaving it out means, in YAML
	words    string   // the same in words, where there is no such value
	examples []string // further values, in YAML
	form     form     // of a text, or of each text of a list
	enum     []string // all it can be

	keys  []key  // of the mapping, or of each of them
	rule  rule   // how many of the keys
	table string // where the reference explains the keys; empty: at the key's path
	some  bool   // a list that cannot be empty
	not   string // another key that cannot be beside it
}

// form is a rule for texts that editors can check. It never refuses what the
// reader takes, but for spaces around a value, which the reader drops.
type form struct {
	pattern string // as both Go and ECMAScript understand it; empty: any
	hint    string // what an editor says when it does not match
}

// rule is how many keys of a mapping can be there, beside what is required.
type rule int

const (
	anyKeys rule = iota
	oneKey
	someKeys // one or more
)

func (k key) required() bool { return k.such != "" }

// find gives the description of a key.
func find(keys []key, name string) key {
	for _, k := range keys {
		if k.name == name {
			return k
		}
	}
	return key{}
}

func names(keys []key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.name
	}
	return out
}

// free describes a mapping whose keys people choose.
func free(names []string) []key {
	out := make([]key, len(names))
	for i, name := range names {
		out[i].name = name
	}
	return out
}
