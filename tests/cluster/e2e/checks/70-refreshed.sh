# What a pod does that nobody touches: the one that 10-main-job made to read its metrics.
# shellcheck shell=bash

renewed() {
  local page; page=$(scrape scraped)
  [ "$(awk 'index($0, "rolebridge_sidecar_refreshes_total{step=\"sign\",outcome=\"ok\"") == 1 {print $NF}' <<< "$page")" -gt 1 ]
}

token_is_refreshed() {
  # It is signed anew every two minutes, and the other checks took about as long.
  eventually 150 renewed
  equal 0 "$(kubectl --namespace shop get pods --selector app=scraped --output 'jsonpath={.items[0].status.initContainerStatuses[0].restartCount}')"
  has '"rows"' rows deployment/scraped
}

prove "the token is refreshed in a running pod" token_is_refreshed
