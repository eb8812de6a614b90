package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"strconv"
	"time"

	"cloud.google.com/go/storage"
	"google.golang.org/api/option"
)

func main() {
	log.SetFlags(0) // without the time
	ctx := context.Background()
	client, err := storage.NewClient(ctx, option.WithEndpoint(os.Getenv("STORAGE_URL")+"/storage/v1/"), storage.WithJSONReads())
	if err != nil {
		log.Fatal(err)
	}
	object := client.Bucket(os.Getenv("BUCKET")).Object(os.Getenv("OBJECT"))
	seconds, _ := strconv.Atoi(os.Getenv("REPEAT_SECONDS"))
	end := time.Now().Add(time.Duration(seconds) * time.Second)
	for {
		fmt.Println(read(ctx, object))
		if time.Now().After(end) {
			return
		}
		time.Sleep(time.Second)
	}
}

func read(ctx context.Context, object *storage.ObjectHandle) string {
	reader, err := object.NewReader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	content, err := io.ReadAll(reader)
	if err != nil {
		log.Fatal(err)
	}
	return string(content)
}
