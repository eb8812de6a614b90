# The token of an undisturbed pod is renewed: the pod that 10-main-job created for its metrics.
# shellcheck shell=bash

signed_again() {
  local metrics; metrics=$(scrape scraped)
  [ "$(awk 'index($0, "rolebridge_sidecar_refreshes_total{step=\"sign\",outcome=\"ok\"") == 1 {print $NF}' <<< "$metrics")" -gt 1 ]
}

token_is_renewed() {
  # The sidecar signs every two minutes, and the other checks took about as long.
  eventually signed_again
  assert_equal 0 "$(kubectl --namespace shop get pods --selector app=scraped --output 'jsonpath={.items[0].status.initContainerStatuses[0].restartCount}')"
  output_has '"rows"' recent_rows deployment/scraped
}

run_check "the token is renewed in a running pod" token_is_renewed
