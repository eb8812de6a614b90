# Three stock programs in a Deployment, a StatefulSet and a CronJob, for longer than two lifetimes of every session and token.
# clouds.yaml shortens these for one role. They start in the foreground, because 20-opt-in counts the webhook's reviews. The rest is in
# the background, until 55-kubelet.
# shellcheck shell=bash

lifetime=25 # seconds, as in clouds.yaml
lifetimes_kubectl() { kubectl --namespace lifetimes "$@"; }

start_programs() {
  kubectl create namespace lifetimes
  kubectl label namespace lifetimes pod-security.kubernetes.io/enforce=restricted
  lifetimes_kubectl create configmap clouds --from-file=ca.crt="$work/clouds-ca.crt"
  lifetimes_kubectl create configmap app --from-file="$e2e/objects/lifetimes_app.py"
  render_object lifetimes SECONDS=$((2 * lifetime + 20)) | lifetimes_kubectl apply --filename -
  lifetimes_kubectl create job gcsfs --from cronjob/gcsfs
  lifetimes_kubectl rollout status deployment/storage --timeout "${longest_wait}s"
  lifetimes_kubectl rollout status statefulset/rclone --timeout "${longest_wait}s"
  eventually output_has gcsfs lifetimes_kubectl get pods --selector=job-name=gcsfs --output name
}

# Each pod has a sidecar, as the first init container, although only its template has the annotation.
pods_have_sidecars() {
  local app
  for app in storage rclone gcsfs; do
    assert_equal rolebridge "$(lifetimes_kubectl get pods --selector "app=$app" --output 'jsonpath={.items[*].spec.initContainers[0].name}')"
  done
}

renewed() {
  kubectl --namespace clouds logs deployment/clouds --container clouds --since 10m | grep '"operation":' |
    "$e2e/lifetimes.py" $lifetime deployment stateful-set cron-job
}
outlive_two_lifetimes() {
  eventually renewed
  note "$(renewed)"
}
refused_reads() { cloud_events GetObject | grep -c '"status":401' || true; }

job_of_the_cron_job_completes() {
  pod_succeeds lifetimes --selector=job-name=gcsfs
  lifetimes_kubectl wait job/gcsfs --for=condition=Complete --timeout "${longest_wait}s"
  output_has 'reads: ' lifetimes_kubectl logs job/gcsfs --container app
}

# No container restarted, and rclone served every request of the kubelet.
programs_never_failed() {
  local before=$1 restarts
  restarts=$(lifetimes_kubectl get pods --output 'jsonpath={.items[*].status.containerStatuses[*].restartCount} {.items[*].status.initContainerStatuses[*].restartCount}')
  assert_equal 0 "$(tr ' ' '\n' <<< "$restarts" | sort -u)"
  assert_equal '' "$(lifetimes_kubectl logs rclone-0 --container app | grep ERROR)"
  assert_equal "$before" "$(refused_reads)"
}

lifetimes() {
  run_check "lifetimes: every pod is admitted with the sidecar in a restricted namespace" pods_have_sidecars
  run_check "lifetimes: the job of the CronJob completes" job_of_the_cron_job_completes
  run_check "lifetimes: all outlive two sessions and tokens of $lifetime s" outlive_two_lifetimes
  run_check "lifetimes: no program failed and no token was refused" programs_never_failed "$reads_refused_before"
  kubectl delete namespace lifetimes --wait=false
}

reads_refused_before=$(refused_reads)
run_check "lifetimes: google-cloud-storage, rclone and gcsfs start in a Deployment, a StatefulSet and a CronJob" start_programs
start_in_background lifetimes
