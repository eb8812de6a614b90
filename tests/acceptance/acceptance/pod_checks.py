"""The questions about pods, which `rolebridge doctor` answers."""

from acceptance import aws
from acceptance.answer import NotAsked, judge
from acceptance.world import ACCOUNT, FARGATE, JWT, MAIN, PATH, PODS

AGENT = "http://169.254.170.23/v1/credentials"
TOKEN_FOLDER = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount"
TOKEN_NAME = "eks-pod-identity-token"
AUDIENCE = "pods.eks.amazonaws.com"
TRUST_EKS = {"Effect": "Allow", "Principal": {"Service": AUDIENCE}, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def pod(world, name, account=ACCOUNT, annotations=None, agent_audience=None):
    """Return a pod that does nothing. With `agent_audience` it has what EKS adds for Pod Identity."""
    container = {"name": "app", "image": world.options.image}
    spec = {"serviceAccountName": account, "terminationGracePeriodSeconds": 0, "containers": [container]}
    if agent_audience:
        container["env"] = [
            {"name": "AWS_CONTAINER_CREDENTIALS_FULL_URI", "value": AGENT},
            {"name": "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "value": f"{TOKEN_FOLDER}/{TOKEN_NAME}"},
        ]
        container["volumeMounts"] = [{"name": TOKEN_NAME, "mountPath": TOKEN_FOLDER, "readOnly": True}]
        token = {"audience": agent_audience, "expirationSeconds": 86400, "path": TOKEN_NAME}
        spec["volumes"] = [{"name": TOKEN_NAME, "projected": {"sources": [{"serviceAccountToken": token}]}}]
    annotations = {"rolebridge.io/inject": "true", "rolebridge.io/aws-region": world.options.region, **(annotations or {})}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "annotations": annotations}, "spec": spec}


def in_namespace(namespace, *objects):
    for item in objects:
        item["metadata"]["namespace"] = namespace
    return objects


def diagnose(world, kind, item):
    """Create a pod in the namespace of a kind, and diagnose it until no step fails."""
    world.cluster.apply(*in_namespace(kind.namespace, item))
    return world.cluster.doctor(kind.namespace, item["metadata"]["name"], lambda diagnosis: diagnosis.passes())


def deny_all_session_path(world):
    world.make(MAIN)
    diagnosis = diagnose(world, MAIN, pod(world, "main"))
    return judge(diagnosis.passes() and diagnosis.status("impersonation") == "ok", diagnosis.summary())


def role_with_path(world):
    world.make(PATH)
    diagnosis = diagnose(world, PATH, pod(world, "path"))
    caller = diagnosis.steps.get("signature", {}).get("evidence", {}).get("caller", "none")
    without_path = f":assumed-role/{world.role_name(PATH)}/" in caller
    bound = diagnosis.status("impersonation")
    found = f"AWS returns {caller}; impersonation by the binding to attribute.aws_role: {bound or 'not reached'}"
    if not diagnosis.passes():
        found += f"; {diagnosis.summary()}"
    return judge(without_path and bound == "ok", found)


def eks_auth_projected_token(world):
    associate(world)
    item = pod(world, "associated", annotations={"rolebridge.io/aws-credentials": "pod-identity"})
    try:
        diagnosis = diagnose(world, PODS, item)
    finally:
        created = world.console.try_run("kubectl", "--namespace", PODS.namespace, "get", "pod", "associated", "--output", "json").stdout
    if AGENT not in created:
        raise NotAsked("EKS added no variables of Pod Identity to the pod")
    return judge(diagnosis.passes() and diagnosis.status("impersonation") == "ok", diagnosis.summary())


def associate(world):
    """Make the role of a Pod Identity association, and the association."""
    cluster = require_cluster_name(world)
    world.make(PODS)
    name = world.role_name(PODS)
    role = world.console.run("aws", "iam", "get-role", "--role-name", name, "--query", "Role.AssumeRolePolicyDocument")
    policy = aws.json.loads(role)
    policy["Statement"].append(TRUST_EKS)
    document = ["--policy-document", aws.json.dumps(policy)]
    world.console.run("aws", "iam", "update-assume-role-policy", "--role-name", name, *document)
    eks = ["--cluster-name", cluster, "--namespace", PODS.namespace]
    command = ["aws", "eks", "create-pod-identity-association", *eks, "--service-account", ACCOUNT]
    made = world.console.try_run(*command, "--role-arn", world.role_arn(PODS), "--query", "association.associationId", "--output", "text")
    if made.returncode:
        raise NotAsked(f"the association cannot be made: {made.stderr.strip()}")
    removal = ["aws", "eks", "delete-pod-identity-association", "--cluster-name", cluster]
    world.removals.add(*removal, "--association-id", made.stdout.strip())


def require_cluster_name(world):
    if not world.options.eks_cluster:
        raise NotAsked("no --eks-cluster, so there is no EKS")
    return world.options.eks_cluster


def fargate(world):
    cluster = require_cluster_name(world)
    profiles = world.console.try_run("aws", "eks", "list-fargate-profiles", "--cluster-name", cluster, "--query", "fargateProfileNames[]", "--output", "text")
    if profiles.returncode:
        raise NotAsked(f"Fargate profiles cannot be listed: {profiles.stderr.strip()}")
    describe = ["aws", "eks", "describe-fargate-profile", "--cluster-name", cluster, "--query", "fargateProfile.selectors[].namespace"]
    names = profiles.stdout.split()
    selected = [world.console.run(*describe, "--output", "text", "--fargate-profile-name", name).split() for name in names]
    if not any(FARGATE.namespace in namespaces for namespaces in selected):
        raise NotAsked(f"no Fargate profile selects the namespace {FARGATE.namespace}")
    world.make(FARGATE)
    diagnosis = diagnose(world, FARGATE, pod(world, "fargate"))
    node = world.cluster.get("pod", "fargate", "--namespace", FARGATE.namespace)["spec"].get("nodeName", "none")
    return judge(node.startswith("fargate-") and diagnosis.passes(), f"node {node}; {diagnosis.summary()}")


def aws_denial_words(world):
    credentials = world.assume(JWT, policy=world.options.deny_all)
    try:
        world.sts.web_identity_token(credentials, "https:" + world.audience(JWT.provider), 300)
        return judge(False, "GetWebIdentityToken: AWS returned a token, although the policy denies everything")
    except aws.Rejected as error:
        found, as_expected = [f"GetWebIdentityToken: {error}"], error.code == "AccessDenied"
    if not world.options.agent:
        found.append("the agent was not asked: no --eks-cluster, and no agent of EKS Pod Identity")
        return judge(as_expected, "; ".join(found))
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "unassociated"}}
    annotations = {"rolebridge.io/aws-credentials": "pod-identity"}
    annotations["rolebridge.io/provider"] = world.audience(MAIN.provider).removeprefix("//iam.googleapis.com/")
    pods = [
        pod(world, name, "unassociated", annotations, audience)
        for name, audience in [("unassociated", AUDIENCE), ("wrong-audience", "sts.amazonaws.com")]
    ]
    world.cluster.apply(*in_namespace(JWT.namespace, account, *pods))
    for name in ("unassociated", "wrong-audience"):
        diagnosis = world.cluster.doctor(JWT.namespace, name, lambda diagnosis: diagnosis.status("role"))
        step = diagnosis.steps.get("role", {"message": diagnosis.summary(), "status": "not reached"})
        found.append(f"{name}: {step['message']}")
        as_expected &= step["status"] == "failed"
    return judge(as_expected, "; ".join(found))
