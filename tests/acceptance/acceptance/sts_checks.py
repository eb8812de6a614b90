"""The questions that need no pod."""

import time

from acceptance import aws
from acceptance.answer import Unanswered, judge
from acceptance.world import JWT, MAIN, host_of

AGES = [4, 6, 14, 16]  # minutes
QUOTED = "AWS response"  # Google quotes AWS if it has called it


def deny_all_denies(world):
    plain, denied = world.assume(MAIN), world.assume(MAIN, policy=world.options.deny_all)
    # The role's policy takes time to reach all servers of AWS.
    deadline = time.monotonic() + world.options.timeout
    while not (control := world.sts.allows_decoding(plain))[0]:
        if time.monotonic() > deadline:
            raise Unanswered(f"the role's own policy does not allow the action: {control[1]}")
        time.sleep(2)
    allowed, words = world.sts.allows_decoding(denied)
    caller = world.sts.call("get_caller_identity", denied)["Arn"]
    found = f"without the policy: {control[1]}; with it: {words}; GetCallerIdentity returns {caller}"
    return judge(not allowed and ":assumed-role/" in caller, found)


def web_identity_token_policy(world):
    credentials = world.assume(JWT, policy=world.options.token_only)
    try:
        world.eventually(lambda: world.sts.web_identity_token(credentials, "https:" + world.audience(JWT.provider), 300))
    except aws.Rejected as error:
        return judge(False, str(error))
    allowed, words = world.sts.allows_decoding(credentials)
    return judge(not allowed, f"AWS returned a token; another action: {words}")


def google_takes_partitions(world):
    credentials, audience = world.assume(MAIN), world.audience(MAIN.provider)
    world.federated_token(credentials, audience)
    region = world.options.region
    hosts = [("sts.amazonaws.com", "us-east-1", True)]
    hosts += [(host_of(region), region, True) for region in (region, "af-south-1", "us-gov-west-1", "cn-north-1")]
    hosts += [("sts-fips.us-east-1.amazonaws.com", "us-east-1", False), (f"sts.{region}.api.aws", region, False)]
    found, as_expected = [], True
    for host, region, expected in hosts:
        headers = aws.signed_request(credentials, region, host, audience)
        reply = world.google.exchange(audience, aws.subject_token(headers))
        called = reply.status == 200 or QUOTED in reply.text
        words = "200" if reply.status == 200 else reply.words()
        found.append(f"{host} {'called' if called else 'not called'} ({words})")
        as_expected &= called is expected
    return judge(as_expected, "; ".join(found))


def other_account_words(world):
    audience = world.make_other_provider()
    credentials = world.assume(MAIN)
    deadline = time.monotonic() + world.options.timeout
    while True:  # a new provider takes time to reach all servers of Google
        headers = aws.signed_request(credentials, world.options.region, world.sts_host(), audience)
        reply = world.google.exchange(audience, aws.subject_token(headers))
        if reply.json.get("error") != "invalid_target" or time.monotonic() > deadline:
            return judge(reply.json.get("error") == "invalid_grant", reply.words() if reply.status != 200 else "200, accepted")
        time.sleep(2)


def introspect_without_client_authentication(world):
    token = world.federated_token(world.assume(MAIN), world.audience(MAIN.provider))
    reply = world.google.introspect(token)
    found = f"200, username {reply.json.get('username')}" if reply.status == 200 else reply.words()
    return judge(reply.status == 401, found)


def signature_age(world):
    credentials, audience = world.assume(MAIN), world.audience(MAIN.provider)
    world.federated_token(credentials, audience)
    endpoint = world.options.aws_sts_endpoint or f"https://{world.sts_host()}"
    found, accepted = [], {}
    for minutes in AGES:
        headers = aws.signed_request(credentials, world.options.region, world.sts_host(), audience, minutes * 60)
        direct = aws.send_signed(endpoint, headers)
        by_google = world.google.exchange(audience, aws.subject_token(headers))
        accepted[minutes] = direct.status == 200 and by_google.status == 200
        words = [f"{reply.status}" if reply.status == 200 else reply.words() for reply in (direct, by_google)]
        found.append(f"{minutes} minutes: AWS {words[0]}, by Google {words[1]}")
    return judge(accepted[AGES[0]], "; ".join(found))


def expired_federated_token(world):
    token, ends = world.short_token()
    before = world.google.generate_access_token(token, world.email)
    time.sleep(max(0, ends - time.monotonic()))
    reply = world.google.generate_access_token(token, world.email)
    found = f"before its end: {before.status}; after it: {reply.words()}"
    return judge(reply.status == 401 and reply.json.get("error", {}).get("status") == "UNAUTHENTICATED", found)
