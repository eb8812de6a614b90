"""Check what the product assumes of the clouds against the vendors' packages: their models, documents and libraries.

Each test is a judge of `tests/doc-sync/facts.yaml`. The product's constants are read from its sources.
"""

import inspect
import json
import pathlib
import re
import unittest
from importlib import resources

import aws_models
import botocore
import google.auth
from botocore.session import Session
from botocore.utils import ContainerMetadataFetcher, IMDSFetcher, InstanceMetadataFetcher
from discovery import Document
from google.auth import aws

ROOT = pathlib.Path(__file__).resolve().parents[2]


def source(path):
    return (ROOT / path).read_text(encoding="utf-8")


def constant(path, name):
    """Return the value of a Rust constant: a number or a text."""
    value = re.search(rf"const {name}: [^=]+=\s*(.+?);\n", source(path), re.DOTALL)[1]
    if value.startswith("r#"):
        return value[3:-2]
    return json.loads(value) if value.startswith('"') else int(value.replace("_", ""))


def google_auth_source(name):
    return resources.files(google.auth).joinpath(name).read_text(encoding="utf-8")


def sts_input(operation, name):
    return aws_models.model("sts").operation_model(operation).input_shape.members[name]


class AwsTest(unittest.TestCase):
    def test_session_name_has_the_models_limits(self):
        name = sts_input("AssumeRoleWithWebIdentity", "RoleSessionName")
        self.assertEqual(constant("src/inject/src/settings/session_name.rs", "MAX_SESSION_LEN"), name.metadata["max"])
        symbols = re.search(r'b"(.+?)"\.contains', source("src/core/src/aws.rs"))[1]
        allowed = aws_models.pattern(name.metadata["pattern"])
        accepted = {chr(code) for code in range(256) if allowed.fullmatch(chr(code))}
        ascii_alphanumeric = {chr(code) for code in range(128) if chr(code).isalnum()}
        self.assertEqual(accepted, ascii_alphanumeric | set(symbols))

    def test_session_policies_are_shorter_than_the_models_limit(self):
        limit = sts_input("AssumeRoleWithWebIdentity", "Policy").metadata["max"]
        self.assertEqual(limit, 2048)
        for name in ["DENY_ALL_SESSION_POLICY", "GET_WEB_IDENTITY_TOKEN_SESSION_POLICY"]:
            policy = constant("src/core/src/aws.rs", name)
            self.assertEqual(json.loads(policy)["Version"], "2012-10-17")
            self.assertLessEqual(len(policy), limit)

    def test_session_seconds_are_within_the_models_limits(self):
        limits = sts_input("AssumeRoleWithWebIdentity", "DurationSeconds").metadata
        seconds = constant("src/sidecar/src/aws/sts.rs", "SESSION_SECONDS")
        self.assertTrue(limits["min"] <= seconds <= limits["max"], seconds)

    def test_web_identity_token_has_the_models_parameters(self):
        operation = aws_models.model("sts").operation_model("GetWebIdentityToken")
        self.assertEqual(operation.input_shape.required_members, ["Audience", "SigningAlgorithm"])
        duration = operation.input_shape.members["DurationSeconds"].metadata
        self.assertEqual((duration["min"], duration["max"]), (60, 3600))
        self.assertEqual(operation.input_shape.members["Audience"].metadata["max"], 10)
        self.assertIn("RS256", operation.input_shape.members["SigningAlgorithm"].documentation)
        self.assertIn("ES384", operation.input_shape.members["SigningAlgorithm"].documentation)

    def test_every_error_of_the_model_is_classified(self):
        code = source("src/sidecar/src/aws/error.rs")
        sts = aws_models.Sts()
        for name in ["AssumeRoleWithWebIdentity", "GetWebIdentityToken"]:
            for error in sts.errors(sts.operation(name)):
                # A session that is longer than allowed and a token that is too large cannot happen to the sidecar.
                if error not in ("SessionDurationEscalationException", "JWTPayloadSizeExceededException"):
                    known = f'"{error}"' in code or f'"{error.removesuffix("Exception")}"' in code
                    self.assertTrue(known, error)

    def test_throttling_is_what_botocore_retries(self):
        rules = Session().get_data("_retry")["definitions"]["throttling"]["applies_when"]["response"]
        self.assertEqual(rules, {"service_error_code": "Throttling", "http_status_code": 400})

    def test_caller_identity_needs_no_parameter(self):
        operation = aws_models.model("sts").operation_model("GetCallerIdentity")
        self.assertFalse(operation.input_shape.members)
        self.assertIn("No permissions are required", operation.documentation)

    def test_partitions_are_botocores(self):
        partitions = Session().get_data("partitions")["partitions"]
        names = set(re.findall(r'name: "(aws[a-z-]*)"', source("src/core/src/aws.rs")))
        self.assertEqual(names, {partition["id"] for partition in partitions})
        text = source("src/core/src/aws.rs")
        for partition in partitions:
            ours = re.search(rf'name: "{partition["id"]}",\s*dns_suffix: "(.+?)"', text)
            self.assertEqual(ours[1], partition["outputs"]["dnsSuffix"], partition["id"])

    def test_regions_belong_to_the_partitions_of_the_prefixes(self):
        prefixes = re.findall(
            r'name: "(aws[a-z-]*)".+?region_prefixes: &\[(.*?)\]', source("src/core/src/aws.rs"), re.DOTALL
        )
        for partition in Session().get_data("partitions")["partitions"]:
            for region in partition["regions"]:
                if region.endswith("-global"):
                    continue
                claimed = [name for name, list_ in prefixes if any(region.startswith(it) for it in re.findall('"(.+?)"', list_))]
                self.assertEqual(claimed or ["aws"], [partition["id"]], region)

    def test_sts_hosts_are_botocores(self):
        session = Session()
        suffixes = dict(re.findall(r'name: "(aws[a-z-]*)",\s*dns_suffix: "(.+?)"', source("src/core/src/aws.rs")))
        for partition in suffixes:
            for region in session.get_available_regions("sts", partition_name=partition):
                client = session.create_client("sts", region_name=region)
                self.assertEqual(client.meta.endpoint_url, f"https://sts.{region}.{suffixes[partition]}")

    def test_agent_is_where_botocore_expects_it(self):
        uri = constant("src/core/src/aws.rs", "POD_IDENTITY_URI")
        self.assertIn(uri.split("/")[2], ContainerMetadataFetcher._ALLOWED_HOSTS)
        # botocore refuses an address that is not the agent's.
        ContainerMetadataFetcher()._validate_allowed_url(uri)
        with self.assertRaises(ValueError):
            ContainerMetadataFetcher()._validate_allowed_url("http://169.254.170.24/v1/credentials")

    def test_agent_forwards_the_models_errors(self):
        errors = aws_models.EksAuth().errors
        for code, status in [("AccessDeniedException", 400), ("ResourceNotFoundException", 404)]:
            self.assertEqual(errors[code]["httpStatusCode"], status)

    def test_imds_headers_are_the_libraries(self):
        fetcher, text = InstanceMetadataFetcher(), google_auth_source("aws.py").lower()
        self.assertEqual(fetcher._TOKEN_PATH, "latest/api/token")
        self.assertEqual(fetcher._URL_PATH, "latest/meta-data/iam/security-credentials/")
        botocores = inspect.getsource(IMDSFetcher)
        for name in ["SESSION_TTL_HEADER", "SESSION_TOKEN_HEADER"]:
            header = constant("src/core/src/imds.rs", name)
            self.assertIn(f"'{header}'", botocores)
            self.assertIn(f'"{header}"', text)


class GoogleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.iam, cls.sts, cls.credentials = Document("iam.v1"), Document("sts.v1"), Document("iamcredentials.v1")

    def description(self, document, schema, name):
        return document.schemas[schema]["properties"][name]["description"]

    def parameter(self, method_id, name):
        method = next(method for method, _ in self.iam.methods if method["id"] == method_id)
        return method["parameters"][name]["description"]

    def test_pool_and_provider_ids_have_4_to_32_characters(self):
        pools = "iam.projects.locations.workloadIdentityPools"
        for method, name in [
            (f"{pools}.create", "workloadIdentityPoolId"),
            (f"{pools}.providers.create", "workloadIdentityPoolProviderId"),
        ]:
            text = self.parameter(method, name)
            self.assertIn("4-32 characters, and may contain the characters", text)
            self.assertIn("`[a-z0-9-]`", text.replace("[a-z0-9-]", "`[a-z0-9-]`").replace("``", "`"))
            self.assertIn("prefix `gcp-` is reserved", text)
        rule = constant("src/core/src/google.rs", "POOL_ID")
        self.assertTrue(rule.startswith("4 to 32 lower-case letters, digits and hyphens"), rule)
        self.assertIn("gcp-", rule)

    def test_subject_has_at_most_127_bytes(self):
        text = self.description(self.iam, "WorkloadIdentityPoolProvider", "attributeMapping")
        self.assertIn("Cannot exceed 127 bytes", text)
        self.assertEqual(constant("src/core/src/google.rs", "MAX_SUBJECT_LEN"), 127)

    def test_default_mapping_is_the_documents(self):
        text = self.description(self.iam, "WorkloadIdentityPoolProvider", "attributeMapping")
        default = text.split("the following default mapping applies: ```")[1].split("```")[0]
        expression = "".join(re.findall(r'"([^"]*)"', default.split('"attribute.aws_role":')[1]))
        fake = source("tests/fake-clouds/src/google/provider/mod.rs")
        fake = re.sub(r"\\\n\s*", "", fake)
        self.assertIn(expression.replace(" ", ""), fake.replace(" ", ""))
        self.assertIn('"google.subject":"assertion.arn"', default)

    def test_condition_and_mapping_have_the_documents_limits(self):
        condition = self.description(self.iam, "WorkloadIdentityPoolProvider", "attributeCondition")
        self.assertIn("maximum length of the `attribute_condition` expression is 4,096 characters", condition)
        mapping = self.description(self.iam, "WorkloadIdentityPoolProvider", "attributeMapping")
        self.assertIn("maximum length of an attribute mapping expression is 2048 characters", mapping)

    def test_default_audience_is_the_providers_name(self):
        text = self.description(self.iam, "Oidc", "allowedAudiences")
        self.assertIn("full canonical resource name of the WorkloadIdentityPoolProvider, with or without the HTTPS", text)
        self.assertIn('format!("https:{}", audience(provider))', source("src/core/src/google.rs"))

    def test_disabled_provider_leaves_existing_tokens(self):
        text = self.description(self.iam, "WorkloadIdentityPoolProvider", "disabled")
        self.assertIn("existing tokens still grant access", text)

    def test_token_types_are_the_documents(self):
        text = self.description(self.sts, "GoogleIdentityStsV1ExchangeTokenRequest", "subjectToken")
        text += self.description(self.sts, "GoogleIdentityStsV1ExchangeTokenRequest", "subjectTokenType")
        for name in ["AWS4_REQUEST", "JWT"]:
            self.assertIn(f"`{constant('src/core/src/google.rs', name)}`", text)
        self.assertIn(constant("src/core/src/google.rs", "TARGET_RESOURCE_HEADER"), text)
        self.assertIn("Must be `RS256` or `ES256`", text)
        self.assertIn("no more than 24 hours in the past", text)

    def test_introspect_is_not_in_the_document(self):
        self.assertFalse([method["id"] for method, _ in self.sts.methods if "introspect" in method["id"]])

    def test_lifetime_is_one_hour_or_up_to_twelve(self):
        text = self.description(self.credentials, "GenerateAccessTokenRequest", "lifetime")
        self.assertIn("By default, the maximum allowed value is 1 hour.", text)
        self.assertIn("lifetime of up to 12 hours", text)
        self.assertIn("constraints/iam.allowServiceAccountCredentialLifetimeExtension", text)
        self.assertIn("seconds(text, 600, 43_200)", source("src/core/src/parse/number.rs"))

    def test_delegates_need_the_token_creators_role(self):
        text = self.description(self.credentials, "GenerateAccessTokenRequest", "delegates")
        self.assertIn("must be granted the `roles/iam.serviceAccountTokenCreator` role on its next", text)
        self.assertIn("`projects/-/serviceAccounts/{ACCOUNT_EMAIL_OR_UNIQUEID}`", text)

    def test_allowed_locations_exist_for_each_principal(self):
        ids = {method["id"] for method, _ in self.credentials.methods}
        self.assertIn("iamcredentials.projects.serviceAccounts.getAllowedLocations", ids)
        self.assertIn("iamcredentials.projects.locations.workloadIdentityPools.getAllowedLocations", ids)


