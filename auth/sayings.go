package auth

// clientSayings are for people at a program, or at the page that allows one.
func clientSayings() map[Kind]saying {
	const (
		login = "Run login again."
		retry = "Send the request again with the nonce of this answer."
	)
	return map[Kind]saying{
		NeedsNonce:      {AtBrowser, "The request's proof lacks a nonce of this server, or holds an old one.", retry},
		BadProof:        {AtBrowser, "The request's proof (DPoP) does not hold.", "Update the program, compare the server's URL with the one it uses, and run login again."},
		ProofReplayed:   {AtBrowser, "This proof was used before. Each is good for one request.", "Try again. If nobody sent this request twice, tell the person who runs Daypass."},
		ClockOff:        {AtBrowser, "The clock is off by more than an hour.", "Set the clock, and try again."},
		NotSignedIn:     {AtBrowser, "This program is not signed in, or not any more.", login},
		SignInTooOld:    {AtBrowser, "Your sign-in is too old: your groups may have changed since.", login},
		NotFresh:        {AtBrowser, "Letting a program in takes a sign-in of the last 15 minutes, and yours is older.", "Open the page again, by the program's link or its code: you are asked to sign in first."},
		ManyPrograms:    {AtBrowser, "You have as many programs signed in as anybody may: 50.", "Sign some out on My access, and run login again."},
		ProviderDown:    {AtProvider, "Your groups must be asked for again, and %s does not answer.", wait},
		BadGrant:        {AtBrowser, "This code is not good for a sign-in: it is unknown, was used already, or belongs to another program.", login},
		DevicePending:   {AtBrowser, "Nobody has typed the code yet.", "Ask again after the interval."},
		DeviceSlowDown:  {AtBrowser, "That was too often.", "Wait for the interval before asking again."},
		DeviceDenied:    {AtBrowser, "The sign-in was refused by the person.", "If it was you, run login again."},
		CodeExpired:     {AtBrowser, "The code has expired.", login},
		DeviceOff:       {AtBrowser, "Signing in with a typed code is not allowed here.", "Run login where there is a browser, or ask the person who runs Daypass."},
		UnknownUserCode: {AtBrowser, "No program waits under this code.", "Compare it with what the program shows. A code is good for ten minutes; after several wrong ones, wait as long."},
		BadAsk:          {AtBrowser, "What the program asks for is not acceptable.", "Update the program and run login again."},
	}
}
