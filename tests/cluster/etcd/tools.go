//go:build tools

// Package tools pins etcd; `../build` compiles it. Debian's version 3.4 is too old: the API server's consistent reads
// from its cache fail with it ("Too large resource version").
package tools

import _ "go.etcd.io/etcd/server/v3"
