# Every target is listed by `make` alone: the words behind ## are what it says.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export GOFLAGS := -trimpath
TOOL := go tool -modfile=tools/go.mod

.PHONY: help
help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# What is built, for the figures it will print: Go itself writes it down in a plain clone only. Asked for at a build alone.
COMMIT = $(shell git rev-parse --short=12 HEAD 2>/dev/null)$(if $(shell git status --porcelain 2>/dev/null),-dirty)

.PHONY: build
build: ## builds bin/wanjia
	go build -ldflags "-s -w -X wanjia/internal/platform/build.commit=$(COMMIT)" -o bin/wanjia ./cmd/wanjia

.PHONY: run
run: build ## serves on 127.0.0.1:8080 with SQLite under ./data; the first start makes the demo subdistrict
	bin/wanjia serve --config configs/local.yaml

.PHONY: generate
generate: ## joins api/parts and generates Go from the contract
	@go -C tools run ./mergeapi $(addprefix ../,$(sort $(wildcard api/parts/*.yaml))) > api/openapi.yaml.new \
		|| { rm -f api/openapi.yaml.new; exit 1; }
	@mv api/openapi.yaml.new api/openapi.yaml
	@$(TOOL) oapi-codegen -config api/oapi-codegen.yaml api/openapi.yaml

# The race detector watches all code but SQLite as it was translated from C, its allocator, and the hashing of passwords:
# nothing of ours runs in there, and watched they take ten times as long as all the rest. Only packages without generic
# code can be left out: the linker keeps one copy of a generic function, and of an unwatched atomic the detector learns
# nothing. What stands between us and SQLite is watched, but for the arithmetic on pointers that C is made of.
RACE := -race $(foreach p,modernc.org/sqlite/lib modernc.org/memory golang.org/x/crypto/argon2 golang.org/x/crypto/blake2b,-gcflags=$(p)=-race=false) \
	$(foreach p,modernc.org/libc modernc.org/sqlite,-gcflags=$(p)=-d=checkptr=0)

# One test builds its package again, and finds everything built already if it builds as we do.
export WANJIA_TEST_BUILD := $(RACE)

.PHONY: test
test: bin/rig ## all tests with -race on SQLite, and on a private MariaDB and Redis (installed when missing and root)
	bin/rig go test $(RACE) -shuffle=on -count=1 -timeout 20m ./...

bin/rig: $(wildcard tools/rig/*.go) tools/go.mod
	@mkdir -p bin
	go -C tools build -o ../bin/rig ./rig

.PHONY: schema
schema: bin/rig ## writes schema.sql: what an empty MariaDB holds after all migrations
	bin/rig go test -count=1 -run TestTheSchemaIsWhatItsFileSays ./internal/platform/db -update

.PHONY: lint
lint: ## runs golangci-lint with our own rules
	$(TOOL) golangci-lint run ./...

.PHONY: check
check: generate ## generated files and schema.sql leave no difference; linters; vet
	git diff --exit-code -- api
	$(MAKE) -s schema
	git diff --exit-code -- internal/platform/db/schema.sql
	go vet ./...
	go -C tools vet ./...
	$(MAKE) -s lint

FUZZ ?= 1m
# Tests that kill something, lose something, or let many meet at once, by the words in their names; and the random trees.
FAULTS ?= V6|Kill|Die|Lost|Redis|AtOnce|Fifty|Parallel|Race|Retr|Replay|Migrat|Guard

.PHONY: nightly
nightly: bin/rig ## slow suites: faults and races five times over, then each fuzz target for FUZZ (1m)
	WANJIA_NIGHTLY=1 bin/rig go test $(RACE) -shuffle=on -count=5 -timeout 60m -run '$(FAULTS)' ./internal/...
	@grep -rEo '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' internal | sed 's|/[^/]*_test.go:func | |' | while read -r folder target; do \
		echo "fuzz $$folder $$target $(FUZZ)"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) "./$$folder" || exit 1; \
	done

.PHONY: bench
bench: build bin/rig ## measures on SQLite and on a private, durable MariaDB; figures go to out/figures
	@mkdir -p out/figures
	set -o pipefail; bin/wanjia bench api --json | tee -a out/figures/api.json
	set -o pipefail; bin/rig --disk bin/wanjia bench api --json --engine mysql | tee -a out/figures/api.json

SIZES ?= 100000,1000000,10000000

.PHONY: bench-grow
bench-grow: build bin/rig ## measures lists among up to ten million requests and visits (SIZES) on a private MariaDB
	@mkdir -p out/figures
	nice bin/rig --disk bin/wanjia bench grow --json --sizes $(SIZES) | tee -a out/figures/grow.json

.PHONY: bench-push
bench-push: build bin/rig ## measures push on a private, durable MariaDB and a real Redis, and on SQLite; figures go to out/figures
	@mkdir -p out/figures
	set -o pipefail; bin/rig --disk bin/wanjia bench push --json --engine mysql | tee -a out/figures/push.json
	set -o pipefail; bin/wanjia bench push --json --rounds single --repeat 1 | tee -a out/figures/push.json

.PHONY: clean
clean: ## removes what was built; never ./data
	rm -rf bin out
