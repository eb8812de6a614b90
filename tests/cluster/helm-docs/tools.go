//go:build tools

// Package tools pins helm-docs; `../build` compiles it.
package tools

import _ "github.com/norwoodj/helm-docs/cmd/helm-docs"
