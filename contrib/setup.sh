# Shell functions that quickstart and runtests share; sourced, with `root` set to the folder of the
# sources. Debian's package names; elsewhere the programs and libraries must be there already.
# shellcheck shell=sh disable=SC2154

BUILD_PACKAGES="autoconf automake pkg-config gcc libc6-dev make libevent-dev libhiredis-dev \
librabbitmq-dev libcjson-dev libssl-dev libsqlite3-dev uthash-dev libsystemd-dev"

say() {
    printf '%s\n' "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

missing_packages() {
    for package; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        "install ok installed") ;;
        *) printf '%s ' "$package" ;;
        esac
    done
}

# Installs those of the packages that are missing, whose names come to stand in `missing`; 1: it could
# not. Services that come with them are neither started now nor at the next boot; what runs already
# is left alone.
install_packages() {
    missing=
    command -v dpkg-query >/dev/null || return 0
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
        return 1
    fi
    say "installing $missing"
    policy=/usr/sbin/policy-rc.d
    made_policy=no
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made_policy=yes
    fi
    installed=yes
    # shellcheck disable=SC2086 # a list of words
    as_root env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get -qq update && apt-get -qq install -y --no-install-recommends "$@" >/dev/null' \
        apt-get $missing </dev/null || installed=no
    [ "$made_policy" = no ] || as_root rm -f "$policy"
    [ "$installed" = yes ] || return 1
    [ -d /run/systemd/system ] || return 0
    for service in redis-server rabbitmq-server prometheus; do
        case " $missing " in
        *" $service "*) as_root systemctl --quiet disable "$service" 2>/dev/null || : ;;
        esac
    done
}

need_packages() {
    install_packages "$@" || die "could not install these packages, do it as root: apt-get install $missing"
}

# Those without which it goes on, with less.
want_packages() {
    install_packages "$@" || say "could not install: $missing"
}

# Copies the sources to DIR, as they are on disk, so that nothing is ever written beside them. Of a
# git checkout that is what git tracks: what was not added is not tested either.
copy_sources() {
    mkdir -p "$1"
    # What an earlier copy has that is gone now; autoreconf's products may stay.
    (cd "$1" && rm -rf src include tests conf contrib doc man bench)
    if names=$(cd "$root" && git -c safe.directory='*' ls-files 2>/dev/null); then
        untracked=$(cd "$root" && git -c safe.directory='*' ls-files -o --exclude-standard)
        [ -z "$untracked" ] || say "left out, because git does not track it:" "$untracked"
        (cd "$root" && printf '%s\n' "$names" | while IFS= read -r name; do
            [ ! -f "$name" ] || printf '%s\n' "$name"
        done | tar -cf - -T -) | tar -xf - -C "$1"
    else
        (cd "$root" && tar -cf - --exclude=./.git .) | tar -xf - -C "$1"
    fi
}

# Runs a step with its output in a file; shows the end of it when the step fails.
quietly() {
    log=$1
    shift
    "$@" >"$log" 2>&1 && return 0
    say "failed: $*"
    grep -vE '^(  (CC|CCLD|AR|GEN) |checking |ar: )' "$log" | tail -n 60
    return 1
}
