#!/usr/bin/env python3
"""Fills a SQLite store with people, moves it SQLite -> PostgreSQL -> MongoDB -> SQLite, and says how long each step took.

    cargo build --release -p doorward --features full
    TEST_POSTGRES_URL=postgres://… TEST_MONGODB_URL=mongodb://… target/test-venv/bin/python bench/moving.py [--people 100000]

That Python is the one of `scripts/test`, which has a client of MongoDB. The databases are made on those servers and
dropped. A server that is not named is left out of the way. Every step ends with Doorward's own comparison, and the checksums
of the last store are held against those of the first.
"""

import argparse
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid

from measure import TARGET

NOW = int(time.time() * 1000)
DAY = 86_400_000


def identifier(rng, at):
    """A UUID of version 7."""
    return uuid.UUID(int=(at << 80) | (7 << 76) | (rng.getrandbits(12) << 64) | (2 << 62) | rng.getrandbits(62)).bytes


def fill(path, people, rng):
    """People with an identity and a membership each, a session with a retired token, and two lines of the audit log."""
    connection = sqlite3.connect(path)
    teams = [(identifier(rng, NOW), f"Team {number}", None, 1, NOW, 1) for number in range(50)]
    domains = [(identifier(rng, NOW), f"domain-{number}", f"Domain {number}", None, 1, NOW, 1) for number in range(20)]
    domains = [(*domain[:3], domains[number - 10][0] if number > 9 else None, *domain[4:])
               for number, domain in enumerate(domains)]
    many = connection.executemany
    many("insert into teams (id, name, external_ref, is_active, created_at, version) values (?, ?, ?, ?, ?, ?)", teams)
    many("insert into domains (id, key, name, parent_domain_id, is_active, created_at, version)"
         " values (?, ?, ?, ?, ?, ?, ?)", domains)
    for number in range(people):
        at = NOW - rng.randrange(300 * DAY)
        user, session, email = identifier(rng, at), identifier(rng, at), f"person{number}@example.com"
        name, roles = f"Person {number}", json.dumps(["admin"] if number % 1000 == 0 else [])
        password = "$argon2id$v=19$m=19456,t=2,p=1$" + rng.randbytes(16).hex() + "$" + rng.randbytes(32).hex()
        connection.execute(
            "insert into users (id, email, email_key, email_verified_at, name, password_hash, roles, status, search_text,"
            " created_at, updated_at, last_signin_at, version) values (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?, 1)",
            (user, email, email, at, name, password, roles, f"{email}\n{name.lower()}", at, at, at))
        connection.execute("insert into user_identities values ('https://idp.example.com', ?, ?)", (f"subject-{number}", user))
        connection.execute("insert into team_memberships values (?, ?, 'member')", (user, rng.choice(teams)[0]))
        connection.execute("insert into user_domains values (?, ?)", (user, rng.choice(domains)[0]))
        connection.execute(
            "insert into sessions (id, user_id, surface, method, created_at, last_seen_at, authenticated_at, expires_at,"
            " address, user_agent, credential_hash, refresh_generation, credential_expires_at)"
            " values (?, ?, 'signin', 'password', ?, ?, ?, ?, '192.0.2.7', 'Mozilla/5.0', ?, 1, ?)",
            (session, user, at, at, at, NOW + 30 * DAY, rng.randbytes(32), NOW + 7 * DAY))
        connection.execute("insert into retired_refresh_tokens (session_id, refresh_hash, generation, salt, retired_at)"
                           " values (?, ?, 0, ?, ?)", (session, rng.randbytes(32), rng.randbytes(16), at))
        for action in ("user.signed_up", "session.started"):
            connection.execute(
                "insert into audit_events (id, at, action, actor_kind, actor_id, subject) values (?, ?, ?, 'user', ?, ?)",
                (identifier(rng, at), at, action, user, str(uuid.UUID(bytes=user))))
    connection.commit()
    connection.close()


def doorward(binary, folder, *arguments):
    """Runs a command to its end; what it printed and how long it took."""
    started = time.monotonic()
    command = [binary, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout, time.monotonic() - started


def checksums(binary, folder, url):
    """The table of a store's checksums, without the moment it was taken at."""
    return doorward(binary, folder, "store", "checksum", "--at", url)[0].split("\nas of")[0]


def empty_databases(name):
    """An empty database on each server that is named, and how it is dropped."""
    if postgres := os.environ.get("TEST_POSTGRES_URL"):
        psql = lambda statement: subprocess.run(["psql", "-Xqc", statement, postgres], check=True)
        psql(f"create database {name}")
        yield "PostgreSQL", f"{postgres.rsplit('/', 1)[0]}/{name}", lambda: psql(f"drop database {name} with (force)")
    if mongodb := os.environ.get("TEST_MONGODB_URL"):
        import pymongo  # Only needed where there is such a server.
        server, _, parameters = mongodb.partition("?")
        client = pymongo.MongoClient(mongodb)
        yield "MongoDB", f"{server.rstrip('/')}/{name}?{parameters}", lambda: client.drop_database(name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--binary", default=TARGET / "doorward")
    options = parser.parse_args()
    binary = pathlib.Path(options.binary).resolve()
    name = f"doorward_moving_{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="doorward-moving-") as folder:
        first = f"sqlite:{folder}/first.db"
        doorward(binary, folder, "migrate", "--set", f"store.url={first}")
        fill(f"{folder}/first.db", options.people, random.Random(1))
        between = list(empty_databases(name))
        try:
            way = [("SQLite", first), *((engine, url) for engine, url, _ in between), ("SQLite", f"sqlite:{folder}/last.db")]
            for (one, source), (other, target) in zip(way, way[1:]):
                _, seconds = doorward(binary, folder, "store", "copy", "--from", source, "--to", target)
                print(f"{one} to {other}: {seconds:.1f} s", flush=True)
            began, ended = (checksums(binary, folder, url) for _, url in (way[0], way[-1]))
            print(began)
            if began != ended:
                sys.exit(f"the last store has other checksums:\n{ended}")
            print("the last store has the same checksums")
        finally:
            for _, _, drop in between:
                drop()


if __name__ == "__main__":
    main()
