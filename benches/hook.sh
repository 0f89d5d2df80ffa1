#!/bin/sh
# How long git users wait for envsync, beside what git itself takes.
#
#   cargo build --release && benches/hook.sh [PROGRAM] [ROUNDS]
#
# Prints milliseconds a run, the mean of ROUNDS (200), for
#   git rev-parse HEAD     the yardstick: a process that opens the repository
#   no-op hook             post-checkout where the file holds the branch's environment already; at most twice the yardstick
#   switch of 100, 1000    post-checkout that puts another environment into the file; hardly more for ten times the keys
#
# Needs a POSIX shell and a `date` that knows nanoseconds (GNU, busybox). Everything happens in a directory of its own
# with a home of its own, which goes in the end. Compare two builds on one machine, never two machines.
set -eu

program=${1:-$(cd "$(dirname "$0")/.." && pwd)/target/release/git-envsync}
rounds=${2:-200}
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
lab=$(mktemp -d)
trap 'rm -rf "$lab"' EXIT
trap 'exit 1' INT TERM

HOME=$lab/home XDG_CONFIG_HOME=$lab/home/.config XDG_STATE_HOME=$lab/home/.state GIT_CONFIG_NOSYSTEM=1
PATH=$(dirname "$program"):$PATH
export HOME XDG_CONFIG_HOME XDG_STATE_HOME GIT_CONFIG_NOSYSTEM PATH
mkdir -p "$HOME"
git config --global user.name bench
git config --global user.email bench@example.com
git config --global init.defaultBranch main

# Prints the mean of running a command; what is printed by it is thrown away.
mean() {
	label=$1 times=$2
	shift 2
	start=$(date +%s%N)
	round=0
	while [ "$round" -lt "$times" ]; do
		"$@" >/dev/null 2>&1
		round=$((round + 1))
	done
	end=$(date +%s%N)
	printf '%-24s %6d.%03d ms\n' "$label" $(((end - start) / times / 1000000)) $(((end - start) / times / 1000 % 1000))
}

# Puts the other branch's environment into the file, without git's own work.
there_and_back() {
	git symbolic-ref HEAD refs/heads/staging
	"$program" hook post-checkout 0 1 1
	git symbolic-ref HEAD refs/heads/main
	"$program" hook post-checkout 0 1 1
}

symbolic_refs_alone() {
	git symbolic-ref HEAD refs/heads/staging
	git symbolic-ref HEAD refs/heads/main
}

# A repository with two environments of so many keys, all different, both committed on both branches.
repository() {
	git init -q "$lab/$1"
	cd "$lab/$1"
	git commit -q --allow-empty -m first
	git branch staging
	key=0
	while [ "$key" -lt "$1" ]; do
		printf '# about %s\nKEY_%s=value-%s\n' "$key" "$key" "$key"
		key=$((key + 1))
	done >.env
	"$program" init >/dev/null 2>&1
	git symbolic-ref HEAD refs/heads/staging
	"$program" push --yes >/dev/null
	sed 's/=value/=other/' .env >.env.new
	mv .env.new .env
	"$program" push >/dev/null
	git symbolic-ref HEAD refs/heads/main
	git add -A
	git commit -qm 'two environments' --no-verify
	git branch -f staging
	"$program" hook post-checkout 0 1 1
}

for keys in 100 1000; do
	repository "$keys" 2>/dev/null
	if [ "$keys" = 100 ]; then
		mean 'git rev-parse HEAD' "$rounds" git rev-parse HEAD
		mean 'no-op hook' "$rounds" "$program" hook post-checkout 0 1 1
		mean 'two symbolic-ref' "$rounds" symbolic_refs_alone
	fi
	mean "two switches of $keys" $((rounds / 10)) there_and_back
done
