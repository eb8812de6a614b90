//go:build tools

// Package tools pins promtool; `../build` compiles it.
package tools

import _ "github.com/prometheus/prometheus/cmd/promtool"
