package view

// Form is a form of the kubeconfig.
type Form string

// The forms.
const (
	FormRenewing   Form = "renewing" // without a secret, for kubectl daypass
	FormFile       Form = "file"     // download it
	FormBash       Form = "bash"     // one paste for bash and zsh
	FormFish       Form = "fish"
	FormPowerShell Form = "powershell"
	FormCmd        Form = "cmd"
	FormAWS        Form = "aws"      // without a secret, for the AWS CLI
	FormAWSRole    Form = "aws-role" // the same, through the role
	FormRaw        Form = "raw"      // the file's text
)

// Forms are all of them.
func Forms() []Form {
	return []Form{FormRenewing, FormFile, FormBash, FormFish, FormPowerShell, FormCmd, FormAWS, FormAWSRole, FormRaw}
}

// Secret reports whether what is handed over in this form holds a secret.
func (f Form) Secret() bool { return f != FormRenewing && !f.aws() }

// aws reports whether this form is for the AWS CLI.
func (f Form) aws() bool { return f == FormAWS || f == FormAWSRole }

// pasted reports whether this form is a paste for a shell.
func (f Form) pasted() bool { return f.shell() != "" }

// shell is what the paste is for.
func (f Form) shell() string {
	switch f {
	case FormBash:
		return "bash or zsh"
	case FormFish:
		return "fish"
	case FormPowerShell:
		return "PowerShell"
	case FormCmd:
		return "cmd"
	}
	return ""
}

// unproved says of a form that it was never run, and by what it was checked.
func (f Form) unproved() string {
	switch f {
	case FormPowerShell:
		return "For Windows PowerShell 5.1 and PowerShell 7. Written by PowerShell’s quoting rules; not run in our tests."
	case FormCmd:
		return "For the Windows command prompt. Written by cmd’s rules; not run in our tests."
	}
	return ""
}

// Naming is how the kubeconfig names things.
type Naming struct {
	Context   string // what was typed, or the default
	Usual     string // the default
	Namespace string // what was typed, or the lease's

	ContextError, NamespaceError string
	Action                       string // GET, to the same page
}

// Wrong reports whether a name cannot be one.
func (n Naming) Wrong() bool { return n.ContextError != "" || n.NamespaceError != "" }

// copied is what a copy is to a person who pastes it carelessly.
func (f Form) copied() string {
	if f.Secret() {
		return "secret"
	}
	return "plain"
}
