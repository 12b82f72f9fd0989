// What a control plane needs to become a cluster with a node, as Kubernetes has it: the scheduler and the kubelet, in one program.
package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

const usage = `usage: node COMMAND ...

  kube-scheduler ...
  kubelet ...
`

func main() {
	if len(os.Args) < 2 {
		fail()
	}
	switch os.Args[1] {
	case "kube-scheduler":
		command := scheduler.NewSchedulerCommand()
		command.SetArgs(os.Args[2:])
		os.Exit(cli.Run(command))
	case "kubelet":
		command := kubelet.NewKubeletCommand(context.Background())
		command.SetArgs(os.Args[2:])
		os.Exit(cli.Run(command))
	default:
		fail()
	}
}

func fail() {
	fmt.Fprint(os.Stderr, usage)
	os.Exit(2)
}
