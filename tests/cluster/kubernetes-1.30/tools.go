//go:build tools

// Package tools pins an API server of another Kubernetes version; `../build` compiles it, and `../policies/run` tests the
// chart's policies against it.
package tools

import (
	_ "k8s.io/kubernetes/cmd/kube-apiserver"
)
