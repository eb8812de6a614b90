//go:build tools

// Package tools pins modules whose custom resource definitions tests/chart/schemas.py reads. Nothing of them is compiled.
package tools
