package download

import (
	"fmt"
	"regexp"
	"strings"
)

// origin is what stands unquoted within the pastes without a meaning to any
// shell: scheme, host and port, as the configuration takes them.
var origin = regexp.MustCompile(`^https?://[A-Za-z0-9.:\[\]-]+$`)

// plain are names and checksums, likewise.
var plain = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// Paste is one paste that fetches the program for the machine it runs on,
// installs it if it has the checksum, and ends by running it. Folder is where
// the files are, below a site; the offers are those of one system.
func Paste(site, folder string, offers []Offer) (string, error) {
	if len(offers) == 0 {
		return "", ErrNone
	}
	if !origin.MatchString(site) {
		return "", fmt.Errorf("%q cannot stand in a paste", site)
	}
	for _, o := range offers {
		if !plain.MatchString(o.File()) || !plain.MatchString(o.SHA256) || o.OS != offers[0].OS {
			return "", fmt.Errorf("%q cannot stand in a paste", o.File())
		}
	}
	if offers[0].OS == "windows" {
		return fmt.Sprintf(powerShell, site+folder, arms(offers, "    '%[1]s' { '%[2]s'\n        '%[3]s' }\n")), nil
	}
	system, check := "Linux", "sha256sum"
	if offers[0].OS == "darwin" {
		system, check = "Darwin", "shasum -a 256"
	}
	return fmt.Sprintf(shell, site+folder, arms(offers, `"`+system+" %[1]s\")\n    file=%[2]s\n    sum=%[3]s;;\n"), check), nil
}

func arms(offers []Offer, form string) string {
	var b strings.Builder
	for _, o := range offers {
		for _, machine := range machines(o.Build) {
			fmt.Fprintf(&b, form, machine, o.File(), o.SHA256)
		}
	}
	return b.String()
}

// machines are what systems call their machines: uname -m, and on Windows
// PROCESSOR_ARCHITECTURE
// (https://learn.microsoft.com/windows/win32/winprog64/wow64-implementation-details#environment-variables).
func machines(b Build) []string {
	switch b {
	case Build{"windows", "amd64"}:
		return []string{"AMD64"}
	case Build{"windows", "arm64"}:
		return []string{"ARM64"}
	case Build{"linux", "arm64"}:
		return []string{"aarch64"}
	case Build{"darwin", "arm64"}:
		return []string{"arm64"}
	}
	return []string{"x86_64"}
}

// shell is read by sh, whatever shell it is pasted into. Within single quotes
// bash, dash, zsh and fish read nothing, so it has no quote of that kind, no
// backslash, which fish reads even there, and no exclamation mark.
//
// The new program lies beside the old one until it is checked, and then takes
// its place as a whole: one that runs goes on. curl follows no redirect, so
// that nobody is asked but this site.
const shell = `sh -c 'set -eu
case "$(uname -s) $(uname -m)" in
%[2]s*)
    echo "This is not for $(uname -s) on $(uname -m). Nothing was installed." >&2
    exit 1;;
esac
mkdir -p "$HOME/.local/bin"
cd "$HOME/.local/bin"
new=$(mktemp .kubectl-daypass.XXXXXX)
trap "rm -f $new" EXIT
trap "exit 1" HUP INT TERM
curl --fail --silent --show-error --globoff --output "$new" "%[1]s/$file"
echo "$sum  $new" | %[3]s -c - || {
    echo "The download does not have the checksum. Nothing was installed." >&2
    exit 1
}
chmod 0755 "$new"
"./$new" version
mv -f "$new" kubectl-daypass
case ":$PATH:" in
*":$HOME/.local/bin:"*) ;;
*) echo "Now put $HOME/.local/bin on your PATH, where kubectl looks for it.";;
esac
'
`

// powerShell is for Windows PowerShell 5.1 and PowerShell 7. It is a single
// block, so that a console that runs line by line runs it whole, and it stops
// at the first thing that fails. Like the other pastes it calls commands and
// no .NET methods. A process that is translated on its machine finds out what
// that is by PROCESSOR_ARCHITEW6432. The bar that shows progress makes 5.1
// slow.
const powerShell = `& {
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$machine = $env:PROCESSOR_ARCHITECTURE
if ($env:PROCESSOR_ARCHITEW6432) { $machine = $env:PROCESSOR_ARCHITEW6432 }
$file, $sum = switch ($machine) {
%[2]s    default { throw "This is not for $machine. Nothing was installed." }
}
$folder = Join-Path $env:LOCALAPPDATA 'Programs\daypass'
$null = New-Item -ItemType Directory -Force -Path $folder
$new = Join-Path $folder 'kubectl-daypass.new.exe'
$from = "%[1]s/$file"
Invoke-WebRequest -UseBasicParsing -MaximumRedirection 0 -Uri $from -OutFile $new
if ((Get-FileHash -Algorithm SHA256 -LiteralPath $new).Hash -ne $sum) {
    Remove-Item -Force -LiteralPath $new
    throw 'The download does not have the checksum. Nothing was installed.'
}
& $new version
if ($LASTEXITCODE) {
    Remove-Item -Force -LiteralPath $new
    throw 'The program does not run here. Nothing was installed.'
}
Move-Item -Force -LiteralPath $new -Destination (Join-Path $folder 'kubectl-daypass.exe')
if (($env:PATH -split ';') -notcontains $folder) { "Now put $folder on your PATH, where kubectl looks for it." }
}
`
