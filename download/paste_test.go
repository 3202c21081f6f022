package download_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/daypass/daypass/download"
)

func offersOf(system string) (out []download.Offer) {
	for _, b := range download.Builds() {
		if b.OS == system {
			out = append(out, download.Offer{Build: b, Size: 1, SHA256: strings.Repeat("0a1b2c3d", 8)})
		}
	}
	return out
}

// TestNoShellReadsIntoThePaste holds it to what is the same within the single
// quotes of bash, dash, zsh and fish. That it works there is for the tests of
// web, which run it.
func TestNoShellReadsIntoThePaste(t *testing.T) {
	for _, system := range []string{"linux", "darwin"} {
		p, err := download.Paste("https://daypass.example.com", "/client/download", offersOf(system))
		must(t, err)
		within, ok := strings.CutPrefix(p, "sh -c '")
		within, end := strings.CutSuffix(within, "'\n")
		if !ok || !end || regexp.MustCompile(`['\\!]|[^\n -~]|\n\n`).MatchString(within) {
			t.Errorf("%s:\n%s", system, p)
		}
		if !strings.Contains(p, `"https://daypass.example.com/client/download/$file"`) || strings.Count(p, offersOf(system)[0].SHA256) != 2 {
			t.Errorf("%s does not fetch what it should:\n%s", system, p)
		}
	}
}

// TestThePasteForPowerShellByItsWrittenRules does not run it: there is no
// PowerShell here. It is held to about_Quoting_Rules, about_Switch and
// about_Parsing: one block, plain characters, no line that ends early, literals
// between single quotes, and what it fetches, compares and replaces.
func TestThePasteForPowerShellByItsWrittenRules(t *testing.T) {
	p, err := download.Paste("https://daypass.example.com:8443", "/client/download", offersOf("windows"))
	must(t, err)
	if !strings.HasPrefix(p, "& {\n") || !strings.HasSuffix(p, "\n}\n") || regexp.MustCompile(`[^\n -~]|\n\n|[`+"`"+`@]|\[[A-Z]`).MatchString(p) {
		t.Errorf("a console would read it otherwise:\n%s", p)
	}
	depth := 0
	for i, line := range strings.Split(strings.TrimSuffix(p, "\n"), "\n") {
		if strings.Count(line, "'")%2 != 0 || strings.Count(line, `"`)%2 != 0 {
			t.Errorf("a quote is left open: %s", line)
		}
		depth += strings.Count(line, "{") - strings.Count(line, "}")
		if last := strings.Count(p, "\n") - 1; depth < 1 && i != last || depth < 0 {
			t.Errorf("the block ends in line %d: %s", i+1, line)
		}
	}
	if depth != 0 {
		t.Errorf("%d braces are left open", depth)
	}
	in := 0
	for _, want := range []string{
		"$ErrorActionPreference = 'Stop'\n",
		"    'AMD64' { 'kubectl-daypass-windows-amd64.exe'\n        '" + offersOf("windows")[0].SHA256 + "' }\n",
		"    'ARM64' { 'kubectl-daypass-windows-arm64.exe'\n        '" + offersOf("windows")[1].SHA256 + "' }\n",
		"default { throw ",
		"$from = \"https://daypass.example.com:8443/client/download/$file\"\n",
		"-Uri $from -OutFile $new\n",
		"if ((Get-FileHash -Algorithm SHA256 -LiteralPath $new).Hash -ne $sum) {\n    Remove-Item -Force -LiteralPath $new\n    throw ",
		"& $new version\nif ($LASTEXITCODE) {\n    Remove-Item -Force -LiteralPath $new\n    throw ",
		"Move-Item -Force -LiteralPath $new -Destination ",
	} {
		at := strings.Index(p[in:], want)
		if at < 0 {
			t.Fatalf("it lacks, or has in another place, %s\n%s", want, p)
		}
		in += at + len(want)
	}
}

func TestOnlyPlainTextGoesIntoAPaste(t *testing.T) {
	for _, site := range []string{"https://daypass.example.com", "http://127.0.0.1:8484", "http://[::1]:8080"} {
		for _, system := range []string{"linux", "darwin", "windows"} {
			if _, err := download.Paste(site, "/client/download", offersOf(system)); err != nil {
				t.Errorf("%s on %s: %v", site, system, err)
			}
		}
	}
	for _, site := range []string{"", "https://a'b", `https://a"b`, "https://a$b", "https://a`b", "https://a\nb", "https://a b", "https://a/b", "https://a;b", "https://a\\b", "ftp://a", "https://a!b", "https://ü"} {
		if p, err := download.Paste(site, "/client/download", offersOf("linux")); err == nil {
			t.Errorf("%q was taken:\n%s", site, p)
		}
	}
	hostile := offersOf("linux")
	hostile[0].SHA256 = "0'; rm -rf ~; '"
	mixed := append(offersOf("linux"), offersOf("windows")...)
	for claim, offers := range map[string][]download.Offer{"a hostile checksum": hostile, "two systems": mixed, "nothing": nil} {
		if p, err := download.Paste("https://daypass.example.com", "/client/download", offers); err == nil {
			t.Errorf("%s was taken:\n%s", claim, p)
		}
	}
}
