// Keeps a backup with Velero's plugin for Google, which runs as a process of its own, as below Velero's server.
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/vmware-tanzu/velero/pkg/plugin/clientmgmt"
	"github.com/vmware-tanzu/velero/pkg/plugin/clientmgmt/process"
	"github.com/vmware-tanzu/velero/pkg/plugin/framework"
	"github.com/vmware-tanzu/velero/pkg/plugin/velero"
)

func main() {
	// Velero's registry starts its own program too, which serves the plugins that are inside it: here none.
	if slices.Contains(os.Args, "run-plugins") {
		framework.NewServer().Serve()
		return
	}
	if err := run(os.Getenv("PLUGINS"), os.Getenv("BUCKET"), os.Getenv("RUN")); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(plugins, bucket, prefix string) error {
	logger := logrus.New()
	logger.SetLevel(logrus.WarnLevel)
	registry := process.NewRegistry(plugins, logger, logger.Level)
	if err := registry.DiscoverPlugins(); err != nil {
		return err
	}
	manager := clientmgmt.NewManager(logger, logger.Level, registry)
	defer manager.CleanupClients()
	store, err := manager.GetObjectStore("velero.io/gcp")
	if err != nil {
		return err
	}
	// The `config` of a BackupStorageLocation.
	config := map[string]string{"bucket": bucket, "prefix": prefix, "serviceAccount": os.Getenv("ACCOUNT")}
	if err := store.Init(config); err != nil {
		return err
	}
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(time.Second) {
		if err := keep(store, bucket, prefix+"/backups/"); err != nil {
			return err
		}
		if time.Now().After(end) {
			return nil
		}
	}
}

// keep stores a backup in a folder, finds, reads and deletes it.
func keep(store velero.ObjectStore, bucket, folder string) error {
	key := folder + "nightly/velero-backup.json"
	if err := store.PutObject(bucket, key, strings.NewReader("a backup")); err != nil {
		return err
	}
	backups, err := store.ListCommonPrefixes(bucket, folder, "/")
	if err != nil {
		return err
	}
	content, err := read(store, bucket, key)
	if err != nil {
		return err
	}
	if err := store.DeleteObject(bucket, key); err != nil {
		return err
	}
	exists, err := store.ObjectExists(bucket, key)
	if err != nil {
		return err
	}
	fmt.Printf("listed: %s, content: %s, exists after: %t\n", backups, content, exists)
	return nil
}

func read(store velero.ObjectStore, bucket, key string) ([]byte, error) {
	reader, err := store.GetObject(bucket, key)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return io.ReadAll(reader)
}
