//go:build tools

// Package tools pins kube-router, whose network policy controller enforces NetworkPolicies; `../build` compiles it.
package tools

import _ "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"
