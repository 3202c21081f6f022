package web

import (
	"fmt"
	"slices"

	"github.com/daypass/daypass/audit"
	"github.com/daypass/daypass/issuer"
	"github.com/daypass/daypass/lease"
	"github.com/daypass/daypass/web/view"
)

// say tells an event in a sentence.
func say(e audit.Event) string {
	on := e.Role + " on " + e.Cluster
	switch e.Kind {
	case audit.ServerStarted:
		return "The server started."
	case audit.ServerStopped:
		return "The server stopped."
	case audit.ConfigLoaded:
		return "The configuration was loaded."
	case audit.ConfigRefused:
		return "A changed configuration is not valid; the one before stays in force."
	case audit.SignedIn:
		return entered(e)
	case audit.SignInFailed:
		return "A sign-in failed: " + e.Reason + "."
	case audit.SignedOut:
		return "The session" + ofProgram(e) + " ended: " + e.Reason + "."
	case audit.LogoutRefused:
		return "A provider's logout was not taken: " + e.Reason + "."
	case audit.Refused:
		return refused(e, on)
	case audit.LeaseStarted:
		return "Started a lease as " + on + "."
	case audit.GlassBroken:
		return "Broke the glass: " + on + "."
	case audit.LeaseEnded:
		return ended(e, on)
	case audit.Administered:
		return administered(e, on)
	case audit.LeaseExpired:
		return "The lease as " + on + " ran out."
	case audit.Intended:
		return "About to mint a token as " + on + "."
	case audit.Minted:
		return "Minted a token as " + on + "."
	case audit.MintFailed:
		return "No token as " + on + ": " + e.Reason + "."
	case audit.HandedOver:
		return handed(e) + "."
	case audit.NoticeDelivered:
		return "Told the webhook " + e.Facts["webhook"] + "."
	case audit.NoticeUndelivered:
		return "Gave up telling the webhook " + e.Facts["webhook"] + "."
	case audit.Read:
		return "Read the audit log: " + e.Details.Text + "."
	case audit.RowRefused:
		return "A row of the database is not as Daypass wrote it, and was refused: " + e.Reason + " " + e.Facts["row"] + "."
	case audit.Exported:
		return "Exported from the audit log: " + e.Details.Text + "."
	}
	return string(e.Kind)
}

// entered tells a program's sign-in from a browser's, and one by a typed code,
// which may be on anybody's machine, from one beside the browser.
func entered(e audit.Event) string {
	client := e.Facts["client"]
	switch {
	case client == "":
		return "Signed in with " + e.Provider + "."
	case e.Facts["via"] == "device":
		return programOn(client) + " signed in with " + e.Provider + ", by a typed code."
	}
	return programOn(client) + " signed in with " + e.Provider + "."
}

// ofProgram names the program whose session an event is about; of a browser's
// it says nothing.
func ofProgram(e audit.Event) string {
	if c := e.Facts["client"]; c != "" {
		return " of " + programOn(c)
	}
	return ""
}

// programOn is what people know a program by that calls itself so.
func programOn(name string) string { return "kubectl daypass on " + name }

func refused(e audit.Event, on string) string {
	s := fmt.Sprintf("Refused %s: %s.", on, e.Reason)
	switch e.Reason {
	case issuer.NotAuditor:
		s = "Refused to show the audit log: " + e.Reason + "."
	case issuer.NotAdministrator:
		s = "Refused what administrators may do: " + e.Reason + "."
	case issuer.DeviceGlass:
		s = "Refused to break the glass for a program that was let in by a typed code: " + e.Reason + "."
	case issuer.ForeignLease:
		s = "Refused another person's lease as " + on + ": " + e.Reason + "."
	}
	if n := e.Facts["repeats"]; n != "" {
		s += " Asked " + n + " times more within a minute."
	}
	return s
}

// administered tells what an administrator did, and to whom.
func administered(e audit.Event, on string) string {
	whom := orElse(e.Details.More["person"], e.Facts["person"])
	switch e.Facts["act"] {
	case "end-lease":
		return "Ended the lease of " + whom + " as " + on + "."
	case "sign-out":
		if c := e.Facts["client"]; c != "" {
			return "Signed " + whom + " out of " + programOn(c) + "."
		}
		return "Signed " + whom + " out of one browser."
	}
	return "Signed " + whom + " out everywhere."
}

func ended(e audit.Event, on string) string {
	switch e.Facts["by"] {
	case lease.ByAdministrator:
		return "An administrator ended the lease as " + on + "."
	case lease.BySignOut:
		return "The lease as " + on + " ended with the sign-out."
	}
	return "Ended the lease as " + on + "."
}

func handed(e audit.Event) string {
	switch lease.Form(e.Facts["form"]) {
	case lease.Downloaded:
		return "Downloaded the kubeconfig"
	case lease.Shown:
		return "Looked at the kubeconfig"
	case lease.Copied:
		return "Copied the kubeconfig"
	case lease.ShownBash:
		return "Looked at the shell snippet"
	case lease.CopiedBash:
		return "Copied the shell snippet"
	case lease.ShownFish:
		return "Looked at the fish snippet"
	case lease.CopiedFish:
		return "Copied the fish snippet"
	case lease.ShownPowerShell:
		return "Looked at the PowerShell snippet"
	case lease.CopiedPowerShell:
		return "Copied the PowerShell snippet"
	case lease.ShownCmd:
		return "Looked at the snippet for cmd"
	case lease.Exec:
		return "Took the entry for kubectl daypass, without a secret"
	case lease.Helper:
		return "kubectl daypass fetched the token"
	case lease.CopiedCmd:
		return "Copied the snippet for cmd"
	case lease.AWS:
		return "Took a file without a secret, for the AWS CLI"
	case lease.AWSRole:
		return "Took a file without a secret, for the AWS CLI through the role"
	}
	return "Handed over: " + e.Facts["form"]
}

// steps is a lease's history for its owner, oldest first. An intent is half a
// story; its outcome tells the rest. Who else asked for it, and
// which administrator ended it, is for auditors.
func steps(newestFirst []audit.Row) (out []view.Step) {
	for _, row := range slices.Backward(newestFirst) {
		e := row.Event
		if e.Kind != audit.Intended && e.Kind != audit.Administered {
			out = append(out, view.Step{At: e.At, What: say(e), Where: e.Details.Address})
		}
	}
	return out
}
