// Command kubectl is kubectl as it is released: what kubernetes/cmd/kubectl does
// is all in k8s.io/kubectl, which needs far less to be built. Each N.mod pins
// one version.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err) // tells it and exits
	}
}
