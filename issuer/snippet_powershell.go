package issuer

import (
	"bytes"
	"fmt"
	"strings"
)

// PowerShell is one paste for Windows PowerShell 5.1 and PowerShell 7. It is a
// single block, so that a console that runs line by line runs it whole, and it
// stops at the first thing that fails.
//
// It calls commands and no .NET methods: locked-down machines allow those only
// (about_Language_Modes, ConstrainedLanguage). On Windows a file is private by
// its folder, which is taken out of what it would inherit (icacls,
// /inheritance:r); elsewhere by its mode.
func PowerShell(k Kubeconfig) (Snippet, error) {
	body := k.Reveal()
	if !verbatim(body) {
		var err error
		if body, err = spelled(body); err != nil {
			return Snippet{}, fmt.Errorf("write the snippet for %s: %w", k.Context, err)
		}
	}
	text := fmt.Sprintf(powerShell, FileName(k.Context), bytes.TrimRight(body, "\n"))
	return Snippet{Kubeconfig{s: &text, Context: k.Context}}, nil
}

// $IsWindows is not known to 5.1, which is why the version is asked first.
// https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_automatic_variables
const powerShell = ` & {
$ErrorActionPreference = 'Stop'
$folder = Join-Path $HOME '.kube/daypass'
$file = Join-Path $folder '%[1]s'
$windows = $PSVersionTable.PSVersion.Major -lt 6 -or $IsWindows
$null = New-Item -ItemType Directory -Force -Path $folder
if ($windows) { $null = icacls.exe $folder /inheritance:r /grant:r "${env:USERDOMAIN}\${env:USERNAME}:(OI)(CI)F" } else { chmod 700 $folder }
if ($LASTEXITCODE -ne 0) { throw "$folder could not be made private" }
if (Test-Path -LiteralPath $file) { Remove-Item -Force -LiteralPath $file }
$null = New-Item -ItemType File -Path $file
if (-not $windows) { chmod 600 $file }
Set-Content -LiteralPath $file -Encoding Ascii -Value @'
%[2]s
'@
$env:KUBECONFIG = $file
kubectl auth whoami
}
`

// verbatim reports whether a single-quoted here-string keeps a text as it is,
// and every PowerShell writes it alike. Nothing is read within one; it ends at
// a line that begins with a quote, of any typographic kind, and an at sign.
// https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules#here-strings
func verbatim(b []byte) bool {
	for line := range strings.Lines(string(b)) {
		if line[0] == '\'' || line == "\n" { // an empty line ends what old consoles read
			return false
		}
	}
	return !bytes.ContainsFunc(b, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' })
}
