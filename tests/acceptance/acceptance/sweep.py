"""Removes what an interrupted run has left, by the names that only this program uses."""

from acceptance.world import KINDS, POOL_PREFIX, PREFIX


def sweep(world):
    """Remove the roles, pools, service accounts and namespaces of earlier runs."""
    console, removals = world.console, world.removals
    project = ["--project", world.options.project]
    listing = console.run("aws", "iam", "list-roles", "--query", "Roles[].RoleName", "--output", "text").split()
    for name in {world.role_name(kind) for kind in KINDS} & set(listing):
        removals.add("aws", "iam", "delete-role", "--role-name", name)
        for policy in ["acceptance", "rolebridge"]:
            removals.add("aws", "iam", "delete-role-policy", "--role-name", name, "--policy-name", policy)
    pools = "gcloud iam workload-identity-pools".split()
    where = [*project, "--location", "global"]
    for name in console.run(*pools, "list", *where, "--format", "value(name.basename())").split():
        if name.startswith(POOL_PREFIX):
            removals.add(*pools, "delete", name, *where, "--quiet")
    accounts = "gcloud iam service-accounts".split()
    if world.email in console.run(*accounts, "list", *project, "--format", "value(email)").split():
        removals.add(*accounts, "delete", world.email, *project, "--quiet")
    namespaces = console.run("kubectl", "get", "namespaces", "--output", "name").split()
    for kind in KINDS:
        if f"namespace/{kind.namespace}" in namespaces:
            removals.add("kubectl", "delete", "namespace", kind.namespace)
    if removals.commands:
        console.say(f"removing what an earlier run left: names that begin with {PREFIX} and {POOL_PREFIX}")
    return removals.run()
