// One program, many commands: it only chooses which of them to run.
//
// What the project's tests and demonstrations need of Kubernetes is built from its Go modules into a single program, so that no container engine, no
// download at run time and no root is needed.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

const usage = `usage: controlplane COMMAND ...

  etcd STATE_DIR CLIENT_URL PEER_URL   ends when standard input closes, and removes STATE_DIR
  kube-apiserver ...                   ends when standard input closes
  kube-controller-manager ...          ends when standard input closes
  leash COMMAND ...                    runs COMMAND, and ends it when standard input closes
  serviceaccount-key FILE              writes a new RSA key
  kubectl ...                          also when called by the name kubectl
`

func main() {
	// Through a link named kubectl, programs that look for kubectl on the PATH find it.
	if filepath.Base(os.Args[0]) == "kubectl" {
		os.Exit(kubectl())
	}
	if len(os.Args) < 2 {
		fail(usage)
	}
	name, args := os.Args[1], os.Args[2:]
	switch name {
	case "etcd":
		etcd(args)
	case "kube-apiserver":
		os.Exit(apiServer(args))
	case "kube-controller-manager":
		os.Exit(controllerManager(args))
	case "leash":
		os.Exit(leash(args))
	case "serviceaccount-key":
		serviceAccountKey(args)
	case "kubectl":
		os.Args = os.Args[1:]
		os.Exit(kubectl())
	default:
		fail(usage)
	}
}

// fail ends the program with a message and the code for a wrong command line or a start that did not work.
func fail(message any) {
	fmt.Fprintln(os.Stderr, message)
	os.Exit(2)
}
