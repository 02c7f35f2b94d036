#!/bin/sh
# deps.sh build|demo|test|bench: see that what is needed is installed.
#
# On Debian and its kin missing packages are named and installed: by root at
# once, by others through sudo when they say yes. Elsewhere what is missing is
# printed. No service is started, nothing installed is removed.
set -u

build='gcc make pkg-config libc6-dev libncurses-dev libssl-dev libetpan-dev liblmdb-dev libutf8proc-dev
	libgsasl-dev|libgsasl7-dev libseccomp-dev libgumbo-dev zlib1g-dev'
demo="$build python3 dovecot-imapd util-linux"
test="$demo libcmocka-dev libvterm-dev groff-base openssl procps binutils strace autoconf"
bench="$test"
# Where packages have other names: what pkg-config and the path must know.
build_pkgs='ncursesw openssl libetpan lmdb libutf8proc libgsasl libseccomp gumbo zlib'
test_pkgs='cmocka vterm'

say() { printf '%s\n' "$*" >&2; }

installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# The packages of the list that are not there. Of a|b one is enough.
missing() {
	# shellcheck disable=SC2046
	there=" $(dpkg-query -W -f='${db:Status-Status}:${Package}\n' $(echo "$*" | tr '|' ' ') 2>/dev/null |
		sed -n 's/^installed://p' | tr '\n' ' ') "
	for entry; do
		found=
		for p in $(echo "$entry" | tr '|' ' '); do
			case $there in *" $p "*) found=1 ;; esac
		done
		[ -n "$found" ] || printf '%s ' "$entry"
	done
}

# Of a|b the first that apt knows.
pick() {
	for entry; do
		chosen=${entry%%|*}
		for p in $(echo "$entry" | tr '|' ' '); do
			if apt-cache show "$p" >/dev/null 2>&1; then chosen=$p; break; fi
		done
		printf '%s ' "$chosen"
	done
}

has_lists() {
	for f in /var/lib/apt/lists/*_Packages*; do [ -e "$f" ] && return 0; done
	return 1
}

# Run by root. A server that comes as a package must not start by itself: not
# now (policy-rc.d) and not with the next boot.
install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	policy=/usr/sbin/policy-rc.d made= had_dovecot=
	installed dovecot-core && had_dovecot=1
	if [ ! -e $policy ]; then
		made=1
		trap 'rm -f $policy; exit 1' HUP INT TERM
		printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy
	fi
	status=0 updated=
	has_lists || { apt-get -q update >&2; updated=1; }
	# shellcheck disable=SC2046
	apt-get -q -y --no-install-recommends --no-remove install $(pick "$@") >&2 || {
		# Lists may be older than what the mirror still has.
		[ -n "$updated" ] || apt-get -q update >&2
		apt-get -q -y --no-install-recommends --no-remove install $(pick "$@") >&2 || status=1
	}
	[ -z "$made" ] || rm -f $policy
	if [ -z "$had_dovecot" ] && installed dovecot-core && command -v systemctl >/dev/null; then
		systemctl disable dovecot.service dovecot.socket >/dev/null 2>&1
	fi
	return $status
}

elsewhere() {
	lacking=
	for c in gcc pkg-config; do command -v $c >/dev/null || lacking="$lacking $c"; done
	for p in $1; do pkg-config --exists "$p" 2>/dev/null || lacking="$lacking $p"; done
	# Not every path leads to sbin.
	for c in $2; do
		command -v "$c" >/dev/null || [ -x "$c" ] || [ -x "/usr/sbin/$c" ] || lacking="$lacking $c"
	done
	[ -z "$lacking" ] && return 0
	say "These libraries (by their pkg-config name) and programs are missing:$lacking"
	return 1
}

case ${1:-} in
build) list=$build pkgs=$build_pkgs programs= ;;
demo) list=$demo pkgs=$build_pkgs programs='python3 /usr/lib/dovecot/imap' ;;
test | bench)
	list=$test pkgs="$build_pkgs $test_pkgs"
	programs='python3 dovecot openssl setpriv unshare readelf strace groff autoconf' ;;
--install) shift; install_packages "$@"; exit ;;
*) say "usage: deps.sh build|demo|test|bench"; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	elsewhere "$pkgs" "$programs"
	exit
fi
# shellcheck disable=SC2086
lacking=$(missing $list)
[ -n "$lacking" ] || exit 0
say "These packages are needed and not installed:"
say "    $lacking"
if [ "$(id -u)" = 0 ]; then
	install_packages $lacking || exit 1
elif command -v sudo >/dev/null && [ -t 0 ]; then
	printf 'Install them with sudo apt-get? [y/N] ' >&2
	read -r answer
	case $answer in [yY]*) ;; *) exit 1 ;; esac
	sudo sh "$0" --install $lacking || exit 1
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null && [ -n "${CI:-}" ]; then
	sudo -n sh "$0" --install $lacking || exit 1
else
	say "As root:  apt-get install --no-install-recommends $lacking"
	exit 1
fi
# shellcheck disable=SC2086
lacking=$(missing $list)
[ -z "$lacking" ] || { say "still missing: $lacking"; exit 1; }
