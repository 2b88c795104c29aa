// Package api is the contract: the document that clients read, and the Go generated from it.
//
// The document is written first, in parts/<feature>.yaml, and joined by `make generate`.
package api

import _ "embed"

// ContractVersion is info.version of the document. It changes when a client written for the one before would break.
const ContractVersion = "1"

// Document is openapi.yaml, the whole contract.
//
//go:embed openapi.yaml
var Document []byte
