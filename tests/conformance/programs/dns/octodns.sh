# octodns.sh OUT: creates a zone from a file, then finds nothing to change in it.
set -eu
mkdir config
cat > sync.yaml <<CONFIG
providers:
  config: {class: octodns.provider.yaml.YamlProvider, directory: config, enforce_order: false}
  google: {class: octodns_googlecloud.GoogleCloudProvider, project: $PROJECT}
zones:
  $NAME.example.org.: {sources: [config], targets: [google]}
CONFIG
cat > "config/$NAME.example.org.yaml" <<CONFIG
orders: {type: A, ttl: 300, value: 192.0.2.7}
CONFIG
"$1/bin/octodns-sync" --config-file sync.yaml --doit --force
"$1/bin/octodns-sync" --config-file sync.yaml
