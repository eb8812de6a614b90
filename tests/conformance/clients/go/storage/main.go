package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

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
	reader, err := client.Bucket(os.Getenv("BUCKET")).Object(os.Getenv("OBJECT")).NewReader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(content))
}
