// Asks KEDA's scaler of Cloud Storage for the number of objects of a bucket, before and after one more is there.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"cloud.google.com/go/storage"
	kedav1alpha1 "github.com/kedacore/keda/v2/apis/keda/v1alpha1"
	"github.com/kedacore/keda/v2/pkg/scalers"
	"github.com/kedacore/keda/v2/pkg/scalers/scalersconfig"
)

func main() {
	if err := run(context.Background(), os.Getenv("BUCKET"), os.Getenv("RUN")+"/orders/"); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, bucket, folder string) error {
	scaler, err := scalers.NewGcsScaler(&scalersconfig.ScalerConfig{
		TriggerMetadata: map[string]string{"bucketName": bucket, "blobPrefix": folder, "targetObjectCount": "5"},
		// As for a TriggerAuthentication with `podIdentity: {provider: gcp}`.
		PodIdentity: kedav1alpha1.AuthPodIdentity{Provider: kedav1alpha1.PodIdentityProviderGCP},
	})
	if err != nil {
		return err
	}
	defer scaler.Close(ctx)
	if err := report(ctx, scaler); err != nil {
		return err
	}
	if err := write(ctx, bucket, folder+"order.json"); err != nil {
		return err
	}
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(time.Second) {
		if err := report(ctx, scaler); err != nil {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// report prints the metric that the HorizontalPodAutoscaler gets, and whether a workload of no pods starts.
func report(ctx context.Context, scaler scalers.Scaler) error {
	name := scaler.GetMetricSpecForScaling(ctx)[0].External.Metric.Name
	metrics, active, err := scaler.GetMetricsAndActivity(ctx, name)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %s, active: %t\n", name, &metrics[0].Value, active)
	return nil
}

func write(ctx context.Context, bucket, object string) error {
	client, err := storage.NewClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	writer := client.Bucket(bucket).Object(object).NewWriter(ctx)
	if _, err := fmt.Fprint(writer, "an order"); err != nil {
		return err
	}
	return writer.Close()
}
