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

// Given is the value of an optional property or parameter, its zero value where there is none.
func Given[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Optional is v as an optional property: absent when it is zero.
func Optional[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
