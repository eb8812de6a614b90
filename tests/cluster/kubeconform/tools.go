//go:build tools

// Package tools pins kubeconform; `../build` compiles it.
package tools

import _ "github.com/yannh/kubeconform/cmd/kubeconform"
