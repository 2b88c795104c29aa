// Package api is the contract: the document that clients read, and the Go generated from it.
//
// The document is written first, in parts/<feature>.yaml, and joined by `make generate`.
package api

import _ "embed"

// Document is openapi.yaml, the whole contract.
//
//go:embed openapi.yaml
var Document []byte
