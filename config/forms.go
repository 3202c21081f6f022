package config

// What editors can check of texts. The reader's own rules are in values.go.

func nameForm() form {
	return form{wordName.String(), "use up to 63 of a-z, 0-9 and -, with a letter or digit at both ends"}
}

func dottedForm() form {
	return form{dottedName.String(), "use up to 100 of a-z, 0-9, - and ., with a letter or digit at both ends"}
}

func variableForm() form {
	return form{variable.String(), "name an environment variable: capital letters, digits and _"}
}

func originForm() form {
	return form{`^https?://[^/?#@]+/?$`, "write scheme and host, such as https://daypass.example.com"}
}

func webForm() form {
	return form{`^https?://[^#@]+$`, "write a URL of https without user, password or # part"}
}

func postgresForm() form {
	return form{`^postgres(ql)?://`, "write a URL such as postgres://daypass@db.example.com/daypass?sslmode=verify-full"}
}

func listenForm() form {
	return form{`:[0-9]{1,5}$`, "write an address to listen on, such as 127.0.0.1:8080 or :8080"}
}

func networkForm() form {
	return form{`^[0-9A-Fa-f.:]+/[0-9]{1,3}$`, "write a network such as 203.0.113.0/24"}
}

func spanForm() form {
	return form{`^[+]?([0-9.]+(h|m|s|ms|us|µs|μs|ns))+$`, "write a duration such as 8h, 45m or 1h30m"}
}

func whoForm() form {
	return form{`^[^:]+:(.|\n)`, "write provider:name, such as okta:sre"}
}

func roleForm() form {
	return form{`^arn:[^:]+:iam:[^:]*:[^:]+:role/.`, "write an IAM role's ARN, such as arn:aws:iam::111122223333:role/NAME"}
}

func scopeTexts() form {
	return form{scopeForm.String(), "write each scope as an entry of its own"}
}

func wordForms() form {
	return form{`^[^ \n]+$`, "write each value as an entry of its own"}
}

func promptForm() form {
	const word = `(login|consent|select_account)`
	return form{`^` + word + `(\s+` + word + `)*$`, "write login, consent or select_account, or several with spaces between"}
}

func contextTexts() form {
	return form{`^([A-Za-z0-9._:/@+=,-]|\{(cluster|role|account|region)\})+$`, "use {cluster}, {role}, {account}, {region}, letters, digits and ._:/@+=,-"}
}
