"""Tests of the program itself, with commands that only record their calls. The cluster tests run it on the fakes."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

from acceptance import report  # noqa: E402
from acceptance.answer import Answer, Verdict, judge  # noqa: E402
from acceptance.console import Console  # noqa: E402
from acceptance.http import Reply  # noqa: E402
from acceptance.questions import QUESTIONS  # noqa: E402
from acceptance.removal import Removals  # noqa: E402
from acceptance.setup import parse_commands  # noqa: E402

SCRIPT = """\
# Skip commands for resources that already exist.

# The cluster
ISSUER=https://issuer.example.com

# AWS: the role
cat >trust.json <<EOF
{
  # not a section
}
EOF
aws iam create-role --role-name a \\
  --path /

# Kubernetes
kubectl apply -f - <<'EOF'
a: b
---
# not a section
EOF
"""
# A command that records its call. $FAIL and $BLOCK are patterns of calls that fail and that never end.
RECORDER = """\
#!/bin/bash
call="$(basename "$0") $*"
echo "$call" >> "$CALLS"
[[ $call =~ $BLOCK ]] && { touch "$CALLS.blocked"; sleep 100000; }
[[ $call =~ $FAIL ]] && { echo "it failed with eyJhbGciOiJub25lIn0.e30.c2VjcmV0" >&2; exit 1; }
case $call in
  *openid-configuration*) echo '{"issuer": "https://issuer.example.com"}' ;;
  *"projects describe"*) echo 123456789012 ;;
  *"config view"*) echo '{}' ;;
  *"rolebridge setup"*) printf '# AWS: the role\\naws iam create-role\\n' ;;
  *"rolebridge --version"*) echo "rolebridge 1.2.3" ;;
  *"create token"*) echo header.claims.signature ;;
