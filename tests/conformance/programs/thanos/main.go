// Uses the storage of Thanos and Mimir: uploads an object, lists the bucket, reads the object and deletes it.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-kit/log"
	"github.com/thanos-io/objstore/providers/gcs"
)

func main() {
	if err := run(context.Background(), os.Getenv("RUN")+"/meta.json"); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string) error {
	config := fmt.Sprintf("bucket: %s\n", os.Getenv("BUCKET"))
	bucket, err := gcs.NewBucket(ctx, log.NewNopLogger(), []byte(config), "job", nil)
	if err != nil {
		return err
	}
	defer bucket.Close()
	if err := bucket.Upload(ctx, name, strings.NewReader("a block of samples")); err != nil {
		return err
	}
	found := false
	list := func(entry string) error {
		found = found || entry == name
		return nil
	}
	if err := bucket.Iter(ctx, os.Getenv("RUN")+"/", list); err != nil {
		return err
	}
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(time.Second) {
		content, err := read(ctx, bucket, name)
		if err != nil {
			return err
		}
		fmt.Printf("listed: %t, content: %s\n", found, content)
		if time.Now().After(end) {
			return bucket.Delete(ctx, name)
		}
	}
}

func read(ctx context.Context, bucket *gcs.Bucket, name string) ([]byte, error) {
	reader, err := bucket.Get(ctx, name)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	return io.ReadAll(reader)
}
