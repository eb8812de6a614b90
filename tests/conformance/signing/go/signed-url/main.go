package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"cloud.google.com/go/storage"
)

func main() {
	log.SetFlags(0) // without the time
	client, err := storage.NewClient(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	url, err := client.Bucket(os.Getenv("BUCKET")).SignedURL(os.Getenv("OBJECT"), &storage.SignedURLOptions{
		Scheme:  storage.SigningSchemeV4,
		Method:  "GET",
		Expires: time.Now().Add(15 * time.Minute),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(url)
}
