package main

import (
	"context"
	"io"
	"log"
	"os"

	"google.golang.org/api/idtoken"
)

func main() {
	log.SetFlags(0) // without the time
	url := os.Getenv("APPLICATION_URL")
	client, err := idtoken.NewClient(context.Background(), os.Getenv("CLIENT_ID"))
	if err != nil {
		log.Fatal(err)
	}
	response, err := client.Get(url)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.Copy(os.Stdout, response.Body); err != nil {
		log.Fatal(err)
	}
}
