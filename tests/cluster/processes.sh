# Starts and stops the cluster's processes, and waits for them. Sourced by `up`, `down` and `restart`, in $state.
# shellcheck shell=bash

# start NAME COMMAND...: starts a process in its own session. A Ctrl-C at the terminal then interrupts the script, which
# cleans up, and not the process.
start() {
  local name=$1; shift
  setsid nohup "$@" >> "log/$name.log" 2>&1 < /dev/null &
  echo $! > "$name.pid"
}

# stop NAME: stops a process by its recorded ID, if that process is still ours, because IDs of processes and threads are
# reused. Kills it after three seconds: the API server would wait a minute for open watches.
stop() {
  local pid command waited=0
  pid=$(cat "$1.pid" 2> /dev/null) || return 0
  rm -f "$1.pid"
  command=$(command_of "$pid")
  grep -qE -- "$bin|$state|containerd.toml" <<< "$command" || return 0
  kill "$pid" 2> /dev/null
  while [ "$(command_of "$pid")" = "$command" ]; do
    [ $((waited += 1)) -lt 30 ] || kill -KILL "$pid" 2> /dev/null
    sleep .1
  done
}

# command_of PID: prints the command line, or nothing for a dead process, reaped or not.
command_of() { tr '\0' ' ' < "/proc/$1/cmdline" 2> /dev/null; }

# await COMMAND...: retries COMMAND until it succeeds. Fails after five minutes, several times what the slowest machine needs.
await() {
  local deadline=$((SECONDS + 300))
  until "$@" > /dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { echo "timed out: $*; see $state/log" >&2; return 1; }
    sleep .25
  done
}

api() { "$bin/kubectl" --kubeconfig admin.kubeconfig "$@"; }
node_is_ready() { api get node node1 | grep ' Ready' > /dev/null; }

start_etcd() {
  start etcd "$bin/etcd" --data-dir etcd --unsafe-no-fsync --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
}

# With aggregator routing, the API server calls a webhook's Service by its endpoints. The API server runs on the host, where
# Service addresses do not work before kube-proxy runs. Older versions serve MutatingAdmissionPolicy, which the checks use, only
# as alpha or beta.
start_apiserver() {
  start apiserver "$components/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --secure-port=6443 \
    --advertise-address="${node_ips%,*}" --tls-cert-file=pki/apiserver.crt --tls-private-key-file=pki/apiserver.key \
    --client-ca-file=pki/ca.crt --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file=pki/sa.pub --service-account-signing-key-file=pki/sa.key \
    --service-cluster-ip-range="$service_ranges" --authorization-mode=Node,RBAC --allow-privileged \
    --enable-aggregator-routing --feature-gates MutatingAdmissionPolicy=true \
    --runtime-config admissionregistration.k8s.io/v1alpha1=true,admissionregistration.k8s.io/v1beta1=true --kubelet-preferred-address-types=InternalIP \
    --kubelet-certificate-authority=pki/ca.crt \
    --kubelet-client-certificate=pki/kubelet-client.crt --kubelet-client-key=pki/kubelet-client.key
}

start_controller-manager() {
  start controller-manager "$components/kube-controller-manager" --kubeconfig controller-manager.kubeconfig \
    --leader-elect=false --use-service-account-credentials --horizontal-pod-autoscaler-sync-period=2s \
    --service-account-private-key-file=pki/sa.key \
    --root-ca-file=pki/ca.crt --kube-api-qps=200 --kube-api-burst=400
}

start_scheduler() {
  start scheduler "$components/kube-scheduler" --kubeconfig scheduler.kubeconfig --leader-elect=false \
    --kube-api-qps=200 --kube-api-burst=400
}

start_containerd() { start containerd containerd -c containerd.toml; }

start_kubelet() {
  start kubelet "$components/kubelet" --config kubelet.yaml --kubeconfig node.kubeconfig --hostname-override node1 \
    --node-ip "$node_ips" --root-dir "$state/kubelet"
}

# In a container, kube-proxy may not change the limits of connection tracking, so all three flags are 0.
start_proxy() {
  start proxy "$components/kube-proxy" --kubeconfig proxy.kubeconfig --hostname-override node1 --proxy-mode iptables \
    --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0 --conntrack-tcp-timeout-close-wait 0
}

# kube-router is optional: `restart kube-router` starts it. It only enforces NetworkPolicies. kube-proxy and the bridge do the rest.
# Packets between two pods of a bridge pass iptables only with this setting of the kernel.
start_kube-router() {
  sysctl -qw net.bridge.bridge-nf-call-iptables=1
  start kube-router "$bin/kube-router" --kubeconfig admin.kubeconfig --hostname-override node1 --run-firewall \
    --run-router=false --run-service-proxy=false --service-cluster-ip-range "$service_ranges" --health-port 0
}

# stop_enforcement: stops kube-router, and deletes its rules and sets of addresses, which would remain in effect.
stop_enforcement() {
  stop kube-router
  if iptables-save -t filter 2> /dev/null | grep '^:KUBE-ROUTER-' > /dev/null; then
    iptables-save -t filter | grep -vE 'KUBE-(ROUTER|POD-FW|NWPLCY)-' | iptables-restore
    ipset list -name | grep '^KUBE-' | xargs -r -n 1 ipset destroy
  fi
}

# can_enforce: succeeds if the network and the kernel are those that kube-router needs. Otherwise prints what is missing.
can_enforce() {
  if [ "$network" != ipv4 ]; then echo "the policies of these checks have addresses of IPv4 alone"; return 1; fi
  modprobe br_netfilter 2> /dev/null || true
  if [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then echo "the kernel has no br_netfilter"; return 1; fi
  unshare --net sh -ec 'ipset create a hash:ip; iptables -A INPUT -m set --match-set a src -j REJECT
    iptables -A FORWARD -m physdev --physdev-is-bridged -j ACCEPT; iptables -A INPUT -j NFLOG' > /dev/null 2>&1 ||
    { echo "the kernel has no ipset, or iptables lacks the matches set and physdev"; return 1; }
}

# can_serve_network: succeeds if the kernel has what $network needs. Otherwise prints what is missing.
can_serve_network() {
  if [ "$network" = ipv4 ]; then return; fi
  if [ "$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6 2> /dev/null)" != 0 ]; then echo "the kernel has no IPv6"; return 1; fi
  unshare --net ip6tables --table nat --list > /dev/null 2>&1 || { echo "the kernel has no NAT for IPv6"; return 1; }
}

# The registry is optional: `restart registry` starts it. containerd pulls without TLS from this address of the machine only.
registry_address=127.0.0.1:5000
start_registry() {
  cat > registry.yaml << X
version: 0.1
storage: {filesystem: {rootdirectory: $state/registry}}
http: {addr: "$registry_address"}
X
  start registry "$bin/registry" serve registry.yaml
}

# cert-manager is optional: `restart cert-manager cainjector` starts it.
start_cert-manager() {
  start cert-manager "$bin/cert-manager" --kubeconfig admin.kubeconfig --leader-elect=false \
    --controllers=issuers,certificaterequests-issuer-ca,certificaterequests-issuer-selfsigned,certificates-issuing,certificates-key-manager,certificates-metrics,certificates-readiness,certificates-request-manager,certificates-revision-manager,certificates-trigger,certificaterequests-approver
}

start_cainjector() { start cainjector "$bin/cainjector" --kubeconfig admin.kubeconfig --leader-elect=false; }
