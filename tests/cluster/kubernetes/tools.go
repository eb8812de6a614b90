//go:build tools

// Package tools pins the parts of Kubernetes; `../build` compiles them.
//
// k8s.io/kubernetes asks for its staging modules at version 0.0.0, hence the `replace` lines of go.mod. Another
// version: change 1.35.4 and 0.35.4 there, then `go mod tidy`.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
