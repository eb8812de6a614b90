# The program that asks real accounts (tests/acceptance), on this cluster as on a user's: only the clouds are fakes. Each of its
# questions has an answer, and nothing is left. It takes two and a half minutes, so it only runs if its name is given.
# shellcheck shell=bash

# start_acceptance_clouds: starts fake clouds on this machine, because the clouds' own commands make everything there.
start_acceptance_clouds() {
  mkdir -p "$acceptance"
  kubectl get --raw /openid/v1/jwks > "$acceptance/keys"
  local issuer; issuer=$(kubectl get --raw /.well-known/openid-configuration | sed 's/.*"issuer":"\([^"]*\)".*/\1/')
  . "$root/tests/python/venv.sh"
  local venv; venv=$(venv "$root/tests/python/requirements.txt")
  PYTHONDONTWRITEBYTECODE=1 setsid "$venv/bin/python" "$root/tests/acceptance/fakes.py" "$programs/fake-clouds" "$acceptance" \
    --address "$node_ipv4" --issuer "$issuer" --keys "$acceptance/keys" > "$acceptance/log" 2>&1 &
  echo $! > "$acceptance/fakes.pid"
  eventually test -e "$acceptance/environment"
  . "$acceptance/environment"
  # EKS's webhook and the agent on EKS's nodes.
  render_object acceptance-eks | kubectl apply --filename -
  kubectl --namespace clouds delete pod eks-agent --ignore-not-found --wait
  ip address replace 169.254.170.23/32 dev cni0
  setsid "$venv/bin/python" "$e2e/objects/agent.py" 169.254.170.23 80 127.0.0.1 "$POD_IDENTITY_PORT" >> "$acceptance/log" 2>&1 &
  echo $! > "$acceptance/agent.pid"
  eventually bash -c ': < /dev/tcp/169.254.170.23/80'
  kubectl create configmap clouds --from-file=ca.crt="$acceptance/ca.crt" --dry-run=client --output yaml > "$acceptance/ca.yaml"
}

stop_acceptance_clouds() {
  local name
  for name in fakes agent; do kill "$(cat "$acceptance/$name.pid")" && rm "$acceptance/$name.pid"; done
  render_object acceptance-eks | kubectl delete --filename -
}

acceptance_run() {
  . "$acceptance/environment"
  PATH=$programs:$PATH "$root/tests/acceptance/run" --yes --project "$PROJECT" --role-arn "arn:aws:iam::$ACCOUNT:role/rolebridge-acceptance" \
    --region "$AWS_REGION" --eks-cluster "$EKS_CLUSTER" --image localhost/pause:1 --apply "$acceptance/ca.yaml" \
    --namespace-annotation rolebridge.io/aws-sts-endpoint="$AWS_ENDPOINT_URL_STS" \
    --namespace-annotation rolebridge.io/sts-endpoint="$GOOGLE_STS" \
    --namespace-annotation rolebridge.io/iam-credentials-endpoint="$IAM_CREDENTIALS" \
    --google-sts-endpoint "$GOOGLE_STS" --iam-credentials-endpoint "$IAM_CREDENTIALS" \
    --timeout 120 --report "$acceptance/report.md"
}

# Each question of the table has one line. There is no Fargate here.
acceptance_report_is_complete() {
  cat "$acceptance/report.md"
  local question expected questions
  mapfile -t questions < <(sed -n 's/^        "\([a-z-]*\)",$/\1/p' "$root/tests/acceptance/acceptance/questions.py")
  [ "${#questions[@]}" -gt 1 ]
  for question in "${questions[@]}"; do
    expected=yes
    [ "$question" != fargate ] || expected='not asked'
    assert_equal 1 "$(grep -c "^| $question | .* | $expected |$" "$acceptance/report.md")"
  done
  note "${#questions[@]} questions"
}

acceptance_leaves_nothing() {
  output_lacks rolebridge-acceptance kubectl get namespaces
  output_has '"roles": []' cat "$acceptance/clouds.json"
  output_has '"oidcProviders": []' cat "$acceptance/clouds.json"
  output_has '"associations": []' cat "$acceptance/clouds.json"
}

acceptance=$work/acceptance
if [ $# = 0 ]; then
  echo "not run: make acceptance-cluster (each night)"
elif [ "$local_cluster" ] && command -v gcloud > /dev/null; then
  run_check "acceptance: clouds for the questions are started on this machine" start_acceptance_clouds
  run_check "acceptance: the program asks this cluster and the fakes, and no answer contradicts the product" acceptance_run
  run_check "acceptance: the report answers every open question" acceptance_report_is_complete
  run_check "acceptance: nothing is left in the cluster and in the clouds" acceptance_leaves_nothing
  stop_acceptance_clouds > /dev/null 2>&1 || true
else
  run_check "acceptance: this machine has gcloud, and its own cluster" false
fi
