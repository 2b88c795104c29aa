# Every target is listed by `make` alone: the words behind ## are what it says.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export GOFLAGS := -trimpath
TOOL := go tool -modfile=tools/go.mod

.PHONY: help
help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## builds bin/wanjia
	go build -ldflags "-s -w" -o bin/wanjia ./cmd/wanjia

.PHONY: generate
generate: ## joins api/parts and generates Go from the contract
	@go -C tools run ./mergeapi $(addprefix ../,$(sort $(wildcard api/parts/*.yaml))) > api/openapi.yaml.new \
		|| { rm -f api/openapi.yaml.new; exit 1; }
	@mv api/openapi.yaml.new api/openapi.yaml
	@$(TOOL) oapi-codegen -config api/oapi-codegen.yaml api/openapi.yaml
