// Kubernetes' API server, kubectl and etcd in one program, which runs the one whose name it is called by.
//
// Built from their Go modules, so that no container engine, no download at run time and no root is needed.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	kubectlcmd "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "etcd":
		fail(etcd(os.Args[1:]))
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kubectl":
		if err := cli.RunNoErrOutput(kubectlcmd.NewDefaultKubectlCommand()); err != nil {
			kubectlutil.CheckErr(err)
		}
	default:
		fail(fmt.Errorf("called as %s: call it as etcd, kube-apiserver or kubectl", name))
	}
}

// fail ends the program with the code for a wrong command line or a start that did not work.
func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}
