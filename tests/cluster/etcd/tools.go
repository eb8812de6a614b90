//go:build tools

// Package tools pins etcd; `../build` compiles it. Debian's 3.4 will not do: the API server's consistent reads from
// its cache fail on it ("Too large resource version").
package tools

import _ "go.etcd.io/etcd/server/v3"