esac
"""
ROLE = "arn:aws:iam::111122223333:role/rolebridge-acceptance"


class Parts(unittest.TestCase):
    def test_parse_commands_keeps_each_command_as_printed(self):
        commands = parse_commands(SCRIPT)
        self.assertEqual(["The cluster", "AWS: the role", "AWS: the role", "Kubernetes"], [command.section for command in commands])
        kept = "".join(command.text for command in commands)
        dropped = [line for line in SCRIPT.splitlines() if line and line not in kept]
        self.assertEqual(["# Skip commands for resources that already exist.", "# The cluster", "# AWS: the role", "# Kubernetes"], dropped)

    def test_parse_commands_rejects_a_command_without_an_end(self):
        for script in ["cat <<EOF\na\n", "aws iam \\\n"]:
            with self.assertRaises(ValueError):
                parse_commands(script)

    def test_hide_removes_secrets_of_every_form(self):
        console = Console({})
        console.add_secret("known-secret")
        secrets = ["known-secret", "eyJhbGciOiJub25lIn0.e30.c2VjcmV0", "ya29.abc-DEF_1", "ASIA0123456789ABCDEF", "Bearer abc.def"]
        text = console.hide(" and ".join(secrets))
        for secret in secrets:
            self.assertNotIn(secret.removeprefix("Bearer "), text)

    def test_for_report_replaces_names(self):
        console = Console({}, {"shop": "PROJECT", "shop-data": "OTHER"})
        self.assertEqual("OTHER PROJECT", console.for_report("shop-data shop"))

    def test_words_reads_the_errors_of_both_clouds(self):
        cases = [
            ('{"error": "invalid_grant", "error_description": "No."}', "400 invalid_grant: No."),
            ('{"error": {"status": "UNAUTHENTICATED", "message": "No."}}', "400 UNAUTHENTICATED: No."),
            ("<E><Error><Code>AccessDenied</Code>\n<Message>No.</Message></Error></E>", "400: AccessDenied: No."),
            ("no format", "400"),
        ]
        for text, expected in cases:
            self.assertEqual(expected, Reply(400, text).words())

    def test_report_names_what_to_change_for_a_contradiction(self):
        text = report.render([], [(QUESTIONS[0], judge(False, "a | b\nc")), (QUESTIONS[1], judge(True, "d"))], ["aws iam delete-role"])
        self.assertIn(f"| {QUESTIONS[0].id} | a \\| b c | no |", text)
        self.assertIn(f"Change: {QUESTIONS[0].change}.", text)
        self.assertNotIn(QUESTIONS[1].change, text)
        self.assertIn("aws iam delete-role", text)

    def test_report_without_contradictions_has_no_such_section(self):
        text = report.render([], [(QUESTIONS[0], Answer(Verdict.NOT_ASKED, "no cluster"))], [])
        self.assertNotIn("## Contradictions", text)
        self.assertIn("| no cluster | not asked |", text)

    def test_questions_name_files_that_exist(self):
        root = HERE.parents[1]
        for question in QUESTIONS:
            files = [word for word in question.change.replace(";", " ").split() if "/" in word]
            self.assertTrue(files, question.id)
            for file in files:
                self.assertTrue((root / file).exists(), f"{question.id}: {file}")


class Runs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.calls = self.folder / "calls"
        for name in ("aws", "gcloud", "kubectl", "rolebridge"):
            (self.folder / name).write_text(RECORDER)
            (self.folder / name).chmod(0o755)

    def start(self, fail="^$", block="^$", arguments=("--yes",)):
        environment = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "CALLS": str(self.calls)}
        environment |= {"FAIL": fail, "BLOCK": block, "PYTHONPATH": str(HERE), "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}
        command = [sys.executable, "-m", "acceptance", "--project", "shop", "--role-arn", ROLE, "--timeout", "0", *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, process):
        output = process.communicate(timeout=60)[0]
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        return process.returncode, output, calls

    def test_without_yes_nothing_runs(self):
        code, output, calls = self.finish(self.start(arguments=()))
        self.assertEqual((2, []), (code, calls))
        self.assertIn("It costs nothing", output)

    def test_a_role_with_another_name_is_rejected(self):
        code, output, calls = self.finish(self.start(arguments=("--yes", "--role-arn", "arn:aws:iam::111122223333:role/admin")))
        self.assertEqual((2, []), (code, calls))
        self.assertIn("expected arn:aws:iam::ACCOUNT:role/rolebridge-acceptance…, found 'arn:aws:iam::111122223333:role/admin'", output)

    def test_clouds_that_cannot_be_reached_are_an_answer_and_everything_is_removed(self):
        code, output, calls = self.finish(self.start(arguments=("--yes", "--only", "deny-all-denies")))
        self.assertEqual(1, code, output)
        self.assertRegex(output, r"\| deny-all-denies \| EndpointConnectionError: .* \| unknown \|")
        self.assert_removed(calls)

    def test_a_command_that_fails_is_an_answer_and_everything_is_removed(self):
        code, output, calls = self.finish(self.start(fail="aws iam create-role", arguments=("--yes", "--only", "deny-all-denies")))
        self.assertEqual(1, code, output)
        self.assertRegex(output, r"\| deny-all-denies \| Unanswered: a command of rolebridge setup failed: .* \| unknown \|")
        self.assertNotIn("eyJ", output)
        self.assert_removed(calls)

    def test_an_interrupt_removes_everything(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start(block="aws iam create-role", arguments=("--yes", "--only", "deny-all-denies"))
            while not (blocked := self.folder / "calls.blocked").exists():
                self.assertIsNone(process.poll(), "the run ended early")
                time.sleep(0.05)
            process.send_signal(number)
            code, output, calls = self.finish(process)
            self.assertEqual(2, code, output)
            self.assert_removed(calls)
            blocked.unlink()
            self.calls.unlink()

    def test_what_cannot_be_removed_is_printed(self):
        code, output, _ = self.finish(self.start(fail="delete-role ", arguments=("--yes", "--only", "deny-all-denies")))
        self.assertEqual(3, code, output)
        self.assertIn("aws iam delete-role --role-name rolebridge-acceptance", output.split("## Not removed")[1])

    def assert_removed(self, calls):
        text = "\n".join(calls)
        for removal in [
            "aws iam delete-role --role-name rolebridge-acceptance",
            "aws iam delete-role-policy --role-name rolebridge-acceptance --policy-name acceptance",
            "aws iam delete-open-id-connect-provider --open-id-connect-provider-arn arn:aws:iam::111122223333:oidc-provider/issuer.example.com",
            "gcloud iam workload-identity-pools delete rolebridge-acc-",
            "gcloud iam service-accounts delete rolebridge-acceptance@shop.iam.gserviceaccount.com --project shop --quiet",
            "kubectl delete namespace rolebridge-acceptance",
        ]:
            self.assertIn(removal, text)


class Removal(unittest.TestCase):
    def test_run_is_in_reverse_order_and_ignores_what_is_gone(self):
        results = {"a": (1, "NoSuchEntity"), "b": (0, ""), "c": (1, "AccessDenied")}
        seen = []

        class Stub:
            def try_run(self, *command):
                seen.append(command[0])
                code, text = results[command[0]]
                return subprocess.CompletedProcess(command, code, "", text)

            def say(self, text):
                pass

        removals = Removals(Stub())
        for name in results:
            removals.add(name)
        self.assertEqual(["c"], removals.run())
        self.assertEqual(["c", "b", "a"], seen)


if __name__ == "__main__":
    unittest.main()
