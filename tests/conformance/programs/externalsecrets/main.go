// Uses External Secrets' provider of Secret Manager: pushes a value, reads it as the controller does, and deletes the secret.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/external-secrets/external-secrets/apis/externalsecrets/v1alpha1"
	"github.com/external-secrets/external-secrets/pkg/provider/gcp/secretmanager"
	corev1 "k8s.io/api/core/v1"
)

const (
	namespace = "shop"
	key       = "password"
)

func main() {
	if err := run(context.Background(), os.Getenv("PROJECT"), os.Getenv("NAME")); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, project, name string) error {
	// A store without `auth` takes the default credentials.
	store := &esv1.SecretStore{Spec: esv1.SecretStoreSpec{Provider: &esv1.SecretStoreProvider{
		GCPSM: &esv1.GCPSMProvider{ProjectID: project},
	}}}
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(time.Second) {
		if err := synchronize(ctx, store, name); err != nil {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// synchronize does what the controller does for a PushSecret, for an ExternalSecret, and when the PushSecret is deleted. It makes a
// client each time, as the controller does.
func synchronize(ctx context.Context, store *esv1.SecretStore, name string) error {
	client, err := (&secretmanager.Provider{}).NewClient(ctx, store, nil, namespace)
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	secret := &corev1.Secret{Data: map[string][]byte{key: []byte("winter sale")}}
	remote := v1alpha1.PushSecretRemoteRef{RemoteKey: name}
	data := v1alpha1.PushSecretData{Match: v1alpha1.PushSecretMatch{SecretKey: key, RemoteRef: remote}}
	if err := client.PushSecret(ctx, secret, data); err != nil {
		return err
	}
	value, err := client.GetSecret(ctx, esv1.ExternalSecretDataRemoteRef{Key: name})
	if err != nil {
		return err
	}
	if err := client.DeleteSecret(ctx, remote); err != nil {
		return err
	}
	exists, err := client.SecretExists(ctx, remote)
	if err != nil {
		return err
	}
	fmt.Printf("payload: %s, exists after: %t\n", value, exists)
	return nil
}
