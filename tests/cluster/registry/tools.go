//go:build tools

// Package tools pins the container registry that the cluster's tests push a release to; `../build registry` compiles it.
package tools

import (
	_ "github.com/distribution/distribution/v3/cmd/registry"
)
