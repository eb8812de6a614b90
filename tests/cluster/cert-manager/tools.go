//go:build tools

// Package tools pins cert-manager: the newest version whose programs are in a Go module. `../build` compiles it.
package tools

import (
	_ "github.com/cert-manager/cert-manager/cmd/cainjector"
	_ "github.com/cert-manager/cert-manager/cmd/controller"
)
