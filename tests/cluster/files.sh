# Writes the files of the cluster's processes: certificates, kubeconfigs, configuration. Sourced by `up`, in $state.
# shellcheck shell=bash

join() { local IFS=$1; shift; echo "$*"; } # separator, word...

key=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)

issue_certificate() { # file, subject, alternative names
  openssl req "${key[@]}" -keyout "pki/$1.key" -out "pki/$1.csr" -subj "$2" 2> /dev/null
  openssl x509 -req -in "pki/$1.csr" -CA pki/ca.crt -CAkey pki/ca.key -CAcreateserial -days 30 \
    -out "pki/$1.crt" -extfile <(echo "subjectAltName=$3") 2> /dev/null
}

write_client() { # name, subject
  issue_certificate "$1" "$2" DNS:client
  cat > "$1.kubeconfig" << X
apiVersion: v1
kind: Config
clusters: [{name: local, cluster: {server: "https://127.0.0.1:6443", certificate-authority: $state/pki/ca.crt}}]
users: [{name: me, user: {client-certificate: $state/pki/$1.crt, client-key: $state/pki/$1.key}}]
contexts: [{name: local, context: {cluster: local, user: me}}]
current-context: local
X
}

# Service account tokens are signed with RSA, as on EKS.
write_certificates() {
  openssl req -x509 "${key[@]}" -keyout pki/ca.key -out pki/ca.crt -days 30 -subj /CN=ca 2> /dev/null
  openssl genrsa -out pki/sa.key 2048 2> /dev/null
  openssl rsa -in pki/sa.key -pubout -out pki/sa.pub 2> /dev/null
  issue_certificate apiserver /CN=kube-apiserver \
    "DNS:kubernetes,DNS:kubernetes.default.svc,DNS:localhost,IP:127.0.0.1,IP:$api_address,IP:${node_ips//,/,IP:}"
  issue_certificate kubelet /CN=kubelet "DNS:node1,IP:127.0.0.1,IP:${node_ips//,/,IP:}"
  write_client kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  write_client scheduler /CN=system:kube-scheduler
  write_client controller-manager /CN=system:kube-controller-manager
  write_client proxy /CN=system:kube-proxy
  write_client node /O=system:nodes/CN=system:node:node1
  write_client admin /O=system:masters/CN=admin
}

write_network() {
  local routes=() ranges=()
  if [ "$network" != ipv6 ]; then
    routes+=('{"dst": "0.0.0.0/0"}') ranges+=('[{"subnet": "10.244.0.0/24", "rangeStart": "10.244.0.10"}]')
  fi
  if [ "$network" != ipv4 ]; then
    routes+=('{"dst": "::/0"}') ranges+=('[{"subnet": "fd00:10:244::/64", "rangeStart": "fd00:10:244::10"}]')
  fi
  cat > cni/10-bridge.conflist << X
{"cniVersion": "0.4.0", "name": "rolebridge-pods", "plugins": [{"type": "bridge", "bridge": "cni0", "isGateway": true,
 "hairpinMode": true, "ipam": {"type": "host-local", "dataDir": "$state/addresses",
 "routes": [$(join , "${routes[@]}")], "ranges": [$(join , "${ranges[@]}")]}}]}
X
}

# restrict_oom_score_adj: in a container without CAP_SYS_RESOURCE, no process may lower its oom_score_adj. Without this
# setting, runc only reports "can't get final child's PID from pipe: EOF".
write_containerd() {
  cat > containerd.toml << X
version = 2
root = "$state/containerd"
state = "$state/containerd-run"
[grpc]
  address = "$state/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$state/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
X
}

# failCgroupV1: the kubelet also starts on machines with cgroup v1. cgroupsPerQOS: it manages no cgroups for QoS classes.
write_kubelet() {
  cat > kubelet.yaml << X
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {enabled: false}, x509: {clientCAFile: $state/pki/ca.crt}}
authorization: {mode: AlwaysAllow}
tlsCertFile: $state/pki/kubelet.crt
tlsPrivateKeyFile: $state/pki/kubelet.key
containerRuntimeEndpoint: unix://$state/containerd.sock
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
evictionHard: {memory.available: 50Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
syncFrequency: 2s
X
}
