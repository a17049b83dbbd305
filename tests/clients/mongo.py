"""Looks into a database of documents and changes it, for tests that ask the same of every store.

    mongo.py URL sql "select count(*) from users"   the few statements the tests use, rows as `|` joined lines
    mongo.py URL python "db.users.find_one()"       anything, by an expression over `db`
    mongo.py URL earlier MINUTES                    moves codes, mail and counters of attempts back in time
"""

import datetime
import re
import sys

import pymongo
from bson import json_util

SELECT = re.compile(r"select (?P<what>.+?) from (?P<table>\w+)(?: where (?P<where>.+?))?(?: limit \d+)?$")
DELETE = re.compile(r"delete from (?P<table>\w+)(?: where (?P<where>.+))?$")
UPDATE = re.compile(r"update (?P<table>\w+) set (?P<column>\w+) = (?P<value>.+?)(?: where (?P<where>.+))?$")
# Tables that stand inside other documents.
WITHIN = {"team_memberships": ("users", "teams"), "one_time_codes": ("users", "codes"), "user_identities": ("users", "identities")}


def condition(text):
    """`a = 'x'`, `a is null` or `a is not null`, joined by `and`."""
    wanted = {}
    for part in text.split(" and ") if text else []:
        if found := re.fullmatch(r"(\w+) = (.+)", part):
            wanted[found[1]] = value(found[2])
        elif found := re.fullmatch(r"(\w+) is (not )?null", part):
            wanted[found[1]] = {"$ne": None} if found[2] else None
        else:
            raise SystemExit(f"not understood: {part}")
    return wanted


def value(text):
    if text == "null":
        return None
    return text[1:-1] if text.startswith("'") else int(text)


def rows(db, table, where):
    if table not in WITHIN:
        return list(db[table].find({**condition(where), "state": {"$ne": "gone"}} if table == "mail" else condition(where)))
    collection, field = WITHIN[table]
    inner = [row for document in db[collection].find() for row in document.get(field, [])]
    return [row for row in inner if all(row.get(name) == wanted for name, wanted in condition(where).items())]


def sql(db, statement):
    if found := SELECT.match(statement):
        chosen = rows(db, found["table"], found["where"])
        if found["what"] == "count(*)":
            return [str(len(chosen))]
        if found["what"] == "*":
            return [repr(sorted(row.items())) for row in chosen]
        return ["" if row.get(found["what"]) is None else str(row[found["what"]]) for row in chosen]
    if found := DELETE.match(statement):
        db[found["table"]].delete_many(condition(found["where"]))
        return []
    if found := UPDATE.match(statement):
        change = {"$set": {found["column"]: value(found["value"])}, "$inc": {"ledger.revision": 1}}
        db[found["table"]].update_many(condition(found["where"]), change)
        return []
    raise SystemExit(f"not understood: {statement}")


def earlier(db, minutes):
    span = datetime.timedelta(minutes=minutes)

    def move(holder, *names):
        for name in names:
            if holder.get(name) is not None:
                holder[name] -= span

    for user in db.users.find({"codes.0": {"$exists": True}}):
        for code in user["codes"]:
            move(code, "expires_at")
            move(code.get("grant") or {}, "expires_at")
        db.users.update_one({"_id": user["_id"]}, {"$set": {"codes": user["codes"]}, "$inc": {"ledger.revision": 1}})
    for throttle in db.signin_throttles.find():
        move(throttle, "blocked_until", "updated_at", "forget_at")
        throttle["ledger"]["revision"] += 1
        db.signin_throttles.replace_one({"_id": throttle["_id"]}, throttle)
    for mail in db.mail.find({"state": {"$ne": "gone"}}):
        move(mail, "due_at", "expires_at")
        db.mail.replace_one({"_id": mail["_id"]}, mail)


def main(url, task, text):
    client = pymongo.MongoClient(url, uuidRepresentation="standard")
    db = client.get_default_database()
    if task == "sql":
        print("\n".join(sql(db, text)))
    elif task == "python":
        print(json_util.dumps(eval(text, {"db": db, "client": client}), default=str))
    else:
        earlier(db, int(text))


main(*sys.argv[1:])
