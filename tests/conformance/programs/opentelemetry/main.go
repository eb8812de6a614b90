// Runs an OpenTelemetry Collector that sends the lines of a log file to Cloud Logging, and reads the entries there.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	logging "cloud.google.com/go/logging/apiv2"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/googlecloudexporter"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/filelogreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/service/telemetry/otelconftelemetry"
	"google.golang.org/api/iterator"
)

// The collector reads the file and writes to the log, both named in its configuration.
const file, poll = "orders.log", 200 * time.Millisecond

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, config string) error {
	collector, err := otelcol.NewCollector(settings(config))
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- collector.Run(ctx) }()
	jobError := writeAndRead(ctx, ended)
	collector.Shutdown()
	if jobError != nil {
		return jobError
	}
	return <-ended
}

func settings(config string) otelcol.CollectorSettings {
	return otelcol.CollectorSettings{
		BuildInfo: component.NewDefaultBuildInfo(),
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{ResolverSettings: confmap.ResolverSettings{
			URIs:              []string{"file:" + config},
			ProviderFactories: []confmap.ProviderFactory{fileprovider.NewFactory()},
		}},
	}
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](filelogreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](googlecloudexporter.NewFactory())
	telemetry := otelconftelemetry.NewFactory()
	return otelcol.Factories{Receivers: receivers, Exporters: exporters, Telemetry: telemetry}, err
}

// writeAndRead writes lines to the file, and reads each from Cloud Logging.
func writeAndRead(ctx context.Context, ended <-chan error) error {
	client, err := logging.NewClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for number := 1; ; number++ {
		line := fmt.Sprintf("%s: order %d arrived", os.Getenv("NAME"), number)
		if err := appendLine(line); err != nil {
			return err
		}
		for found := false; !found; time.Sleep(poll) {
			if found, err = isThere(ctx, client, line); err != nil {
				return err
			}
			select {
			case err := <-ended:
				return fmt.Errorf("the collector ended before it sent %q: %w", line, err)
			default:
			}
		}
		fmt.Printf("in Cloud Logging: %s\n", line)
		if time.Now().After(end) {
			return nil
		}
	}
}

func appendLine(line string) error {
	target, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer target.Close()
	_, err = fmt.Fprintln(target, line)
	return err
}

func isThere(ctx context.Context, client *logging.Client, line string) (bool, error) {
	request := loggingpb.ListLogEntriesRequest{
		ResourceNames: []string{"projects/" + os.Getenv("PROJECT")},
		Filter:        fmt.Sprintf("textPayload=%q", line),
	}
	_, err := client.ListLogEntries(ctx, &request).Next()
	if err == iterator.Done {
		return false, nil
	}
	return err == nil, err
}
