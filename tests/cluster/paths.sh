# Paths of the cluster's programs, state and images. Sourced by the scripts in this folder.
# shellcheck shell=bash disable=SC2034
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
archive=$here/../../images/archive.py # writes images without a container engine
cache=${ROLEBRIDGE_CLUSTER_CACHE:-$HOME/.cache/rolebridge-cluster}
bin=$cache/bin       # programs that `build` compiles
newest=1.37 # the newest Kubernetes of the modules in kubernetes/
kubernetes=${KUBERNETES_VERSION:-$newest}
components=$bin/kubernetes-$kubernetes # its programs, without kubectl, which is always the newest
state=$cache/state   # state of the running cluster: `up` creates it, `down` deletes it
images=$cache/images # images that `up` and `python-image` write
kubeconfig=$state/admin.kubeconfig

# The network of the cluster: the node's addresses, the ranges of the Services, and the address of the Service `kubernetes`. The
# first family is that of a Service that names none.
network=${CLUSTER_NETWORK:-ipv4}
node_ipv4=10.244.0.1 node_ipv6=fd00:10:244::1
services_ipv4=10.96.0.0/16 services_ipv6=fd00:10:96::/112
case $network in
  ipv4) node_ips=$node_ipv4 service_ranges=$services_ipv4 api_address=10.96.0.1 ;;
  ipv6) node_ips=$node_ipv6 service_ranges=$services_ipv6 api_address=fd00:10:96::1 ;;
  dual-stack) node_ips=$node_ipv4,$node_ipv6 service_ranges=$services_ipv4,$services_ipv6 api_address=10.96.0.1 ;;
  *) echo "CLUSTER_NETWORK: expected ipv4, ipv6 or dual-stack, found $network" >&2; exit 2 ;;
esac
