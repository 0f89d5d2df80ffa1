#!/usr/bin/env python3
"""How long a command with a store on Amazon takes, beside other tools, when every request takes 40 ms.

    tests/run emulator                                             once: puts moto into target/moto
    cargo build --release
    target/moto/python benches/cloud.py [--program P] [--rounds N] [--hold MS]

Whole processes, on one machine, in one run: moto answers on loopback, and a proxy in between holds each request for so long
and counts them. Clients keep their connections; there is no TLS. Every run starts cold: our snapshots are removed first.
Prints, for each case and tool, requests, and milliseconds without and with the hold: the mean and the least of the rounds.
Other work on the machine moves the mean: compare the least. The last column is what holding added, in round trips.

A tool that is not installed is named and left out. One that ends with another status than 0, or does not print the last
value, is called failed and not timed.
"""

import argparse
import asyncio
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
KEYS = 100
REGION = "eu-central-1"


class Proxy:
    """Holds each request for a while, counts it, and passes it on."""

    def __init__(self, upstream):
        self.upstream, self.hold, self.counts = upstream, 0.0, {}
        self.ready = threading.Event()
        threading.Thread(target=lambda: asyncio.run(self.serve()), daemon=True).start()
        self.ready.wait()

    async def serve(self):
        server = await asyncio.start_server(self.client, "127.0.0.1", 0)
        self.url = "http://127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        self.ready.set()
        await server.serve_forever()

    async def client(self, reader, writer):
        try:
            while True:
                head, body = await message(reader)
                held = asyncio.create_task(asyncio.sleep(self.hold))
                target = header(head, b"x-amz-target") or head.split(b" ", 2)[1]
                name = target.decode().rsplit(".", 1)[-1]
                self.counts[name] = self.counts.get(name, 0) + 1
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
                up_writer.write(without_connection(head) + b"Connection: close\r\n\r\n" + body)
                head, body = await message(up_reader)
                up_writer.close()
                await held
                if header(head, b"content-length") is None:
                    head += b"Content-Length: %d\r\n" % len(body)
                writer.write(without_connection(head) + b"\r\n" + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def message(reader):
    """A request or an answer: its head without the empty line, and its body."""
    head = (await reader.readuntil(b"\r\n\r\n"))[:-2]
    length = header(head, b"content-length")
    if length is None and head.startswith(b"HTTP/"):
        return head, await reader.read()
    return head, await reader.readexactly(int(length or 0))


def header(head, name):
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(name + b":"):
            return line.split(b":", 1)[1].strip()
    return None


def without_connection(head):
    lines = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"connection:")]
    return b"\r\n".join(lines) + b"\r\n"


