//go:build tools

// Package tools pins the runner of the chart's unit tests; `../build` compiles it. Its `replace` of yaml-jsonpath does not
// apply to dependents, so go.mod repeats it.
package tools

import _ "github.com/helm-unittest/helm-unittest/cmd/helm-unittest"
