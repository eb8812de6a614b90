#!/usr/bin/env python3
"""lifetimes.py LIFETIME ACCOUNT...: succeeds if each service account of the namespace `lifetimes` outlived two of its lifetimes.

Reads the events of the fake clouds, one JSON object a line. LIFETIME is that of sessions and tokens, in seconds. Each account
must have got sessions of its role, federated tokens and impersonated tokens over more than two lifetimes, and no call of it may
have been refused.
"""

import datetime
import json
import sys

lifetime, accounts = int(sys.argv[1]), sys.argv[2:]
lines = [line for line in sys.stdin if line.startswith('{"')]
events = [json.loads(line) for line in lines]
problems, summary = [], []
refused = [event for event in events if event["error"] and "lifetimes" in json.dumps(event)]
problems += [f"refused: {json.dumps(event)}" for event in refused]
for account in accounts:
    subjects = (f'system:serviceaccount:lifetimes:{account}"', f'assumed-role/lifetimes/lifetimes.{account}"')
    counts = []
    for operation in ("AssumeRoleWithWebIdentity", "ExchangeToken", "GenerateAccessToken"):
        own = [event for event in events if event["operation"] == operation and any(s in json.dumps(event) for s in subjects)]
        times = [datetime.datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp() for event in own]
        span = round(max(times, default=0) - min(times, default=0))
        if span <= 2 * lifetime:
            problems.append(f"{account}: {operation}: {len(own)} calls in {span} s, expected more than {2 * lifetime} s")
        counts.append(len(own))
    summary.append(f"{account}: {counts[0]} sessions, {counts[1]} federated and {counts[2]} impersonated tokens")
print("\n".join(problems or ["; ".join(summary)]))
sys.exit(bool(problems))