class Console:
    """boto3 beside the proxy; see tests/support/moto.py."""

    def __init__(self):
        python = os.environ.get("ENVSYNC_MOTO", sys.executable)
        script = str(ROOT / "tests/support/moto.py")
        self.process = subprocess.Popen([python, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def run(self, code):
        self.process.stdin.write(json.dumps(code) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            sys.exit(answer["error"])
        return answer["ok"]


class Bench:
    def __init__(self, program, lab):
        self.program, self.lab = program, lab
        self.console = Console()
        self.proxy = Proxy(self.console.port)
        home = lab / "home"
        home.mkdir()
        self.env = {
            "PATH": f"{program.parent}:{os.environ['PATH']}", "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_STATE_HOME": str(home / ".state"), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C", "NO_PROXY": "127.0.0.1",
            "AWS_ACCESS_KEY_ID": "canary-id", "AWS_SECRET_ACCESS_KEY": "canary-secret", "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_ENDPOINT_URL": self.proxy.url,
        }
        self.rows = []

    def sh(self, *command, cwd=None):
        ended = subprocess.run(command, cwd=cwd or self.lab, env=self.env, stdin=subprocess.DEVNULL, capture_output=True)
        if ended.returncode != 0:
            sys.exit(f"{' '.join(command)}: {ended.stderr.decode(errors='replace')}")

    def repository(self, name, kind, layout, path):
        """A repository whose environment `bench` lies there, accepted."""
        at = self.lab / name
        self.sh("git", "init", "-q", str(at))
        (at / ".envsync.toml").write_text(
            f'version = 1\n[[environment]]\nname = "bench"\nbranches = ["**"]\nstore = "cloud"\npath = "{path}"\n'
            f'[stores.cloud]\nkind = "{kind}"\nregion = "{REGION}"\nlayout = "{layout}"\n')
        (at / ".gitignore").write_text(".env\n")
        self.sh("git", "-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "-q", "--allow-empty", "-m", "first",
                cwd=at)
        if not (pathlib.Path(self.env["XDG_CONFIG_HOME"]) / "git-envsync/identity").exists():
            self.sh(str(self.program), "key", "generate", cwd=at)
        self.sh(str(self.program), "trust", "--yes", cwd=at)
        return at

    def measure(self, case, tool, command, cwd=None, env=None, before=None, shows=None):
        """Times a command in both weathers and keeps a row."""
        if shutil.which(str(command[0]), path=self.env["PATH"]) is None:
            self.rows.append((case, tool, "not installed: left out"))
            return
        columns, requests = [], None
        for hold in (0.0, self.hold):
            self.proxy.hold = hold
            times = []
            for round_number in range(self.rounds + 1):
                if before:
                    before()
                self.proxy.counts = {}
                start = time.perf_counter()
                try:
                    ended = subprocess.run([str(word) for word in command], cwd=cwd or self.lab,
                                           env={**self.env, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True,
                                           timeout=60)
                except subprocess.TimeoutExpired:
                    self.rows.append((case, tool, "failed: no end within 60 s"))
                    return
                took = (time.perf_counter() - start) * 1000
                if ended.returncode != 0 or (shows and shows.encode() not in ended.stdout):
                    said = ended.stderr.decode(errors="replace").strip().splitlines()
                    self.rows.append((case, tool, f"failed with {ended.returncode}: {said[-1] if said else 'no output'}"))
                    return
                # The first run of each is for the caches.
                if round_number:
                    times.append(took)
            requests = dict(self.proxy.counts)
            columns.append((statistics.mean(times), min(times)))
        self.rows.append((case, tool, requests, *columns))

    def report(self):
        print(f"{KEYS} keys, {self.rounds} rounds, {self.hold * 1000:.0f} ms held per request; milliseconds: mean (least)")
        case = None
        for row in self.rows:
            if row[0] != case:
                case = row[0]
                print(f"\n{case}")
            if len(row) == 3:
                print(f"  {row[1]:<24} {row[2]}")
                continue
            (_, tool, requests, (mean, least), (held_mean, held_least)) = row
            trips = (held_least - least) / (self.hold * 1000)
            counts = ", ".join(f"{count} {name}" for name, count in sorted(requests.items())) or "none"
            print(f"  {tool:<24} {mean:8.1f} ({least:.1f})  {held_mean:8.1f} ({held_least:.1f})  {trips:5.2f} trips  "
                  f"{sum(requests.values())} requests: {counts}")


def values(word):
    return {f"KEY_{number:03}": f"value-{word}-{number:03}" for number in range(KEYS)}


def cases(bench):
    last = f"value-a-{KEYS - 1:03}"
    bench.console.run(
        f"values = json.loads({json.dumps(json.dumps(values('a')))})\n"
        "for name in ('bench/json', 'bench/push', 'bench/copy'):\n"
        "    sm.create_secret(Name=name, SecretString=json.dumps(values))\n"
        "for key, value in values.items():\n"
        "    sm.create_secret(Name='bench/keys/' + key, SecretString=value)\n"
        "    ssm.put_parameter(Name='/bench/keys/' + key, Value=value, Type='SecureString')")
    program = bench.program
    read = [program, "run", "--", "env"]

    def cold(at):
        def forget():
            shutil.rmtree(at / ".git/envsync", ignore_errors=True)
        return forget

    bench.measure("nothing: the start of a process", "true", ["true"])
    bench.measure("nothing: the start of a process", "git-envsync --version", [program, "--version"])

    case = f"read a JSON secret of {KEYS} keys (one request is the least)"
    at = bench.repository("json", "aws-secrets-manager", "json", "bench/json")
    bench.measure(case, "git-envsync run", read, at, before=cold(at), shows=last)
    for tool, command, env in readers_of_json(bench):
        bench.measure(case, tool, command, env=env, shows=last)

    case = f"read {KEYS} secrets of one key each (a list and five batches)"
    at = bench.repository("keys", "aws-secrets-manager", "keys", "bench/keys")
    bench.measure(case, "git-envsync run", read, at, before=cold(at), shows=last)
    for tool, command, env in readers_of_secrets(bench):
        bench.measure(case, tool, command, env=env, shows=last)

    case = f"read {KEYS} parameters by path"
    at = bench.repository("path", "aws-parameter-store", "keys", "bench/keys")
    bench.measure(case, "git-envsync run", read, at, before=cold(at), shows=last)
    bench.measure(case, "chamber export", ["chamber", "export", "--format", "dotenv", "bench/keys"], shows=last)

    case = f"read {KEYS} parameters whose names are known"
    at = bench.repository("names", "aws-parameter-store", "keys", "bench/keys")
    (at / ".env.example").write_text("".join(f"{key}=\n" for key in values("a")))
    bench.measure(case, "git-envsync run", read, at, before=cold(at), shows=last)
    for tool, command, env in readers_of_parameters(bench):
        bench.measure(case, tool, command, env=env, shows=last)

    case = f"push {KEYS} changed keys into a JSON secret, safe against races"
    at = bench.repository("push", "aws-secrets-manager", "json", "bench/push")
    bench.sh(str(program), "pull", cwd=at)
    word = ["a"]

    def edit():
        word[0] = "b" if word[0] == "a" else "a"
        (at / ".env").write_text("".join(f"{key}={value}\n" for key, value in values(word[0]).items()))

    bench.measure(case, "git-envsync push", [program, "push"], at, before=edit)
    text = bench.lab / "copy.json"
    text.write_text(json.dumps(values("b")))
    bench.measure(case, "aws, blindly", ["aws", "secretsmanager", "put-secret-value", "--secret-id", "bench/copy",
                                         "--secret-string", f"file://{text}"])


def readers_of_json(bench):
    refs = bench.lab / "vals-json.yaml"
    refs.write_text("".join(f"{key}: ref+awssecrets://bench/json#/{key}\n" for key in values("a")))
    teller = bench.lab / "teller.yml"
    teller.write_text("providers:\n  aws:\n    kind: aws_secretsmanager\n    maps:\n      - id: bench\n        path: bench/json\n")
    return [
        ("vals env", ["vals", "env", "-f", refs], {}),
        ("chamber export", ["chamber", "--backend", "SECRETSMANAGER", "export", "--format", "dotenv", "bench/json"], {}),
        ("teller env", ["teller", "-c", teller, "env"], {}),
        ("fnox export", ["fnox", "-c", fnox(bench, "json"), "export"], {}),
        ("aws", ["aws", "secretsmanager", "get-secret-value", "--secret-id", "bench/json"], {}),
    ]


def readers_of_secrets(bench):
    refs = bench.lab / "vals-keys.yaml"
    refs.write_text("".join(f"{key}: ref+awssecrets://bench/keys/{key}\n" for key in values("a")))
    return [
        ("vals env", ["vals", "env", "-f", refs], {}),
        ("fnox export", ["fnox", "-c", fnox(bench, "keys"), "export"], {}),
    ]


def readers_of_parameters(bench):
    refs = bench.lab / "vals-parameters.yaml"
    refs.write_text("".join(f"{key}: ref+awsssm://bench/keys/{key}\n" for key in values("a")))
    return [
        ("vals env", ["vals", "env", "-f", refs], {}),
        ("fnox export", ["fnox", "-c", fnox(bench, "parameters"), "export"], {}),
    ]


def fnox(bench, what):
    """fnox wants every key listed."""
    kind, prefix = ("aws-ps", "/bench/keys/") if what == "parameters" else ("aws-sm", "bench/keys/")
    lines = [f'[providers.aws]\ntype = "{kind}"\nregion = "{REGION}"\n']
    if what != "json":
        lines.append(f'prefix = "{prefix}"\n')
    lines.append("[secrets]\n")
    for key in values("a"):
        where = f'value = "bench/json", json_path = "{key}"' if what == "json" else f'value = "{key}"'
        lines.append(f'{key} = {{ provider = "aws", {where} }}\n')
    path = bench.lab / f"fnox-{what}.toml"
    path.write_text("".join(lines))
    return path


def main():
    parser = argparse.ArgumentParser(description="Beside other tools, with a hold on every request.")
    parser.add_argument("--program", default=str(ROOT / "target/release/git-envsync"))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--hold", type=float, default=40, metavar="MS")
    wanted = parser.parse_args()
    program = pathlib.Path(wanted.program).resolve()
    if not program.exists():
        sys.exit(f"{program} is not there: cargo build --release")
    with tempfile.TemporaryDirectory() as lab:
        bench = Bench(program, pathlib.Path(lab))
        bench.rounds, bench.hold = wanted.rounds, wanted.hold / 1000
        cases(bench)
        bench.report()


if __name__ == "__main__":
    main()
