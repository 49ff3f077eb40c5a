# `make help` lists what there is. Targets may be run again at any time.

PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest

# The linters read the settings, so they need an environment; they connect to nothing.
LINT_ENV := ENVIRONMENT=development SERVICE=all PORT=3000 KAFKA_BROKERS=127.0.0.1:9092 KAFKA_CLIENT_ID=lint \
	MONGO_URI=mongodb://127.0.0.1:27017/ REDIS_URL=redis://127.0.0.1:6379/0 JWT_SECRET=only-for-the-linters-to-read-the-settings

# Of `make load-test`
RATE ?= 20
DURATION ?= 60s

.DEFAULT_GOAL := help
.PHONY: help install browser up down up-docker down-docker ps logs dev seed demo audit lint format tools contracts test test\:unit test\:contract test\:simulation test\:integration test\:security test\:fuzz test\:browser screenshots test\:ui test\:system test\:docs test\:chaos bench bench-full load-test

help: ## Lists these commands
	@sed -n 's/^\([a-z:\\-]*\): .*## /\1\t/p' Makefile | sed 's/\\//g' | expand -t 20

install: ## Fetches what is missing (on Debian, as root, its packages too)
	@deploy/local/install.sh

up: install ## Starts everything in the background and waits until it is ready
	@$(PYTHON) -m deploy.local up

down: ## Stops everything
	@$(PYTHON) -m deploy.local down

ps: ## One line a process: name pid state
	@$(PYTHON) -m deploy.local ps

logs: ## Follows the logs
	@$(PYTHON) -m deploy.local logs

up-docker: ## The same in containers (compose.yaml); Docker has to be there
	@[ -f .env ] || { sed "s|^JWT_SECRET=.*|JWT_SECRET=$$(openssl rand -base64 48)|" .env.example >.env; chmod 600 .env; }
	docker compose up --build --detach --wait

down-docker: ## Stops the containers; their data stays in volumes
	docker compose down

dev: install ## Everything, restarted when the code changes
	@$(PYTHON) -m deploy.local up --reload

seed: ## The demo's users and products
	@$(PYTHON) manage.py seed

demo: install ## From nothing to orders through every branch; leaves the pipeline up
	@ORDER_DEADLINE_SECONDS=$${ORDER_DEADLINE_SECONDS:-120} $(PYTHON) -m deploy.local up
	@ORDER_DEADLINE_SECONDS=$${ORDER_DEADLINE_SECONDS:-120} $(PYTHON) manage.py demo
	@echo "The pipeline stays up (make ps, make logs). End it with: make down"

audit: ## Proves the promises from the databases and the gateway's ledger
	@$(PYTHON) manage.py audit

lint: install ## Style, types and structure
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(LINT_ENV) $(PYTHON) -m mypy ecommerce orders inventory payments shipping frontend deploy
	.venv/bin/lint-imports
	@deploy/local/install.sh ui_lint

format: install ## Puts the code into its form
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .

browser:
	@deploy/local/install.sh browser

tools:
	@deploy/local/install.sh browser kustomize compose prometheus

test: tools lint ## All tests that a change must pass, two files at a time, each with servers of its own
	@deploy/local/install.sh ui_test
	$(PYTEST) -n 2 --dist loadfile --ignore tests/docs/test_documents.py

test\:unit: tools ## The fast ones, without servers
	$(PYTEST) tests/unit

test\:contract: install ## The events' schemas, as committed, against the code and each other
	$(PYTEST) tests/contract tests/unit/ecommerce/contracts

contracts: install ## Writes JSON Schemas, AsyncAPI and OpenAPI from the code; refuses what breaks a published version
	@$(LINT_ENV) $(PYTHON) manage.py contracts

test\:simulation: install ## Random schedules of all four services in memory (SIMULATION_SCHEDULES, SIMULATION_SEED)
	$(PYTEST) tests/simulation

test\:integration: tools ## On real servers
	$(PYTEST) tests/integration

test\:security: browser ## What nobody may do: roles, limits, tokens, headers, OWASP's ten
	$(PYTEST) tests/security

test\:ui: ## The dashboard's own, without a browser
	@deploy/local/install.sh ui_test

test\:browser: browser ## The back office and the dashboard in Chromium
	$(PYTEST) tests/browser

test\:fuzz: install ## The API against its own description, 5,000 cases and more (FUZZ_EXAMPLES)
	FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-100} $(PYTEST) tests/api/test_fuzz.py

screenshots: browser ## Those of the dashboard's documents
	@mkdir -p docs/images/dashboard
	SCREENSHOTS=docs/images/dashboard $(PYTEST) tests/browser/test_dashboard_pages.py

test\:system: tools ## The whole pipeline as processes
	$(PYTEST) tests/system

test\:docs: install ## Each command of each document, on a copy of this tree with ports of its own
	$(PYTEST) tests/docs

test\:chaos: install ## Kill points × branches of the saga, then outages (CHAOS_SEED): var/chaos/report.txt
	CHAOS=full $(PYTEST) tests/chaos
	CHAOS=full TEST_NODES=3 $(PYTEST) tests/chaos

bench: install ## The pipeline against a floor on bare drivers, in turn, in one run: var/bench/report.txt (14 minutes)
	$(PYTHON) -m tests.load --sizes 1000 100000 --small-repeat 3 --pages 1000 100000 --watchers 1000

bench-full: install ## The same for longer, with 10,000 orders there before too, with 1, 2 and 4 consumers a service, and what bare drivers do that keep as much
	$(PYTHON) -m tests.load --keeper --seconds 15 --sizes 1000 10000 100000 --consumers 1 2 4 --small-orders 5000 --small-repeat 3 \
		--pages 1000 1000000 --watchers 1000 --watched-seconds 600

load-test: install ## A storefront's customers on the running pipeline: RATE=20 requests a second for DURATION=60s, then the audit
	@RATE=$(RATE) $(PYTHON) -m locust -f tests/load/storefront.py --headless -u 20 -r 20 -t $(DURATION) \
		--host http://127.0.0.1:$(or $(PORT),3000) --stop-timeout 10; \
	status=$$?; $(PYTHON) manage.py audit && exit $$status