class GoogleAuthTest(unittest.TestCase):
    """google-auth, a library that reads the configuration that the webhook writes."""

    def config(self, **changes):
        config = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/aws-pool/providers/prod",
            "subject_token_type": constant("src/core/src/google.rs", "AWS4_REQUEST"),
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {
                "environment_id": "aws1",
                "region_url": "http://127.0.0.1:15080/latest/meta-data/placement/availability-zone",
                "url": "http://127.0.0.1:15080/latest/meta-data/iam/security-credentials",
                "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
                "imdsv2_session_token_url": "http://127.0.0.1:15080/latest/api/token",
            },
        }
        return config | changes

    def test_loopback_is_accepted_by_the_current_library(self):
        credentials = aws.Credentials.from_info(self.config())
        self.assertEqual(credentials._subject_token_type, "urn:ietf:params:aws:token-type:aws4_request")

    def test_only_aws1_is_an_environment(self):
        source = self.config()["credential_source"] | {"environment_id": "aws2"}
        with self.assertRaises(ValueError):
            aws.Credentials.from_info(self.config(credential_source=source))

    def test_impersonation_url_has_the_librarys_form(self):
        email = "nightly-report@shop-analytics.iam.gserviceaccount.com"
        url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{email}:generateAccessToken"
        credentials = aws.Credentials.from_info(self.config(service_account_impersonation_url=url))
        self.assertEqual(credentials.service_account_email, email)

    def test_target_resource_header_is_the_librarys(self):
        text = google_auth_source("aws.py")
        self.assertIn(constant("src/core/src/google.rs", "TARGET_RESOURCE_HEADER"), text)


if __name__ == "__main__":
    print(f"botocore {botocore.__version__}, google-auth {google.auth.__version__}")
    unittest.main(verbosity=1)
