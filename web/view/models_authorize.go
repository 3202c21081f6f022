package view

import "time"

// The fields by which a person answers a program.
const (
	FieldAnswer = "answer"
	AnswerYes   = "allow"
	AnswerNo    = "refuse"
	FieldCode   = "code"
)

// Hidden is a field that the form sends back as it came.
type Hidden struct{ Name, Value string }

// Authorize asks whether a program on the person's machine may act for them.
type Authorize struct {
	Frame
	Program     string // what it calls itself
	Fingerprint string // of its key
	Back        string // the port of this machine that hears the answer
	Action      string // POST
	Hidden      []Hidden
}

// Device is where a person types the code that a program shows, sees what
// waits for it, and answers.
type Device struct {
	Frame
	Action      string // POST
	Code        string
	Wrong       *Failure
	Program     string // empty: no code was typed yet
	Fingerprint string
	Address     string // where the program is
	Yours       string // where the person is
	Begun       time.Time
	Done        bool
	Allowed     bool
}
