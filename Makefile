# `make` alone prints this list. Everything here is one command that can be
# typed by hand as well; .ci/run is what a change must pass. What histories sets
# for Go only makes it faster.
.DEFAULT_GOAL := help
SHELL := /bin/bash
VERSION ?= dev
FUZZTIME ?= 60s
SCHEDULES ?= 200000
SEED ?= 1

help: ## print this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./car-publish
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o car-publish .

test: ## run all tests (no Docker, no network)
	go test ./...

race: ## run all tests under the race detector, in another order
	go test -race -shuffle=on ./...

cover: ## print one coverage figure: unit tests and stories together
	.ci/cover coverage.txt

fuzz: ## fuzz every target in turn, FUZZTIME (60s) each
	.ci/fuzz $(FUZZTIME)

histories: ## let SCHEDULES (200000) random histories meet the promises, from SEED (1) on: 40 minutes
	GODEBUG=asyncpreemptoff=1 GOGC=400 go test ./internal/publish -run 'TestSimulation$$' -v -timeout 24h -schedules $(SCHEDULES) -seed $(SEED)

lint: ## gofumpt, golangci-lint, actionlint
	.ci/lint

generate: ## write action.yml and the README's tables from the table of inputs
	go generate ./...

sim: ## start the simulator; it prints what to export
	go run ./cmd/carsim

e2e: ## publish real builds with the real image, through act, to the simulator (needs Docker)
	test/e2e/run

bench: ## measure, and write bench/RESULTS.md
	bench/run

fleet: ## a hundred publishes at once, and write bench/FLEET.md
	go run ./bench/fleet -o bench/FLEET.md

bombs: ## inspect archives that exhaust a machine, and write bench/BOMBS.md
	go run ./bench/bombs -o bench/BOMBS.md

bench-upload: ## measure the upload beside its rivals, and write bench/UPLOAD.md
	bench/upload/run

bench-folder: ## measure from a folder to the bucket beside zip and 7zz, and write bench/FOLDER.md
	bench/folder/run

gate: ## all of the above and more, as CI does it
	.ci/run

.PHONY: help build test race cover fuzz histories lint generate sim e2e bench bench-folder bench-upload bombs fleet gate
