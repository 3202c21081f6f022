package main

import "github.com/daypass/daypass/auth/oidcsim"

// staff are whom one can be at the company's own provider. They are roles, not
// people.
func staff() []oidcsim.Person {
	return []oidcsim.Person{
		{Subject: "staff-1", Email: "engineer@example.com", Name: "The engineer", Groups: []string{"engineering"}, Blurb: "views everything, edits what is not production"},
		{Subject: "staff-2", Email: "oncall@example.com", Name: "Whoever is on call", Groups: []string{"engineering", "on-call"}, Blurb: "may break the glass on production"},
		{Subject: "staff-3", Email: "auditor@example.com", Name: "The auditor", Groups: []string{"audit"}, Blurb: "enters nothing, reads the audit log"},
		{Subject: "staff-5", Email: "administrator@example.com", Name: "The administrator", Groups: []string{"platform"}, Blurb: "enters nothing, ends what others hold"},
		{Subject: "staff-4", Email: "newcomer@example.com", Name: "The newcomer", Groups: []string{"sales"}, Blurb: "has no access yet"},
	}
}

// guests are whom one can be at the contractors' provider.
func guests() []oidcsim.Person {
	return []oidcsim.Person{
		{Subject: "guest-1", Email: "contractor@agency.example", Name: "The contractor", Groups: []string{}, Blurb: "one role on one cluster, until an end date"},
	}
}
