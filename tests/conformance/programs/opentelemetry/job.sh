# job.sh PROGRAM: runs the collector with a file that it follows.
set -eu
cat > collector.yaml <<CONFIG
receivers:
  file_log: {include: [orders.log], start_at: beginning, poll_interval: 100ms}
exporters:
  googlecloud: {project: $PROJECT, log: {default_log_name: orders}}
service:
  pipelines:
    logs: {receivers: [file_log], exporters: [googlecloud]}
  telemetry: {metrics: {level: none}}
CONFIG
"$1" collector.yaml
