package main

import (
	"context"

	genericapiserver "k8s.io/apiserver/pkg/server"
)

// signals is the context that the kubelet's own main uses: it ends on SIGTERM and SIGINT.
func signals() context.Context { return genericapiserver.SetupSignalContext() }
