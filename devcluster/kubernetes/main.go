// One binary holds the programs of Kubernetes that a node and its user need; argv[0] (or the first argument)
// chooses one.
//
// They share most of their code, so building them together takes a third of the time and of the disk
// that separate builds take. Nothing is patched: each case is the program's own main.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

const names = "kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubelet, kubectl"

func main() {
	name := filepath.Base(os.Args[0])
	command := program(name)
	if command == nil && len(os.Args) > 1 {
		os.Args = os.Args[1:]
		name = os.Args[0]
		command = program(name)
	}
	if command == nil {
		fmt.Fprintf(os.Stderr, "unknown program %q: one of %s\n", name, names)
		os.Exit(2)
	}
	os.Exit(run(name, command))
}

// program builds only the command that was asked for: building one registers its flags and metrics.
func program(name string) *cobra.Command {
	switch name {
	case "kube-apiserver":
		return apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		return controllermanager.NewControllerManagerCommand()
	case "kube-scheduler":
		return scheduler.NewSchedulerCommand()
	case "kube-proxy":
		return proxy.NewProxyCommand()
	case "kubelet":
		return kubelet.NewKubeletCommand(context.Background())
	case "kubectl":
		return cmd.NewDefaultKubectlCommand()
	}
	return nil
}

// run reports kubectl's errors as kubectl does (its exit codes carry meaning), the daemons' as they do.
func run(name string, command *cobra.Command) int {
	if name != "kubectl" {
		return cli.Run(command)
	}
	if err := cli.RunNoErrOutput(command); err != nil {
		util.CheckErr(err) // prints the error and exits
	}
	return 0
}
