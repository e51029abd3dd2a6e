# shellcheck shell=bash
# What scripts/dev and scripts/test share: finding or installing what the build and the services need.

say() {
    printf '\033[1m==>\033[0m %s\n' "$*" >&2
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif have sudo; then
        sudo "$@"
    else
        fail "This needs root: run \`$*\` as root (sudo is not installed), then start again."
    fi
}

has_postgres() {
    local program
    have postgres && return
    for program in /usr/lib/postgresql/*/bin/postgres /usr/pgsql-*/bin/postgres \
        /opt/homebrew/opt/postgresql*/bin/postgres /usr/local/opt/postgresql*/bin/postgres \
        /home/linuxbrew/.linuxbrew/opt/postgresql*/bin/postgres; do
        [ -x "$program" ] && return
    done
    return 1
}

has_redis() {
    local program
    have redis-server || have valkey-server && return
    for program in /opt/homebrew/opt/redis/bin/redis-server /usr/local/opt/redis/bin/redis-server; do
        [ -x "$program" ] && return
    done
    return 1
}

# Debian starts a server, and makes a database cluster, when a server package is installed. Ours are private, so the
# system's are kept from starting, now and at boot.
apt_install() {
    local quiet=/usr/sbin/policy-rc.d cluster=/etc/postgresql-common/createcluster.d/ironmonger.conf own_quiet=
    export DEBIAN_FRONTEND=noninteractive
    as_root apt-get update -qq
    if [ ! -e "$quiet" ]; then
        own_quiet=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$quiet" >/dev/null
        as_root chmod 755 "$quiet"
    fi
    as_root mkdir -p "${cluster%/*}"
    printf 'create_main_cluster = false\n' | as_root tee "$cluster" >/dev/null
    local failed=
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 || failed=yes
    as_root rm -f "$cluster"
    if [ -n "$own_quiet" ]; then
        as_root rm -f "$quiet"
    fi
    if [ -n "$failed" ]; then
        fail "apt-get could not install: $*"
    fi
    if [ -d /run/systemd/system ] && [[ " $* " == *" redis-server "* ]]; then
        as_root systemctl disable --quiet redis-server || true
    fi
}

# install NAME...: what is missing of postgres, redis, cc, faketime; by the system's own names for them.
install() {
    local packages=() name
    if have apt-get; then
        for name in "$@"; do
            case $name in
                postgres) packages+=(postgresql) ;;
                redis) packages+=(redis-server) ;;
                cc) packages+=(gcc libc6-dev) ;;
                faketime) packages+=(libfaketime) ;;
            esac
        done
        say "Installing ${packages[*]} by apt-get"
        apt_install "${packages[@]}"
    elif have dnf; then
        for name in "$@"; do
            case $name in
                postgres) packages+=(postgresql-server postgresql-contrib) ;;
                # Newer releases have its successor instead.
                redis) if dnf -q info redis >/dev/null 2>&1; then packages+=(redis); else packages+=(valkey); fi ;;
                cc) packages+=(gcc glibc-devel) ;;
                faketime) packages+=(libfaketime) ;;
            esac
        done
        say "Installing ${packages[*]} by dnf"
        as_root dnf install -y -q "${packages[@]}" >&2
    elif have brew; then
        for name in "$@"; do
            case $name in
                postgres) packages+=(postgresql@16) ;;
                redis) packages+=(redis) ;;
                cc) fail "There is no C compiler: run \`xcode-select --install\`, then start again." ;;
            esac
        done
        say "Installing ${packages[*]} by Homebrew"
        brew install --quiet "${packages[@]}" >&2
    else
        fail "Install PostgreSQL (15 or newer), Redis and a C compiler, then start again: \
neither apt-get, dnf nor brew is here to do it. Missing: $*."
    fi
}

# need_services DATABASE_URL REDIS_URL: a server that is named by a variable needs no installation.
need_services() {
    local missing=()
    [ -n "$1" ] || has_postgres || missing+=(postgres)
    [ -n "$2" ] || has_redis || missing+=(redis)
    have cc || missing+=(cc)
    if [ "${#missing[@]}" -gt 0 ]; then
        install "${missing[@]}"
    fi
}

# For the test of workers whose clocks are wrong, which runs on Linux only.
need_faketime() {
    local library
    [ "$(uname)" = Linux ] || return 0
    for library in /usr/lib/*/faketime/libfaketimeMT.so.1 /usr/lib64/faketime/libfaketimeMT.so.1 \
        /usr/lib/faketime/libfaketimeMT.so.1; do
        [ -e "$library" ] && return
    done
    install faketime
}

need_cargo() {
    if ! have cargo && [ -f "${HOME:-}/.cargo/env" ]; then
        # shellcheck disable=SC1091
        . "${HOME:-}/.cargo/env"
    fi
    have cargo || fail "Rust is not installed: get it from https://rustup.rs, then start again."
}

# Where cargo puts what it builds, whoever decides that: a variable, a configuration file or nobody.
target_dir() {
    cargo metadata --format-version 1 --no-deps --offline | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}
