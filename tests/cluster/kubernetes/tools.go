//go:build tools

// Package tools pins the components of Kubernetes; `../build` compiles them.
//
// k8s.io/kubernetes requires its staging modules at version 0.0.0, hence the `replace` lines in go.mod. To change the
// version, replace 1.35.4 and 0.35.4 there and run `go mod tidy`.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
	_ "k8s.io/kubernetes/cmd/kube-controller-manager"
	_ "k8s.io/kubernetes/cmd/kube-proxy"
	_ "k8s.io/kubernetes/cmd/kube-scheduler"
	_ "k8s.io/kubernetes/cmd/kubectl"
	_ "k8s.io/kubernetes/cmd/kubelet"
)
